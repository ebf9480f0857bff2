"""Chromium without a window, driven by its own protocol through two pipes: no other package is needed."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

COMMAND = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking",
    "--remote-debugging-pipe",
)  # fmt: skip
#: Seconds after which an answer is not waited for any more.
PATIENCE = 60


class Browser:
    """One page in one browser; `said` are its errors and warnings."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 900) -> None:
        assert COMMAND is not None
        heard, self._speak = os.pipe()
        self._listen, told = os.pipe()
        wire = f'exec "$0" "$@" 3<&{heard} 4>&{told}'  # the browser reads and writes these two numbers
        command = ["bash", "-c", wire, COMMAND, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        self._process = subprocess.Popen(
            command, pass_fds=(heard, told), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(heard)
        os.close(told)
        self._rest, self._number, self._session = b"", 0, None
        self.said: list[Any] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self(f"{domain}.enable")
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._speak, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.said.append(answer["params"])
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._listen], [], [], PATIENCE)[0], "the browser does not answer"
            part = os.read(self._listen, 1 << 20)
            assert part, "the browser went away"
            self._rest += part
        one, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(one)
        return found

    def js(self, expression: str) -> Any:
        """What an expression is on the page."""
        answer = self("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, path: Path, part: str = "") -> None:
        """Open a page and wait until it is drawn; what others said is forgotten."""
        self.said = []
        self("Page.navigate", url="about:blank")
        self("Page.navigate", url=path.as_uri() + part)
        until = time.monotonic() + PATIENCE
        while self.js("document.documentElement?.dataset.ready") != "yes":
            assert time.monotonic() < until, self.said
            time.sleep(0.02)
        self.drawn()

    def drawn(self) -> None:
        """Wait for the next picture."""
        self.js("new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)))")

    def key(self, key: str, shift: bool = False) -> None:
        """Press a key."""
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self(
                "Input.dispatchKeyEvent", type=kind, key=key, modifiers=8 * shift, **(text if kind == "keyDown" else {})
            )
        self.drawn()

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """A movement, a button or the wheel."""
        self("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, x: float, y: float, to: float | None = None) -> None:
        """Press at a place, go to another one (or stay: a click), and let go."""
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
        if to is not None:
            for part in (0.5, 1):
                self.mouse("mouseMoved", x + part * (to - x), y, button="left", buttons=1)
        self.mouse("mouseReleased", x if to is None else to, y, button="left", clickCount=1)
        self.drawn()

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._speak)
        os.close(self._listen)
