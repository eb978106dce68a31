"""Headless Chromium, by the DevTools protocol over pipes."""
import json
import os
import shutil
import subprocess
import time

LIMIT = 60


class Browser:
    def __init__(self, profile, pins):
        to_browser, self.output = os.pipe()
        self.input, from_browser = os.pipe()
        command = [
            shutil.which("chromium") or shutil.which("chromium-browser") or "chromium",
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
            # Keys and clicks count from the first moment on, not from the first frame.
            "--allow-pre-commit-input", "--disable-features=PaintHolding",
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

    def tab(self):
        """A new page; the number of its session."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable", session)
        return session

    def press(self, session, x, y):
        """Clicks with the mouse."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", session, type=kind, x=x, y=y, button="left", clickCount=1)

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
