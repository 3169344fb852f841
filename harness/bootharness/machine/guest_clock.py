"""The guest's own clock, where QEMU counts its instructions: how long a boot took for the guest.

It goes on by a nanosecond with each instruction, and with the host's clock while the guest waits
for time to pass. How busy the host is has no part in the former: thirteen boots of a kernel
differed by 0.9 % while the longest took five times as long as the shortest on the host's clock.
QEMU does not tell it, but makes others of it: ACPI's power management timer is exact, and turns
every 4.7 s; the date tells how often.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from bootharness.errors import ClockUnreadable, MachineLost
from bootharness.machine.device import CLOCK_BASE
from bootharness.machine.machine import Machine

__all__ = ["guest_seconds", "seconds_told"]

_HZ, _TICKS = 3_579_545, 1 << 24
_TURN_S = _TICKS / _HZ
_STOP_S, _EXACT_S, _SLACK_S = 2.0, 0.01, 1.0
# where SeaBIOS has put the timer, on both machines, and OVMF on a pc
_PORTS = (0x608, 0xB008)
_BASE = re.compile(r"base=([^,]+)")


def guest_seconds(machine: Machine, connected: float) -> float:
    """Stop a machine whose instructions are counted, and return the seconds since it began by its
    own clock. It had begun when we were ``connected``, in seconds since launch.

    Raises ClockUnreadable where QEMU does not tell, MachineLost when it does not answer.
    """
    machine.stop(_STOP_S)
    ran_s = machine.ran_s()
    *timers, drift = machine.qmp.monitor(*(f"i/w {port:#x}" for port in _PORTS), "info jit")
    instructions = machine.qmp.execute("query-replay")["icount"]
    seconds = seconds_told(
        timers, _by_date(machine), drift, (ran_s - connected, ran_s), instructions
    )
    if seconds is None:
        raise ClockUnreadable(
            f"{machine.config.qemu} does not tell how far the guest's clock has gone on, so "
            "--at-most says nothing there"
        )
    return seconds


def _by_date(machine: Machine) -> float | None:
    """Return the whole seconds since a machine began by its date, None where it has none."""
    base = _BASE.search(dict(pairwise(machine.qemu.argv)).get("-rtc", ""))
    with suppress(MachineLost, KeyError, TypeError, ValueError, OverflowError):
        told: Any = machine.qmp.execute("qom-get", path="/machine", property="rtc-time")
        now = datetime(
            told["tm_year"] + 1900, told["tm_mon"] + 1, told["tm_mday"],
            told["tm_hour"], told["tm_min"], told["tm_sec"], tzinfo=UTC,
        )  # fmt: skip
        began = datetime.strptime(base[1] if base else "", CLOCK_BASE).replace(tzinfo=UTC)
        return (now - began).total_seconds()
    return None


def seconds_told(
    timers: Sequence[str], by_date: float | None, drift: str, ran_s: tuple[float, float],
    instructions: int,
) -> float | None:  # fmt: skip
    """Return the seconds since a machine began by the guest's clock, None where that is not told.

    ``timers`` and ``drift`` are what QEMU's monitor says of the timer where it may be, and of how
    far the guest's clock is behind that of the host; ``by_date`` are whole seconds. The machine has
    been running for ``ran_s`` at least and at most by our clock, which is a little more than by
    QEMU's. A guest can set its date and move its timer, but not undo its instructions nor be faster
    than the host: what contradicts these is not believed.
    """
    behind = re.search(r"Host - Guest clock\s+(-?\d+) ms", drift)
    if not behind:
        return None
    least = instructions / 1e9
    low, most = (each - int(behind[1]) / 1000 for each in ran_s)
    if by_date is not None and least - _SLACK_S <= by_date <= most + _SLACK_S:
        about = by_date + 0.5  # it has gone on since its last whole second
    else:
        about = max((low + most) / 2, least)
    for said in timers:
        found = re.search(r"= (0x[0-9a-f]+)", said)
        if found and (ticks := int(found[1], 16)) < _TICKS:
            exact = ticks / _HZ
            exact += _TURN_S * max(0, round((about - exact) / _TURN_S))
            if least - _EXACT_S <= exact <= most + _SLACK_S and abs(exact - about) < _TURN_S / 2:
                return round(exact, 6)
    return round(max(about, least), 6)
