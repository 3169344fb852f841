"""The beginning of a session."""

from __future__ import annotations

import gdb

from .commands import OURS
from .log import FACTS


def begin(socket: str) -> None:
    """Connect gdb to the machine, and take up the work."""
    gdb.execute("set suppress-cli-notifications on")
    gdb.execute(f"target remote {socket}", to_string=True)
    gdb.execute("set suppress-cli-notifications off")
    for command in OURS:
        command()
    print(FACTS["what"])
    names = "efi, until-image, until-exit-boot-services, until-kernel"
    print(f"besides gdb's own commands: {names} (help NAME)")
