"""Headless Chromium through its debugging pipe: no driver, no websocket, nothing to install."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-extensions",
    "--disable-default-apps", "--mute-audio", "--hide-scrollbars", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-dev-shm-usage",
)


class NoChromium(Exception):
    """There is no browser to look with."""


def find() -> str | None:
    """The path of Chromium, None where it is not installed."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page. Console complaints and requests are collected while anything is waited for."""

    def __init__(self, profile: Path, *, theme: str = "dark") -> None:
        """``profile`` is a folder of its own. Raises NoChromium where it is not installed."""
        chromium = find()
        if chromium is None:
            raise NoChromium("Chromium is not installed")
        down_read, self._write = os.pipe()
        self._read, up_write = os.pipe()

        def plumb() -> None:
            os.dup2(down_read, 3)
            os.dup2(up_write, 4)

        # 3 and 4 must be free of close-on-exec in the child and not be our own pipes there.
        self._process = subprocess.Popen(
            [chromium, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=plumb, pass_fds=(3, 4, down_read, up_write),  # noqa: PLW1509
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(down_read)
        os.close(up_write)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._session: str | None = None
        self._theme = theme
        self._context: str | None = None
        targets = self.call("Target.getTargets")["targetInfos"]
        self._attach(next(each["targetId"] for each in targets if each["type"] == "page"))

    def _attach(self, target: str) -> None:
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session, self._target = attached["sessionId"], target
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": self._theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ])

    def renew(self) -> None:
        """Another page in place of this one, as a browser that was just started has it: of cookies,
        storage, cache, emulation, scripts and what was collected, nothing is left."""
        left = self._target
        self._session = None
        context = self.call("Target.createBrowserContext")["browserContextId"]
        page = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        self.call("Target.closeTarget", targetId=left)
        if self._context is not None:
            self.call("Target.disposeBrowserContext", browserContextId=self._context)
        self._context = context
        self.complaints, self.requests = [], []
        self._attach(page["targetId"])

    def permit(self, name: str, origin: str, is_permitted: bool) -> None:
        """What somebody answers when the page of ``origin`` asks for this permission."""
        context = {} if self._context is None else {"browserContextId": self._context}
        self.call("Browser.setPermission", permission={"name": name}, origin=origin,
                  setting="granted" if is_permitted else "denied", **context)

    @property
    def process_id(self) -> int:
        """Of the browser; its others are below it."""
        return self._process.pid

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = self._next(1.0)
            if answer is not None and answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
        raise TimeoutError(method)

    def _next(self, wait_s: float) -> dict[str, Any] | None:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], wait_s)
            if not ready:
                return None
            data = os.read(self._read, 1 << 20)
            if not data:
                raise EOFError("Chromium is gone")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                entry = params["entry"]
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params["exceptionDetails"])[:600])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(json.dumps(params["args"])[:600])

    def size(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)

    def open(self, url: str, until: str = "document.body?.classList.contains('complete')") -> None:
        self.call("Page.navigate", url=url)
        self.wait(until)

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Until ``condition`` is true; one about an element that is not there yet is false."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            result = self._evaluate(condition)
            if result["result"].get("className") != "TypeError" and _returned(result):
                return
            self._next(0.1)
        raise TimeoutError(f"{condition}: {result}: {self.complaints}")

    def value(self, expression: str) -> Any:
        return _returned(self._evaluate(expression))

    def _evaluate(self, expression: str) -> dict[str, Any]:
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                         awaitPromise=True)

    def press(self, key: str, code: int, text: str = "") -> None:
        """A key of the keyboard, down and up; ``text`` is what it types."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code, text=text if kind == "keyDown" else "")

    def screenshot(self, path: Path) -> None:
        shot = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))


def _returned(result: dict[str, Any]) -> Any:
    """The value of an expression. Raises AssertionError where it threw."""
    assert "exceptionDetails" not in result, result
    return result["result"].get("value")
