"""The files that a network serves: a table of names, so that no name leads anywhere else."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["FileTable"]


@dataclass(frozen=True)
class FileTable:
    """Contents by name, each with its digest, all in memory."""

    contents: Mapping[str, bytes]
    digests: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in self.contents.items()}
        object.__setattr__(self, "digests", digests)

    def find(self, name: str) -> str | None:
        """Return the table's name of what a client asks for, None where there is no such file.

        One slash in front is the same file, for that is how some clients ask.
        """
        known = name.removeprefix("/")
        return known if known in self.contents else None
