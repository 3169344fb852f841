"""What a guest has of this computer: a folder of it, and ports that lead into the guest."""

import re
from pathlib import Path
from typing import Self

from msgspec import Struct

from bootharness.errors import UsageError

__all__ = ["Forward", "Share", "check_forward", "check_share"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHARE = re.compile(r"(?:(?P<name>[^=/:]*)=)?(?P<path>.+?)(?P<rw>:rw)?", re.DOTALL)
_FORWARD = re.compile(r"(?P<protocol>tcp|udp):(?P<here>\d{1,5}):(?P<there>\d{1,5})")
_MOST_PORT = 65535


class Share(Struct, frozen=True):
    """A folder of the host that a guest has as /mnt/NAME."""

    path: Path
    name: str
    writable: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``[NAME=]FOLDER[:rw]``. Raises UsageError for what is none."""
        found = _SHARE.fullmatch(text)
        if not found:
            raise UsageError(f"{text!r}: write [NAME=]FOLDER[:rw]")
        path = Path(found["path"]).expanduser().absolute()
        name = found["name"] if found["name"] is not None else path.name
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{text!r}: the guest has it as /mnt/NAME: give a NAME of letters and digits, as "
                f"data={found['path']}"
            )
        return cls(path, name, found["rw"] is not None)


class Forward(Struct, frozen=True):
    """A port of the host, on 127.0.0.1, that leads to one of the guest."""

    protocol: str
    here: int
    there: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``tcp:HERE:THERE``. Raises UsageError for what is none."""
        found = _FORWARD.fullmatch(text)
        if not found:
            raise UsageError(f"{text!r}: write tcp:PORT:PORT or udp:PORT:PORT, as tcp:2222:22")
        here, there = int(found["here"]), int(found["there"])
        if not (0 < here <= _MOST_PORT and 0 < there <= _MOST_PORT):
            raise UsageError(f"{text!r}: a port is 1 to {_MOST_PORT:,}")
        return cls(found["protocol"], here, there)


def check_share(text: str) -> None:
    """Raise UsageError for what is no folder to be shared."""
    Share.parse(text)


def check_forward(text: str) -> None:
    """Raise UsageError for what is no port to be forwarded."""
    Forward.parse(text)
