"""A browser whose keys a test presses: Chromium over its debugging pipe."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import Any

import pytest

WIDER_THAN_THE_WINDOW = """
[...document.querySelectorAll("body *")].filter((each) => {
  const box = each.getBoundingClientRect();
  return box.width && box.right > innerWidth + 1 && !each.closest("pre, svg");
}).map((each) => each.outerHTML.slice(0, 80))
"""
"""The elements that one would have to scroll to the right for, on the page or in it."""
TEXTS_ON_EACH_OTHER = """
(() => {
  const texts = [...document.querySelectorAll("figure svg text")]
    .map((each) => [each.textContent, each.getBoundingClientRect()])
    .filter(([, box]) => box.width);
  const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
  const onOthers = texts.flatMap(([said, box], at) => texts.slice(at + 1)
    .filter(([, other]) => over(box, other)).map(([other]) => `${said} on ${other}`));
  return [texts.length, Math.min(...texts.map(([, box]) => box.height)), onOthers];
})()
"""
"""How many texts a drawing shows, how high the smallest is, and those that lie on others."""

_ANSWER_S = 60.0
_KEYS = {"Enter": ("\r", 13), "Tab": ("", 9), "Escape": ("", 27)}


class Browser:
    """One page that is open; `value` asks it, `press` is what a person does."""

    def __init__(self, commands: int, answers: int, width: int) -> None:
        self._width = width
        self._commands, self._answers = commands, answers
        self._number, self._read, self._session = 0, b"", ""

    def open(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._call("Page.enable")
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=self._width, height=900, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        self._call("Page.navigate", url=url)
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def value(self, expression: str) -> Any:
        """Return what an expression is in the page; a promise is waited for."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key."""
        text, code = _KEYS[key]
        about = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": text}
        self._call("Input.dispatchKeyEvent", type="keyDown", **about)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            ready, _, _ = select([self._answers], [], [], _ANSWER_S)
            assert ready, "the browser does not answer"
            more = os.read(self._answers, 1 << 16)
            assert more, "the browser has ended"
            self._read += more
        message, _, self._read = self._read.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


def chromium() -> str:
    """Return the browser; without one the test is skipped."""
    found = shutil.which("chromium")
    if not found:
        pytest.skip("not installed: chromium")
    return found


@contextmanager
def browser(profile: Path, width: int = 1280) -> Iterator[Browser]:
    """Give a browser that ends with the test, its window ``width`` pixels wide."""
    (from_us, to_it), (from_it, to_us) = os.pipe(), os.pipe()
    # Chromium reads from 3 and writes to 4
    command = (
        f"exec 3<&{from_us} 4>&{to_us}; exec {chromium()} --headless --no-sandbox --disable-gpu "
        "--disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --remote-debugging-pipe "
        f'--user-data-dir="{profile}"'
    )
    process = subprocess.Popen(
        ["bash", "-c", command], pass_fds=(from_us, to_us), stderr=subprocess.DEVNULL
    )
    os.close(from_us)
    os.close(to_us)
    try:
        yield Browser(to_it, from_it, width)
    finally:
        os.close(to_it)  # then it ends by itself
        try:
            process.wait(_ANSWER_S)
        finally:
            process.kill()
            process.wait()
            os.close(from_it)
