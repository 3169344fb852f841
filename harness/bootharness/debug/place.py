"""Where a debug run stops first: the words after ``--at``, as commands of gdb."""

import re

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.formats.bzimage import SetupHeader
from bootharness.routes.loader import ORIGIN
from bootharness.text import hint

__all__ = ["BEHIND_CALLS", "LAST_GOOD_MOVE", "PLACES", "RECORDED_PLACES", "UEFI_PLACES", "Place"]

LAST_GOOD_MOVE = "last-good-move"
PLACES = ("stage1", "move:N", LAST_GOOD_MOVE, "handoff", "protected-mode", "kernel")
RECORDED_PLACES = ("call:N", "POSITION")
"""Those of a boot that was recorded, besides."""
UEFI_PLACES = ("firmware", "image:NAME", "exit-boot-services", "kernel")
"""Those of a disk that a UEFI boots."""
BEHIND_CALLS = ("move", "handoff", "protected-mode", "kernel")
"""How places begin that are found by counting a loader's calls or by what they have read."""
_POSITION = re.compile(r"\d{1,15}|\d{1,3}(,\d{3}){1,5}")
_ENTRY_64 = 0x200
"""boot.rst, "64-bit Boot Protocol": behind the protected-mode kernel's start."""


class Place(Struct, frozen=True):
    """A place by its name, and the gdb commands that run there from the reset vector."""

    name: str
    commands: tuple[str, ...]

    @property
    def needs_recording(self) -> bool:
        """Whether only a boot that was recorded has it."""
        return any(each.startswith("back-to ") for each in self.commands)

    def in_recording(self) -> "Place":
        """Return the place in a boot that was recorded: nobody has to count calls."""
        if self.needs_recording:
            return self
        known = {"until-move": "back-to move", "until-handoff": "back-to handoff",
                 f"until-address {ORIGIN:#x}": "back-to stage1"}  # fmt: skip
        commands = []
        for each in self.commands:
            old = next((old for old in known if each.startswith(old)), "")
            commands.append(each.replace(old, known[old]) if old else each)
        return Place(self.name, tuple(commands))

    @classmethod
    def parse(cls, text: str, symbols: dict[str, int], header: SetupHeader | None) -> "Place":
        """Return the place; ``symbols`` are the loader's, linear, ``header`` is the kernel's.

        Raises UsageError for what is neither a known place nor a label nor an address.
        """
        match text.partition(":"):
            case ("stage1", "", ""):
                return cls(text, (f"until-address {ORIGIN:#x}",))
            case ("move", ":", number) if number.isdecimal():
                return cls(text, (f"until-move {int(number)}",))
            case ("call", ":", number) if number.isdecimal():
                return cls(text, (f"back-to call {int(number)}",))
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
        if re.fullmatch(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}", text):
            return cls(text, (f"until-address {text}",))
        if _POSITION.fullmatch(text):
            return cls(text, (f"back-to {text.replace(',', '')}",))
        raise UsageError(
            f"--at {text}: neither a place nor a label of the loader nor an address such as "
            f"0x7d15 or 1020:0; {hint(text, PLACES, also=symbols)}"
        )
