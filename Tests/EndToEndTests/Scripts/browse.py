#!/usr/bin/env python3
"""Opens a page in headless Chromium, waits until it is loaded, clicks a link with the mouse, and waits for where it leads.

usage: browse.py PROFILE SPKI[,SPKI] PAGE-URL LINK-TEXT
Prints a JSON object: images loaded, tracked links shown and hidden, the link's href, the page arrived at.
"""
import json
import sys

sys.dont_write_bytecode = True
from chromium import Browser

profile, pins, page, wanted = sys.argv[1:5]


def main():
    browser = Browser(profile, pins)
    try:
        session = browser.tab()
        browser.call("Page.navigate", session, url=page)
        browser.wait(session, f"location.href == {json.dumps(page)} && document.readyState == 'complete'")
        images = browser.value(
            session, "Array.from(document.images).map(i => [i.src.slice(0, 200), i.complete && i.naturalWidth > 0])")
        links = browser.value(session, """(() => {
            const tracked = Array.from(document.links).filter(a => a.pathname.includes('/c/'));
            const hidden = tracked.filter(a => a.getClientRects().length == 0);
            const found = hidden.filter(a => a.tabIndex >= 0 || !a.closest('[aria-hidden=true]') || a.textContent);
            return {shown: tracked.length - hidden.length, hidden: hidden.length, reachable: found.length};
        })()""")
        place = browser.value(session, f"""(() => {{
            const link = Array.from(document.links).find(a => a.textContent.includes({json.dumps(wanted)}));
            if (!link) return null;
            link.scrollIntoView({{block: 'center'}});
            const box = link.getClientRects()[0];
            return {{x: box.x + box.width / 2, y: box.y + box.height / 2, href: link.href}};
        }})()""")
        if not place:
            raise RuntimeError("the page has no such link")
        browser.press(session, place["x"], place["y"])
        title = browser.wait(session, "document.readyState == 'complete' && document.title == 'Arrived' && document.title")
        arrived = browser.value(session, "location.href")
        print(json.dumps({"images": images, "href": place["href"], "title": title, "arrived": arrived, **links}))
    finally:
        browser.close()


main()
