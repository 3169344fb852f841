"""The beginning of a session, and what happens around every stop."""

from __future__ import annotations

import gdb

from .asking import at_end, edge
from .back import BACKWARDS, before_running, going, lost, stopped
from .calls import SITES, Site, see_unrecognised
from .commands import OURS
from .facts import FACTS, FOLDER
from .guest import GUEST, in_words
from .places import in_loader, where
from .uefi import UEFI_WORDS
from .wrapping import wrapped

_NOT_REACHED = "not-reached.txt"


class BeforeRunning(gdb.Command):
    """What is done before the machine runs on: gdb calls it."""

    RUNNING = (
        "continue", "stepi", "nexti", "step", "next", "until", "advance", "finish", "jump",
        "reverse-continue", "reverse-stepi", "reverse-nexti", "reverse-step", "reverse-next",
        "reverse-finish",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__("before-running", gdb.COMMAND_OBSCURE)
        for command in self.RUNNING:
            gdb.execute(f"define hook-{command}\nbefore-running {command}\nend")
            gdb.execute(f"document hook-{command}\nWhat comes before `{command}` here.\nend")

    def invoke(self, argument: str, from_tty: bool) -> None:
        del from_tty
        going(argument)
        with in_words():
            GUEST.write_back()
            GUEST.check_going()
            if argument == "continue":
                GUEST.get_off()
            before_running()


def begin(socket: str) -> None:
    """Connect gdb to the machine, and take up the work."""
    GUEST.connect(socket)
    gdb.events.stop.connect(see_unrecognised)
    gdb.events.before_prompt.connect(_tell)
    for command in (*OURS, *BACKWARDS, *UEFI_WORDS, BeforeRunning):
        command()
    for address in FACTS["sites"]:
        SITES[address] = Site(address)
    names = ", ".join(dict.fromkeys(each.name for each in UEFI_WORDS or (*OURS, *BACKWARDS)))
    print(FACTS["what"])
    print(wrapped(f"besides gdb's own commands: {names} (help NAME)"))


def go_to_place(commands: list[str]) -> None:
    """Run the commands that come to the first stop. Where they do not, say why, and leave it for
    whoever has started gdb."""
    try:
        for each in commands:
            gdb.execute(each)
    except gdb.error as error:
        print(wrapped(f"{error}"))
        if GUEST.signal != "SIGINT" or at_end():
            (FOLDER / _NOT_REACHED).write_text(f"{error}")


def break_at_labels() -> None:
    """Set a breakpoint at every label of the loader's code.

    QEMU has as many hardware breakpoints as one likes. At one of the other kind gdb supposes
    that the CPU stops behind it, and with two of them side by side it is mistaken.
    """
    for address in FACTS["labels"]:
        gdb.execute(f"hbreak *{address:#x}", to_string=True)


def _tell(_event: object = None) -> None:
    """Before a prompt: where the machine is, if gdb itself could not tell."""
    if not GUEST.there:
        for line in lost():
            print(line)
        return
    GUEST.write_back()
    if not GUEST.news:
        return
    GUEST.news = False
    if GUEST.ended():
        print(
            wrapped(
                "The guest has been reset or switched off. Registers and memory are as they were; "
                "it goes no further."
            )
        )
    if said := edge():
        print(f"{said}.")
    for line in stopped():
        print(line)
    registers = GUEST.registers()
    if not (registers.flat and in_loader(registers.linear)):
        print(wrapped(where(registers)))
