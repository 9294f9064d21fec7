# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium, driven through its debugging pipe: JSON, each message ended by a zero byte."""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
TIMEOUT = 60  # seconds


def found():
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """Open within `with`; it keeps what pages did: ``requests``, ``scripts``, ``dialogs`` and ``complaints``."""

    def __enter__(self):
        self._profile = tempfile.TemporaryDirectory(prefix="drydock-rescue-", ignore_cleanup_errors=True)
        to_us, from_browser = os.pipe()
        to_browser, from_us = os.pipe()
        # Root in a container has neither a sandbox nor a large /dev/shm.
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
        ]
        options += ["--remote-debugging-pipe", "--user-data-dir=" + self._profile.name, "--no-first-run"]

        def as_it_expects():
            pair = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (to_browser, from_browser)]
            for number, one in zip((3, 4), pair, strict=True):
                os.dup2(one, number)
                os.close(one)

        self._process = subprocess.Popen(
            [found(), *options, "about:blank"],
            preexec_fn=as_it_expects,
            close_fds=False,  # ours are closed by themselves, but those two
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._in, self._out, self._buffer, self._number = to_us, from_us, b"", 0
        self._events = []
        self.requests, self.scripts, self.dialogs, self.complaints = [], [], [], []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = None
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Debugger", "Log"):
            self._call(domain + ".enable")
        return self

    def __exit__(self, *_reason):
        # With all that it started.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._profile.cleanup()

    def show(self, path, width=1280, dark=False, media=""):
        """Load a file at this width; what happened before is forgotten."""
        self.requests, self.scripts, self.dialogs, self.complaints = [], [], [], []
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self._events = []
        self._call("Page.navigate", url="file://" + str(path))
        end = time.monotonic() + TIMEOUT
        while "Page.loadEventFired" not in self._events:
            self._take(end)
        # What a page does after it was loaded comes before the answer to this.
        self.run("new Promise(done => setTimeout(done, 300))")

    def run(self, expression):
        """The value of JavaScript; it runs beside the page, which its policy does not forbid."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, path, whole=True):
        data = self._call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        with open(str(path), "wb") as stream:
            stream.write(base64.b64decode(data))

    def _call(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if getattr(self, "_session", None):
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + TIMEOUT
        while True:
            said = self._take(end)
            if said.get("id") == self._number:
                assert "error" not in said, said
                return said["result"]

    def _take(self, end):
        """The next message."""
        while b"\0" not in self._buffer:
            ready, _w, _x = select.select([self._in], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            got = os.read(self._in, 1 << 16)
            assert got, "the browser ended"
            self._buffer += got
        text, _zero, self._buffer = self._buffer.partition(b"\0")
        said = json.loads(text)
        self._note(said.get("method"), said.get("params", {}))
        return said

    def _note(self, event, params):
        self._events.append(event)
        if event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event == "Debugger.scriptParsed" and params.get("url", "").startswith("file:"):
            self.scripts.append(params)
        elif event == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])
            self._number += 1
            answer = {"id": self._number, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            os.write(self._out, json.dumps(dict(answer, sessionId=self._session)).encode() + b"\0")
        elif event == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
