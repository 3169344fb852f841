"""What a kernel, or what brings one, says of itself, on the serial line or through INT 10h."""

import re

from msgspec import Struct

from bootharness.text import as_shown

__all__ = [
    "THE_UEFI",
    "Sign",
    "complaint",
    "firmware_signs",
    "kernel_signs",
    "led_to",
    "program_errors",
    "speaker",
]


class Sign(Struct, frozen=True):
    """A line that means something: a milestone, a ``panic``, ``last-words``, a ``complaint``, or
    ``memory-told``."""

    name: str
    pattern: re.Pattern[bytes]


# Who writes these lines is not to be trusted: each pattern looks at a few hundred bytes from
# where it begins and does not go back over them.
_LINE = rb"[^\r\n]{0,500}+"
_WHOLE_LINE = rb"([^\r\n]{500}|" + _LINE + rb"(?=[\r\n]))"
_COMPLAINT = re.compile(
    rb"(This kernel requires the following features not present on the CPU:[^:]{0,300}?"
    rb"(?=[\r\n]{0,8}Unable to boot)"
    rb"|(?>This kernel requires an? [^\r\n]{0,200}?CPU)" + _LINE + rb"[\r\n]"
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
        # what follows the memory map; one text alone: that is searched for soonest in a flood
        Sign("memory-told", re.compile(rb"last_pfn = 0x")),
    ]


# not what iPXE says of links, of frames that it could not use, and of a script that nobody has;
# a UEFI breaks lines where its terminal ends
_IPXE_ERROR = (
    rb"(?:^|(?<=\r))"
    rb"((?:(?!Link status|[RT]XE: \d|Waiting for link|autoexec\.ipxe\.)[^\r\n]){0,200}?"
    rb"\(https?://ipxe\.org/[0-9a-f](?:[\r\n]{0,2}[0-9a-f]){7}[\r\n]{0,2}\))"
)
# SYSLINUX does not end the line when it gives up, and a UEFI goes on in it
_SYSLINUX_ERROR = (
    rb"^(?!BdsDxe: )(Boot failed: press a key[^\r\n]{0,200}|Unable to locate configuration file"
    rb"|Failed to load [^\r\n]{1,200}?(?=BdsDxe: |[\r\n]|\Z)"
    rb"|[^\r\n]{0,200}?\bfailed: [^\r\n]{1,200}?(?=BdsDxe: |[\r\n]))"
)
_BDS_ERROR = rb"(BdsDxe: failed to (?:load|start) Boot[^\r\n]{1,300}(?=[\r\n]))"
_PROGRAM_ERROR = re.compile(b"|".join((_IPXE_ERROR, _SYSLINUX_ERROR, _BDS_ERROR)), re.MULTILINE)
_SHIM_ERROR = (
    rb"^(Failed to load image(?: [^\r\n:]{1,100})?: [^\r\n]{1,200}"
    rb"|start_image\(\) returned [^\r\n]{1,200})"
)
THE_UEFI = "the UEFI"
_SPEAKERS = (
    (THE_UEFI, _BDS_ERROR),
    ("shim", _SHIM_ERROR),
    ("iPXE", _IPXE_ERROR),
    ("PXELINUX", _SYSLINUX_ERROR),
)
_UEFI_ERROR = re.compile(_IPXE_ERROR + rb"|" + _BDS_ERROR, re.MULTILINE)
# what a script's command says of itself has no number of iPXE's
_STEP_FAILED = re.compile(
    _IPXE_ERROR
    + rb"|^([\w.-]{1,40}: command not found"
    + rb"|(?:Unrecognised|Ambiguous) option [^\r\n]{1,80}"
    + rb"|Option [^\r\n]{1,80} requires an argument)(?=[\r\n])",
    re.MULTILINE,
)
# how a command is used that was given wrongly
_BETWEEN = re.compile(
    rb"\s*(?:Usage:[\s\S]{1,1000}?See https?://ipxe\.org/cmd/\S{1,40} for further information\s*)?"
)
_DOTS = re.compile(r"\.{4,}")
_WENT_ON = re.compile(rb"\.\.\. {0,2}(?:\d{1,3}%|ok\b)")
_CRASH = re.compile(rb"(X64 Exception Type - " + _LINE + rb")[\r\n]")
_CRASH_END = re.compile(rb"(?:Find image based on IP|Can't find image information)" + _LINE)
_SHOWN_CHARACTERS = 20_000


def firmware_signs() -> list[Sign]:
    """Return the signs of a UEFI, and of what it has started, that gives up on the serial line."""
    return [
        Sign("boot-program", _UEFI_ERROR),
        Sign("firmware-crash", _CRASH),
        Sign("firmware-last-words", _CRASH_END),
    ]


def program_errors(text: str) -> list[str]:
    """Return what a boot program says of errors, on a screen or a serial line, from the last point
    on from which it went on."""
    shown = as_shown(text[-_SHOWN_CHARACTERS:]).encode("latin-1", "replace")
    return [
        _one_line(found[found.lastindex or 0])
        for found in _PROGRAM_ERROR.finditer(shown)
        if not _WENT_ON.search(shown, found.end())
    ]


def speaker(said: str) -> str:
    """Return whose way it is to tell of an error so: ``iPXE``, ``shim``; empty
    where that is not known."""
    line = f"{said}\n".encode("latin-1", "replace")
    return next((who for who, pattern in _SPEAKERS if re.search(pattern, line)), "")


def led_to(text: str, said: str) -> str:
    """Return the error right before the last one of a boot program: what it was about to do, of
    which that only says that it failed. Empty where there is none."""
    shown = as_shown(text[-_SHOWN_CHARACTERS:]).encode("latin-1", "replace")
    found = list(_STEP_FAILED.finditer(shown))
    words = [_one_line(each[each.lastindex or 0]) for each in found]
    last = len(words) - 1 - words[::-1].index(said) if said in words else 0
    if not last or not _BETWEEN.fullmatch(shown, found[last - 1].end(), found[last].start()):
        return ""
    return _DOTS.sub("...", words[last - 1])


def _one_line(said: bytes) -> str:
    text = re.sub(r"[\r\n]+", "", said.decode("latin-1")).strip()
    return "".join(letter for letter in text if letter.isprintable())


def complaint(text: str) -> str | None:
    """Return the complaint in what was written through INT 10h."""
    found = _COMPLAINT.search(text.encode("latin-1", "replace"))
    return found[1].decode("latin-1").strip() if found else None
