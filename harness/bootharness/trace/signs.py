"""What a kernel says of itself, on the serial line or through INT 10h."""

import re

from msgspec import Struct

__all__ = ["Sign", "complaint", "kernel_signs", "program_error", "program_sign"]


class Sign(Struct, frozen=True):
    """A line that means something: a milestone, a ``panic``, ``last-words`` or a ``complaint``."""

    name: str
    pattern: re.Pattern[bytes]


# Who writes these lines is not to be trusted: each pattern looks at a few hundred bytes from
# where it begins and does not go back over them.
_LINE = rb"[^\r\n]{0,500}+"
_WHOLE_LINE = rb"([^\r\n]{500}|" + _LINE + rb"(?=[\r\n]))"
_COMPLAINT = re.compile(
    rb"((?>This kernel requires an? [^\r\n]{0,200}?CPU)" + _LINE + rb"[\r\n]"
    rb"|Unable to boot - please use a kernel appropriate for your CPU"
    rb"|(?<![^\r\n])" + _LINE + rb"[\r\n]{1,8}+ -- System halted)"
)


def kernel_signs(init_marker: str, *, own_init: bool) -> list[Sign]:
    """Return the signs to watch for.

    ``init_marker`` is what our own /init writes; where there is another /init, the kernel's
    word that it runs one does too.
    """
    init = re.escape(init_marker.encode())
    if not own_init:
        init += rb"|Run \S+ as init process"
    return [
        # the release is compared with the kernel's: no piece of it will do
        Sign("banner", re.compile(rb"Linux version \S+[ \r\n]" + _LINE)),
        Sign("init", re.compile(init)),
        Sign("panic", re.compile(rb"Kernel panic - not syncing: " + _WHOLE_LINE)),
        Sign("last-words", re.compile(rb"---\[ end Kernel panic|Rebooting in \d+ seconds")),
        Sign("complaint", _COMPLAINT),
    ]


# not what iPXE says of links and of frames that it could not use
_IPXE_ERROR = (
    rb"^((?:(?!Link status|[RT]XE: \d|Waiting for link)[^\r\n]){0,200}?"
    rb"\(http://ipxe\.org/[0-9a-f]{8}\))"
)
_SYSLINUX_ERROR = (
    rb"^(Boot failed: press a key[^\r\n]{0,200}|Unable to locate configuration file"
    rb"|Failed to load [^\r\n]{1,200}|[^\r\n]{0,200}?\bfailed: [^\r\n]{1,200}(?=[\r\n]))"
)
_PROGRAM_ERROR = re.compile(_IPXE_ERROR + rb"|" + _SYSLINUX_ERROR, re.MULTILINE)


def program_sign() -> Sign:
    """Return the sign of a boot program that gives up on the serial line, as with a UEFI."""
    return Sign("boot-program", re.compile(_IPXE_ERROR, re.MULTILINE))


def program_error(text: str) -> str | None:
    """Return what a boot program says when it gives up, written through INT 10h."""
    found = _PROGRAM_ERROR.search(text.encode("latin-1", "replace"))
    return found[found.lastindex or 0].decode("latin-1").strip() if found else None


def complaint(text: str) -> str | None:
    """Return the complaint in what was written through INT 10h."""
    found = _COMPLAINT.search(text.encode("latin-1", "replace"))
    return found[1].decode("latin-1").strip() if found else None
