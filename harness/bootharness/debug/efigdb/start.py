"""The beginning of a session."""

from __future__ import annotations

import gdb

from .commands import OURS
from .going import SIGNAL
from .log import FACTS, FOLDER

_NOT_REACHED = "not-reached.txt"


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


def go_to_place(commands: list[str]) -> None:
    """Run the commands that come to the first stop. Where they do not, say why, and leave it for
    whoever has started gdb, unless it was the person who stopped the machine."""
    try:
        for each in commands:
            gdb.execute(each)
    except gdb.error as error:
        print(error)
        if SIGNAL[0] != "SIGINT":
            (FOLDER / _NOT_REACHED).write_text(f"{error}")
