"""The image in a file that somebody gives: unpacked, or in a container that QEMU opens."""

import stat
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from bootharness.errors import FormatError, MediumUnavailable, UsageError
from bootharness.formats.container import DRIVERS, ENCRYPTED, refused_for
from bootharness.formats.forms import LOOK_BYTES, MEDIA, Form, form_of, is_bare_kernel
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.regular import first_bytes
from bootharness.kernels.content import Source, file_source
from bootharness.kernels.inside import is_kernel
from bootharness.kernels.source import by_version
from bootharness.kernels.unpacking import begins, is_compressed, unpacked
from bootharness.machine.opened import Opened

__all__ = ["Found", "content_of", "found_in", "is_medium", "media_in"]

_MOST_BYTES = 1 << 34
"""Of what is compressed: more than anybody ships so."""
_DEPTH = 3
_FOLDER = "media"
_OPEN = 16


class Found(Struct, frozen=True):
    """An image: its file, QEMU's driver for that, and how much it holds."""

    path: Path
    driver: str
    size: int

    @property
    def content(self) -> Source:
        """What it holds."""
        return content_of(self.path, self.driver)


def content_of(path: Path, driver: str) -> Source:
    """Return what an image holds, which is looked for when it is read. Raises OSError where there
    is no such file."""
    return file_source(path) if driver == "raw" else _opened(path, driver, path.stat().st_mtime_ns)


@lru_cache(maxsize=_OPEN)
def _opened(path: Path, driver: str, _changed: int) -> Opened:
    return Opened(path, driver)


def is_medium(source: str) -> bool:
    """Return whether a source is a file that a machine would boot from; a kernel is none."""
    path = Path(source)
    form = form_of(first_bytes(path, LOOK_BYTES))
    if form and is_compressed(form):
        form = form_of(begins(path, form, LOOK_BYTES))
    return form is not None and form.id in MEDIA


def media_in(folder: Path) -> list[Path]:
    """Return the files in a folder that a machine would boot from, in the order of their versions;
    none where there are kernels, which it is then a folder of. Raises UsageError for a folder that
    cannot be read."""
    try:
        files = [each for each in folder.iterdir() if each.is_file()]
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error
    if any(map(is_kernel, files)):
        return []
    return sorted((each for each in files if is_medium(str(each))), key=by_version)


_CHOOSES = (
    "it is not opened, for an image must not choose files of this computer; `qemu-img convert` "
    "makes one file of it"
)
_NO_KEY = (
    "it is not opened, for there is nobody to type a key; `qemu-img convert` with the key makes "
    "one without"
)


def found_in(path: Path) -> Found:
    """Return the image in a file.

    Raises UsageError for what is none, MediumUnavailable for what a machine does not boot from,
    or does not open, ToolMissing where a program is needed to unpack it.
    """
    inner, told = path, ""
    for _ in range(_DEPTH):
        head, size = _begins(path, inner)
        form = form_of(head)
        if form is None or form.id not in MEDIA:
            if form and is_compressed(form):
                told = f"{form.name}, and in it "
                inner = _unpacked(path, inner, form)
                continue
            _check_raw(path, head, form, told)
        if form and form.id == "container":
            driver = DRIVERS[form.name]
            content = file_source(inner)
            if refused := refused_for(form, content.read):
                why = _NO_KEY if refused == ENCRYPTED else _CHOOSES
                raise MediumUnavailable(f"{path}: {told}{form.name} that {refused}: {why}")
            opened = _opened(inner, driver, inner.stat().st_mtime_ns)
            return Found(inner, driver, opened.size)
        return Found(inner, "raw", size)
    raise MediumUnavailable(f"{path}: {told}another: too many files in each other; unpack it")


def _begins(path: Path, inner: Path) -> tuple[bytes, int]:
    try:
        status = inner.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path}: not a disk image: it is not a file")
        with inner.open("rb") as file:
            return file.read(LOOK_BYTES), status.st_size
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _unpacked(path: Path, inner: Path, form: Form) -> Path:
    try:
        return unpacked(inner, form, _FOLDER, _MOST_BYTES)
    except FormatError as error:
        raise MediumUnavailable(f"{path}: {form.name}, and {error}") from error


def _check_raw(path: Path, head: bytes, form: Form | None, told: str) -> None:
    """Raise UsageError for what has no sector to boot from, or is a kernel."""
    if is_bare_kernel(head):
        raise UsageError(
            f"{path}: {told}a Linux kernel, not a disk image: leave --disk out, and it is put on a "
            "disk with a loader"
        )
    if len(head) < SECTOR_BYTES and not (form and form.id):
        raise UsageError(f"{path}: not a disk image: it has no sector to boot from")
    if form:
        instead = form.instead if form.id == "parts" else "a machine cannot boot from it"
        raise MediumUnavailable(f"{path}: not a disk image, but {told}{form.name}: {instead}")
