"""The files that a network serves: a table of names, so that no name leads anywhere else."""

import hashlib
from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

__all__ = ["FileTable"]


class FileTable(Struct, frozen=True, dict=True):
    """Contents by name, each with its digest, all in memory."""

    contents: Mapping[str, bytes]

    @cached_property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each, in hex, by name."""
        return {name: hashlib.sha256(data).hexdigest() for name, data in self.contents.items()}

    def find(self, name: str) -> str | None:
        """Return the table's name of what a client asks for, None where there is no such file.

        One slash in front is the same file, for that is how some clients ask.
        """
        known = name.removeprefix("/")
        return known if known in self.contents else None
