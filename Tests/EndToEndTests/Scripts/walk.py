#!/usr/bin/env python3
"""Goes through pages in headless Chromium as a person does, by mouse or by keys, and tells what each page is like.

usage: walk.py PROFILE SPKI[,SPKI] < PLAN
The plan is a JSON object: `language` (what the browser accepts), `width` in CSS pixels, `dark`, and `steps`, each one of
{"go": URL}, {"write": TEXT} (into the field that has the focus), {"tab": TIMES}, {"enter": true}, {"press": SELECTOR} (with the mouse).
`shot`, beside any of them, is a file for a picture of the page as it is then.
Prints a JSON array: for each step what the page is like.
"""
import base64
import json
import sys

sys.dont_write_bytecode = True
from chromium import Browser

# What can be measured of a page's fitness for everybody (WCAG 2.2: 1.3.1, 1.4.3, 1.4.10, 2.4.7, 2.5.8, 3.1.1, 4.1.2).
FACTS = """(() => {
    const shown = e => { const b = e.getBoundingClientRect(); return b.width > 0 && b.height > 0 && b.right > 0; };
    const all = s => Array.from(document.querySelectorAll(s));
    const colour = text => { const p = text.match(/[\\d.]+/g).map(Number); return p.length > 3 ? p : [...p, 1]; };
    const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = e => {
        for (; e; e = e.parentElement) {
            const c = colour(getComputedStyle(e).backgroundColor);
            if (c[3] == 1) return c;
        }
        return [255, 255, 255, 1];
    };
    const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
    const texts = all('body *').filter(e => shown(e) && (e.matches('input[type=email]')
        || Array.from(e.childNodes).some(n => n.nodeType == 3 && n.data.trim())));
    const contrasts = texts.map(e => ratio(colour(getComputedStyle(e).color), ground(e)));
    const fields = all('input:not([type=hidden]), select, textarea').filter(shown);
    const targets = all('button, input, main a, footer a').filter(shown);
    const focus = document.activeElement;
    const ring = focus && getComputedStyle(focus);
    return {
        url: location.href, title: document.title, lang: document.documentElement.lang, text: document.body.innerText,
        html: document.documentElement.outerHTML,
        headings: all('h1, h2, h3, h4, h5, h6').map(e => e.tagName.toLowerCase()),
        mains: all('main').length, scripts: document.scripts.length, fetched: performance.getEntriesByType('resource').length,
        unnamed: fields.filter(e => !(e.labels && Array.from(e.labels).some(l => shown(l) && l.innerText.trim()))).length,
        overflows: document.documentElement.scrollWidth > window.innerWidth,
        contrast: Math.min(...contrasts),
        smallest: Math.min(1000, ...targets.map(e => { const b = (e.closest('label') || e).getBoundingClientRect(); return Math.min(b.width, b.height); })),
        focus: focus ? focus.id || focus.tagName.toLowerCase() : '',
        ring: ring && ring.outlineStyle != 'none' ? parseFloat(ring.outlineWidth) : 0,
    };
})()"""
KEYS = {"Tab": (9, ""), "Enter": (13, "\r")}


def key(browser, session, name):
    code, text = KEYS[name]
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", session, type=kind, key=name, code=name, text=text if kind == "keyDown" else "",
                     windowsVirtualKeyCode=code)


def main():
    profile, pins = sys.argv[1:3]
    plan = json.load(sys.stdin)
    browser = Browser(profile, pins)
    try:
        session = browser.tab()
        agent = browser.call("Browser.getVersion")["userAgent"].replace("Headless", "")
        browser.call("Emulation.setUserAgentOverride", session, userAgent=agent, acceptLanguage=plan["language"])
        browser.call("Emulation.setDeviceMetricsOverride", session, width=plan["width"], height=800,
                     deviceScaleFactor=1, mobile=False)
        browser.call("Emulation.setEmulatedMedia", session, features=[
            {"name": "prefers-color-scheme", "value": "dark" if plan.get("dark") else "light"}])
        pages = []
        for step in plan["steps"]:
            leaves = "go" in step or "enter" in step or "press" in step
            if leaves:
                browser.value(session, "window.isOld = true")
            if "go" in step:
                browser.call("Page.navigate", session, url=step["go"])
            if "write" in step:
                browser.call("Input.insertText", session, text=step["write"])
            for _ in range(step.get("tab", 0)):
                key(browser, session, "Tab")
            if "enter" in step:
                key(browser, session, "Enter")
            if "press" in step:
                place = browser.value(session, f"""(() => {{
                    const e = document.querySelector({json.dumps(step["press"])});
                    if (!e) return null;
                    e.scrollIntoView({{block: 'center'}});
                    const box = e.getBoundingClientRect();
                    return {{x: box.x + box.width / 2, y: box.y + box.height / 2}};
                }})()""")
                if not place:
                    raise RuntimeError(f"the page has no {step['press']}")
                browser.press(session, place["x"], place["y"])
            if leaves and not step.get("stays"):
                browser.wait(session, "!window.isOld && document.readyState == 'complete' && location.href != 'about:blank'")
            if "shot" in step:
                size = browser.value(session, "({height: Math.max(300, document.documentElement.scrollHeight)})")
                picture = browser.call("Page.captureScreenshot", session, format="png", captureBeyondViewport=True, clip={
                    "x": 0, "y": 0, "width": plan["width"], "height": size["height"], "scale": 1})
                with open(step["shot"], "wb") as file:
                    file.write(base64.b64decode(picture["data"]))
            pages.append(browser.value(session, FACTS))
        print(json.dumps(pages))
    finally:
        browser.close()


main()
