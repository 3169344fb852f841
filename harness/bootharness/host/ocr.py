"""OCR: what tesseract reads off a picture, in a process of its own, for as long as that takes."""

import subprocess
from pathlib import Path

from msgspec import Struct

from bootharness.formats.picture import Picture, enlarged, png_of
from bootharness.host.deadline import Deadline
from bootharness.host.tool import Tool
from bootharness.host.workspace import Workspace

__all__ = ["TESSERACT", "Reader"]

TESSERACT = Tool("tesseract", "tesseract-ocr")
_PICTURE, _TEXT = "ocr.png", "ocr"
# a screen's letters are smaller than those that it was made for
_LARGER = 2
_MOST_S = 30.0
_MOST_BYTES = 1 << 16
# a screen is one block of text: with that, lines stay lines
_AS_ONE_BLOCK = ("--psm", "6")


class Reader(Struct):
    """Reads one picture after the other; what is given while it reads another is left out."""

    workspace: Workspace
    _process: "subprocess.Popen[bytes] | None" = None
    _deadline: Deadline | None = None
    _given: Picture | None = None
    _read: str = ""

    @property
    def here(self) -> bool:
        """Whether tesseract is installed."""
        return TESSERACT.here

    def text_of(self, picture: Picture, within_s: float) -> str:
        """Return what is read off a picture, nothing where that takes longer."""
        self.said(within_s=within_s)
        self.give(picture)
        self.said(within_s=within_s)
        return self._read if self._given and self._given.same(picture) else ""

    def give(self, picture: Picture) -> None:
        """Begin to read a picture, unless it is at another, or has read it."""
        if self._process or not self.here or (self._given and self._given.same(picture)):
            return
        self._given, self._read = picture, ""
        folder = self.workspace.path
        (folder / _PICTURE).write_bytes(png_of(enlarged(picture, _LARGER)))
        self._process = self.workspace.start_untrusted(
            [TESSERACT.name, _PICTURE, _TEXT, *_AS_ONE_BLOCK],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        self._deadline = Deadline.after(_MOST_S)

    def said(self, *, within_s: float = 0.0) -> str | None:
        """Return what was read, once; None where nothing was, or it is not done yet."""
        process, deadline = self._process, self._deadline
        if process is None or deadline is None:
            return None
        try:
            status = process.wait(min(within_s, deadline.remaining))
        except subprocess.TimeoutExpired:
            if deadline.expired:
                process.kill()
                self._process = None
            return None
        self._process = None
        self._read = "" if status else _text(self.workspace.path / f"{_TEXT}.txt")
        return self._read


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            read = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(line.rstrip() for line in read.splitlines() if line.strip())
