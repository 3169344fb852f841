"""The files that a network serves: a table of names, so that no name leads anywhere else."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

__all__ = ["Content", "FileTable", "Files"]


class Content(Protocol):
    """What is in a file, as far as it is asked for."""

    def __len__(self) -> int:
        """Return its size in bytes."""

    def __getitem__(self, part: slice, /) -> bytes | memoryview:
        """Return a part of it."""


class Files(Protocol):
    """Where servers find what they are asked for."""

    def find(self, name: str) -> str | None:
        """Return the one name of what a client asks for, None where there is no such file."""

    def open(self, name: str) -> Content | None:
        """Return what is in a file that was found, None where it is gone."""

    def why_not(self, name: str) -> str:
        """Say what is there in place of a file that was not found, empty where nothing is."""


class FileTable(Struct, frozen=True):
    """Contents by name, all in memory."""

    contents: Mapping[str, bytes]

    def find(self, name: str) -> str | None:
        """Return the table's name of what a client asks for, None where there is no such file.

        One slash in front is the same file, for that is how some clients ask.
        """
        known = name.removeprefix("/")
        return known if known in self.contents else None

    def open(self, name: str) -> Content:
        """Return what is in a file that was found."""
        return memoryview(self.contents[name])

    def why_not(self, _name: str) -> str:
        """Return nothing: the table has nothing else."""
        return ""
