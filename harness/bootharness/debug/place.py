"""Where a debug run stops first: the words after ``--at``, as commands of gdb."""

import re

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.formats.bzimage import SetupHeader
from bootharness.routes.loader import ORIGIN
from bootharness.text import hint

__all__ = [
    "BEHIND_CALLS", "LAST_GOOD_MOVE", "PLACES", "POSITION_TEXT", "RECORDED_PLACES", "UEFI_PLACES",
    "Place",
]  # fmt: skip

LAST_GOOD_MOVE = "last-good-move"
PLACES = ("stage1", "move:N", LAST_GOOD_MOVE, "handoff", "protected-mode", "kernel")
RECORDED_PLACES = ("call:N", "POSITION")
"""Those of a boot that was recorded, besides."""
UEFI_PLACES = ("firmware", "image:NAME", "exit-boot-services", "kernel")
"""Those of a disk that a UEFI boots."""
BEHIND_CALLS = ("move", "handoff", "protected-mode", "kernel")
"""How places begin that are found by counting a loader's calls or by what they have read."""
POSITION_TEXT = re.compile(r"[0-9]{1,15}|[0-9]{1,3}(,[0-9]{3}){1,4}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{1,16}|[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}")
_ENTRY_64 = 0x200
"""boot.rst, "64-bit Boot Protocol": behind the protected-mode kernel's start."""


class Place(Struct, frozen=True):
    """A place by its name, and the gdb commands that run there from the reset vector."""

    name: str
    commands: tuple[str, ...]

    @classmethod
    def parse(
        cls,
        text: str,
        symbols: dict[str, int],
        header: SetupHeader | None,
        *,
        recorded: bool = False,
    ) -> "Place":
        """Return the place; ``symbols`` are the loader's, linear, ``header`` is the kernel's, and
        of a ``recorded`` boot there are more places.

        Raises UsageError for what is neither a known place nor a label nor an address.
        """
        match text.partition(":"):
            case ("stage1", "", ""):
                return cls(text, (f"until-address {ORIGIN:#x}",))
            case ("move", ":", number) if _NUMBER.fullmatch(number):
                return cls(text, (f"until-move {int(number)}",))
            case ("call", ":", number) if _NUMBER.fullmatch(number):
                return cls._recorded(text, f"back-to call {int(number)}", recorded=recorded)
            case ("handoff", "", ""):
                return cls(text, ("until-handoff",))
            case ("protected-mode" | "kernel" as name, "", ""):
                if header is None:
                    raise UsageError(f"--at {name}: which kernel the disk has is not known")
                wide = name == "kernel" and header.is_64_bit
                entry = header.code32_start + (_ENTRY_64 if wide else 0)
                # GRUB lies where the kernel will
                return cls(text, ("until-handoff", f"until-address {entry:#x}"))
        if text in symbols:
            return cls(text, (f"until-address {symbols[text]:#x}",))
        if _ADDRESS.fullmatch(text):
            return cls(text, (f"until-address {text}",))
        if POSITION_TEXT.fullmatch(text):
            position = text.replace(",", "")
            return cls._recorded(text, f"back-to {position}", recorded=recorded)
        known = (*PLACES, *(RECORDED_PLACES if recorded else ()))
        raise UsageError(
            f"--at {text}: neither a place nor a label of the loader nor an address such as "
            f"0x7d15 or 1020:0; {hint(text, known, also=symbols)}"
        )

    @classmethod
    def _recorded(cls, text: str, command: str, *, recorded: bool) -> "Place":
        if not recorded:
            raise UsageError(
                f"--at {text}: only a boot that was recorded has this place, as "
                "`bootharness boot --keep` records a bad one"
            )
        return cls(text, (command,))
