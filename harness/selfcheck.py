"""The synthetic kernel: images/selfcheck.asm with a payload of any size."""

from array import array
from hashlib import sha256
from pathlib import Path

from harness.assembler import assemble_flat, shipped
from harness.cache import cache_dir, published
from harness.errors import UsageError
from harness.formats.bzimage import SetupHeader, offset_of

__all__ = ["selfcheck_kernel"]

_LIMIT_BYTES = 1 << 30
_SETUP_SECTS = 8
# as in selfcheck.asm
_PERIOD = 65521
_STEP = 0x9E3779B1
_ENTRY = 0x9090E3FF
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
    if not kept.exists():
        with published(kept) as made, made.open("wb") as file:
            file.write(real_mode)
            period = _period()
            for _ in range(payload_bytes // len(period)):
                file.write(period)
            file.write(period[: payload_bytes % len(period)])
    return kept


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


def _period() -> bytes:
    words = array("I", ((number * _STEP) & 0xFFFFFFFF for number in range(_PERIOD)))
    words[0] = _ENTRY
    return words.tobytes()
