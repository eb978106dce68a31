#!/usr/bin/env python3
"""Opens a page in headless Chromium, waits until it is loaded, clicks a link with the mouse, and waits for where it leads.

usage: browse.py PROFILE SPKI[,SPKI] PAGE-URL LINK-TEXT
Speaks the DevTools protocol over pipes. Prints a JSON object: images loaded, tracked links shown and hidden, the link's href, the page arrived at.
"""
import json
import os
import shutil
import subprocess
import sys
import time

profile, pins, page, wanted = sys.argv[1:5]
LIMIT = 60


class Browser:
    def __init__(self):
        to_browser, self.output = os.pipe()
        self.input, from_browser = os.pipe()
        command = [
            shutil.which("chromium") or shutil.which("chromium-browser") or "chromium",
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
            "--remote-debugging-pipe", f"--user-data-dir={profile}",
            f"--ignore-certificate-errors-spki-list={pins}", "--window-size=800,1200", "about:blank",
        ]

        def descriptors():
            # The protocol wants 3 to read from and 4 to write to.
            read, write = os.dup(to_browser), os.dup(from_browser)
            os.dup2(read, 3)
            os.dup2(write, 4)
            os.set_inheritable(3, True)
            os.set_inheritable(4, True)

        environment = dict(os.environ, HOME=profile)
        self.process = subprocess.Popen(
            command, close_fds=False, preexec_fn=descriptors, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.events = b"", 0, []

    def message(self):
        while b"\0" not in self.buffer:
            data = os.read(self.input, 65536)
            if not data:
                raise RuntimeError("the browser is gone")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        os.write(self.output, json.dumps(request).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def value(self, session, expression):
        result = self.call("Runtime.evaluate", session, expression=expression, returnByValue=True)
        return result["result"].get("value")

    def wait(self, session, expression):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            try:
                value = self.value(session, expression)
            except RuntimeError:
                # Between two pages there is nothing to ask.
                value = None
            if value:
                return value
            time.sleep(0.05)
        raise RuntimeError(f"waited in vain for {expression}")

    def close(self):
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except Exception:
            pass
        try:
            os.killpg(self.process.pid, 9)
        except OSError:
            pass
        self.process.wait()


def main():
    browser = Browser()
    try:
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.call("Page.enable", session)
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
        for kind in ("mousePressed", "mouseReleased"):
            browser.call("Input.dispatchMouseEvent", session, type=kind, x=place["x"], y=place["y"],
                         button="left", clickCount=1)
        title = browser.wait(session, "document.readyState == 'complete' && document.title == 'Arrived' && document.title")
        arrived = browser.value(session, "location.href")
        print(json.dumps({"images": images, "href": place["href"], "title": title, "arrived": arrived, **links}))
    finally:
        browser.close()


main()
