"""OCR: what tesseract reads off a picture, in a process of its own, for as long as that takes."""

import subprocess
from contextlib import suppress
from pathlib import Path

from bootharness.formats.picture import Picture, enlarged, has_libraries, png_of
from bootharness.host.closing import Closing
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


class Reader(Closing):
    """Reads one picture after the other; what is given while it reads another is left out."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = Deadline.after(0.0)
        self._given: Picture | None = None
        self._read = ""

    @property
    def here(self) -> bool:
        """Whether tesseract is installed, and what it is given pictures by."""
        return TESSERACT.here and has_libraries()

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
        if picture.blank:
            return
        folder = self._workspace.path
        with suppress(OSError):  # a disk that is full: then nothing is read
            (folder / _PICTURE).write_bytes(png_of(enlarged(picture, _LARGER)))
            self._process = self._workspace.start_untrusted(
                [TESSERACT.name, _PICTURE, _TEXT, *_AS_ONE_BLOCK],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
            )
        self._deadline = Deadline.after(_MOST_S)

    def said(self, *, within_s: float = 0.0) -> str | None:
        """Return what was read, once; None where nothing was, or it is not done yet."""
        if self._process is None:
            return None
        try:
            status = self._process.wait(min(within_s, self._deadline.remaining))
        except subprocess.TimeoutExpired:
            if self._deadline.expired:
                self.close()
            return None
        self._process = None
        self._read = "" if status else _text(self._workspace.path / f"{_TEXT}.txt")
        return self._read

    def close(self) -> None:
        """End what is still being read."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            read = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(line.rstrip() for line in read.splitlines() if line.strip())
