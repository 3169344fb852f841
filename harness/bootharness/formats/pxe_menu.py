"""A menu of boot servers that DHCP tells of: sub-options of option 43, PXE 2.1, 2.4."""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct

from bootharness.errors import FormatError

__all__ = ["PxeMenu"]

_CONTROL, _ENTRIES, _PROMPT = 6, 9, 10
_NAMED_FILE_FIRST = 1 << 3
_FOR_EVER = 255
_ENTRY_HEADER_BYTES = 3


class PxeMenu(Struct, frozen=True):
    """The entries' names in their order, and after how many seconds the first is taken, None for
    never."""

    entries: tuple[str, ...]
    timeout_s: int | None

    @classmethod
    def parse(cls, options: Mapping[int, bytes]) -> Self | None:
        """Parse sub-options by their numbers, None where no menu is shown. Raises FormatError when
        an entry goes past the end."""
        control = options.get(_CONTROL) or b"\0"
        if control[0] & _NAMED_FILE_FIRST:
            return None
        entries, data = [], options.get(_ENTRIES, b"")
        while data:
            # the type of the boot server, 2 bytes, and the length of its name
            end = _ENTRY_HEADER_BYTES + (data[2] if len(data) >= _ENTRY_HEADER_BYTES else 0)
            if len(data) < end:
                raise FormatError(f"an entry of a PXE menu of {len(data)} bytes; it has {end}")
            entries.append(data[_ENTRY_HEADER_BYTES:end].decode("utf-8", "backslashreplace"))
            data = data[end:]
        if not entries:
            return None
        seconds = (options.get(_PROMPT) or b"\0")[0]
        return cls(tuple(entries), None if seconds == _FOR_EVER else seconds)
