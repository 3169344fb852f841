"""Running until an image is entered, or the boot services have ended."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import gdb

from .guest import memory, register
from .log import FACTS, calls, images, lies_at, name_of

_TABLES: list[int] = []
SIGNAL = [""]
"""By what signal the machine was stopped last on its way to a place, empty where by none."""
_STOPS = 200
"""LoadImage comes back so often at most before the image that is wanted."""


def system_table() -> int:
    """Return where the firmware's table is, which each image is given as it is entered."""
    if not _TABLES:
        raise gdb.GdbError("Not known before an image was entered: `until-image NAME' first.")
    if any(call["service"] == "ExitBootServices" and not call["error"] for call in calls()):
        raise gdb.GdbError("The boot services have ended: there is nobody to ask any more.")
    return _TABLES[-1]


def until_image(name: str) -> str:
    """Run until an image is entered, and say where."""
    known = [each for each in FACTS["loads"] if each["name"].lower().endswith(name.lower())]
    if not name or not known:
        names = ", ".join(each["name"] for each in FACTS["loads"])
        raise gdb.GdbError(f"That boot loaded no such image: {names or 'none at all'}.")
    behind = known[-1]["caller"]
    for _ in range(_STOPS):
        _run_to(behind, f"{name} was loaded")
        loaded = images(calls())
        if loaded and name_of(loaded[-1]).lower().endswith(name.lower()):
            entry = _entry(loaded[-1]["address"])
            _run_to(entry, f"{name} was entered")
            _TABLES.append(register("rdx"))
            return (
                f"{name_of(loaded[-1])} is entered at {entry:#x}; it lies at "
                f"{loaded[-1]['address']:#x}, {loaded[-1]['bytes']:,} bytes"
            )
    raise gdb.GdbError(f"{name} was not loaded.")


def until_exit() -> str:
    """Run until the boot services have ended, and say who goes on."""
    if FACTS["exit"] is None:
        raise gdb.GdbError("That boot did not end the boot services.")
    for _ in range(_STOPS):
        _run_to(FACTS["exit"], "the boot services ended")
        every = calls()
        if every and every[-1]["service"] == "ExitBootServices" and not every[-1]["error"]:
            who = lies_at(every, FACTS["exit"]) or f"{FACTS['exit']:#x}"
            return f"the boot services have ended; it goes on at {who}"
    raise gdb.GdbError("The boot services did not end.")


def _entry(base: int) -> int:
    (pe,) = struct.unpack("<I", memory(base + 0x3C, 4))
    (entry,) = struct.unpack("<I", memory(base + pe + 40, 4))
    return base + int(entry)


def _run_to(address: int, what: str) -> None:
    there = gdb.Breakpoint(f"*{address:#x}", gdb.BP_HARDWARE_BREAKPOINT, internal=True)
    there.silent = True
    SIGNAL[0] = ""
    gdb.events.stop.connect(_note)
    try:
        with _nothing_written():
            gdb.execute("continue", to_string=True)
    finally:
        gdb.events.stop.disconnect(_note)
        there.delete()
    if SIGNAL[0] == "SIGINT":
        raise gdb.GdbError(f"Interrupted before {what}.")
    if register("rip") != address:
        raise gdb.GdbError(f"The machine stopped before {what}.")


def _note(event: gdb.StopEvent) -> None:
    SIGNAL[0] = getattr(event, "stop_signal", "")


@contextmanager
def _nothing_written() -> Iterator[None]:
    """Have gdb write nothing: what signal it takes a stop for it tells every terminal. Windows are
    drawn by what is written, and so it stays with them."""
    if "not active" not in gdb.execute("info win", to_string=True):
        yield
        return
    gdb.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        gdb.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
