"""A headless Chromium that a test moves the mouse in, over the pipe of its DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

#: The browser takes its orders from descriptor 3 and answers on 4.
ON_PIPES = """
import os, sys
orders, answers = (os.dup(os.dup(int(one))) for one in sys.argv[1:3])
os.dup2(orders, 3)
os.dup2(answers, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One page of a browser; what it complained of and asked of others is kept."""

    def __init__(self, orders: BinaryIO, answers: BinaryIO) -> None:
        self._orders, self._answers = orders, answers
        self._ids = itertools.count(1)
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send an order and return its answer; events that come before it are kept."""
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._orders.write(json.dumps(message).encode() + b"\0")
        self._orders.flush()
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has gone"
            text += byte
        answer: dict[str, Any] = json.loads(text)
        return answer

    def wait_for(self, method: str) -> None:
        """Return once an event has come that was not there before."""
        while not any(event["method"] == method for event in self.events):
            self.events.append(self._next())
        self.events = [event for event in self.events if event["method"] != method]

    def open(self, url: str, width: int = 1366, height: int = 900, dark: bool = False) -> None:
        """Load a page in a window of a size."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Page.navigate", url="about:blank")
        self.wait_for("Page.loadEventFired")
        self.events.clear()
        self.ask("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def value(self, script: str) -> Any:
        """Return the value of an expression on the page."""
        found = self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def text(self, selector: str) -> str:
        """Return the text of an element as a person sees it."""
        one = f"document.querySelector({json.dumps(selector)})"
        return str(self.value(f"{one}.innerText ?? {one}.textContent"))

    def middle_of(self, element: str) -> tuple[float, float]:
        """Return where on the screen the middle of an element (a script) is, scrolled to."""
        box = self.value(
            f"(async () => {{ const one = {element}; one.scrollIntoView({{block: 'center'}});"
            " await new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)));"
            " const box = one.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        return float(box[0]), float(box[1])

    def mouse(self, kind: str, at: tuple[float, float], clicks: int = 1) -> None:
        """Move, press or release the mouse."""
        button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": clicks}
        self.ask("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], **button)

    def hover(self, element: str) -> None:
        """Move the mouse onto an element."""
        self.mouse("mouseMoved", self.middle_of(element))

    def click(self, element: str) -> None:
        """Click an element."""
        at = self.middle_of(element)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.mouse(kind, at)

    def press(self, key: str) -> None:
        """Press a key."""
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code,
                     **(text if kind == "keyDown" else {}))  # fmt: skip

    def picture(self, file: Path) -> None:
        """Save what is seen as PNG."""
        file.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def printed(self) -> bytes:
        """Return the page as PDF, as it is printed."""
        return base64.b64decode(self.ask("Page.printToPDF", preferCSSPageSize=True)["data"])

    def complaints(self) -> list[Any]:
        """Return errors, and what was written to the console, since the page was opened."""
        self.value("0")  # what came before it has come
        return [
            event["params"]
            for event in self.events
            if event["method"]
            in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        ]

    def asked(self) -> list[str]:
        """Return the addresses that the page asked for since it was opened."""
        self.value("0")
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]


@contextmanager
def browsing(command: Sequence[str], profile: Path) -> Iterator[Browser]:
    """Start a browser, and end it afterwards."""
    (orders_in, orders_out), (answers_in, answers_out) = os.pipe(), os.pipe()
    on_pipes = [sys.executable, "-c", ON_PIPES, str(orders_in), str(answers_out)]
    arguments = [*command, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    with (
        os.fdopen(orders_out, "wb") as orders,
        os.fdopen(answers_in, "rb") as answers,
        subprocess.Popen(
            [*on_pipes, *arguments],
            pass_fds=(orders_in, answers_out), stderr=subprocess.DEVNULL,
        ) as process,
    ):  # fmt: skip
        os.close(orders_in)
        os.close(answers_out)
        try:
            yield Browser(orders, answers)
        finally:
            process.terminate()
