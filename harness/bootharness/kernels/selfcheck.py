"""The synthetic kernel: images/selfcheck.asm with a payload of any size."""

from array import array
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

from bootharness.errors import UsageError
from bootharness.formats.bzimage import SetupHeader, offset_of
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.assembler import assemble_flat, shipped
from bootharness.host.cache import cache_dir, trim
from bootharness.host.kept import kept_file
from bootharness.kernels.content import Repeated, Source
from bootharness.kernels.image import KernelImage
from bootharness.trace.synthetic import NOT_ENTERED

__all__ = ["SELFCHECK", "ImaginedKernel", "imagined_kernel", "selfcheck_kernel"]

SELFCHECK = "selfcheck"
"""Its release."""

_LIMIT_BYTES = 1 << 30
_SETUP_SECTS = 8
_LEAST_SETUP_SECTS = 4
_CMDLINE_SIZE = 2047
# as in selfcheck.asm
_PERIOD = 65521
_STEP = 0x9E3779B1
_ENTRY = bytes.fromhex(NOT_ENTERED + "9090")
_SETUP_SUM_AT = 0x1E8
_SPARE_BYTES = 1 << 16
"""What the header asks for beyond the payload: nothing is unpacked."""


def selfcheck_kernel(payload_bytes: int, *, setup_sects: int = _SETUP_SECTS) -> Path:
    """Return the path of a selfcheck kernel with a payload of an exact size.

    Raises UsageError when the size is not a whole number of 16-byte paragraphs up to 1 GiB.
    """
    if payload_bytes % 16 or payload_bytes > _LIMIT_BYTES:
        raise UsageError(
            f"selfcheck:{payload_bytes}: the payload has 0 to {_LIMIT_BYTES:,} bytes, in 16-byte "
            "paragraphs"
        )
    real_mode = _real_mode(payload_bytes, setup_sects)
    kept = cache_dir("selfcheck") / f"{sha256(real_mode).hexdigest()[:20]}-{payload_bytes}"
    if kept_file(kept, partial(_write, real_mode, payload_bytes)):
        trim(kept.parent)
    return kept


def _write(real_mode: bytes, payload_bytes: int, path: Path) -> None:
    period = _period()
    with path.open("wb") as file:
        file.write(real_mode)
        for _ in range(payload_bytes // len(period)):
            file.write(period)
        file.write(period[: payload_bytes % len(period)])


class ImaginedKernel(KernelImage, frozen=True, kw_only=True):
    """A kernel that is in no file: for predictions, which do not read it."""

    body: Source

    @property
    def content(self) -> Source:
        """What the file would have in it."""
        return self.body

    @property
    def sha256(self) -> str:
        """Of nothing: the content is given by the sizes."""
        return ""


def imagined_kernel(
    payload_bytes: int, *, setup_sects: int = _SETUP_SECTS, cmdline_size: int = _CMDLINE_SIZE
) -> ImaginedKernel:
    """Return a kernel like the selfcheck kernel, of any size, that nobody has to write.

    Its setup part is only filled: it cannot run.
    """
    sectors = 1 + (setup_sects or _LEAST_SETUP_SECTS)
    real_mode = bytearray(_real_mode(payload_bytes, _SETUP_SECTS)[: sectors * SECTOR_BYTES])
    period = _period()
    real_mode += period[len(real_mode) : sectors * SECTOR_BYTES]
    real_mode[offset_of("setup_sects")] = setup_sects
    _set(real_mode, offset_of("cmdline_size"), cmdline_size)
    _set(real_mode, offset_of("init_size"), payload_bytes)
    return ImaginedKernel(
        path=Path("imagined"),
        source=f"selfcheck:{payload_bytes}",
        file_bytes=len(real_mode) + payload_bytes,
        header=SetupHeader.parse(bytes(real_mode)),
        release=SELFCHECK,
        compression="",
        body=Repeated(bytes(real_mode), period),
    )


def _real_mode(payload_bytes: int, setup_sects: int) -> bytes:
    image = bytearray(assemble_flat(shipped("images/selfcheck.asm"), SETUP_SECTS=setup_sects))
    header = SetupHeader.parse(bytes(image))
    behind = 0x202 + (header.jump >> 8)
    words = array("I", image[behind:])
    _set(image, _SETUP_SUM_AT, sum(words))
    _set(image, offset_of("syssize"), payload_bytes // 16)
    _set(image, offset_of("init_size"), payload_bytes + _SPARE_BYTES)
    return bytes(image)


def _set(image: bytearray, at: int, value: int) -> None:
    image[at : at + 4] = (value & 0xFFFFFFFF).to_bytes(4, "little")


@cache
def _period() -> bytes:
    words = array("I", ((number * _STEP) & 0xFFFFFFFF for number in range(_PERIOD)))
    return _ENTRY + words.tobytes()[len(_ENTRY) :]
