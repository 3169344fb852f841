"""The guest's own clock, where QEMU counts its instructions: how long a boot took for the guest.

It goes on by a nanosecond with each instruction, and with the host's clock while the guest waits
for time to pass. How busy the host is has no part in the former: ten boots of a kernel differ by
0.3 % while their times on the host's clock differ by half. QEMU does not tell it, but ACPI's power
management timer is made of it, exactly and modulo 4.7 s, and how far it is behind the host's clock
is told in milliseconds.
"""

import re
from collections.abc import Sequence

from bootharness.errors import ClockUnreadable
from bootharness.machine.machine import Machine

__all__ = ["guest_seconds", "seconds_told"]

_HZ, _TICKS = 3_579_545, 1 << 24
_TURN_S = _TICKS / _HZ
_STOP_S, _EXACT_S = 2.0, 0.01
# where SeaBIOS has put the timer, on both machines, and OVMF on a pc
_PORTS = (0x608, 0xB008)


def guest_seconds(machine: Machine, connected: float) -> float:
    """Stop a machine whose instructions are counted, and return the seconds since it began by its
    own clock. It had begun when we were ``connected``, in seconds since launch.

    Raises ClockUnreadable where it has no such clock, MachineLost when QEMU does not answer.
    """
    host_s = machine.now() - connected / 2  # as near as one can tell
    machine.stop(_STOP_S)
    *timers, drift = machine.qmp.monitor(*(f"i/w {port:#x}" for port in _PORTS), "info jit")
    instructions = machine.qmp.execute("query-replay")["icount"]
    seconds = seconds_told(timers, drift, host_s, instructions)
    if seconds is None:
        raise ClockUnreadable(
            f"the clock of a {machine.config.machine_type} with {machine.config.qemu} cannot be "
            "read, so --at-most says nothing there"
        )
    return seconds


def seconds_told(
    timers: Sequence[str], drift: str, host_s: float, instructions: int
) -> float | None:
    """Return the seconds since a machine began, by what QEMU's monitor says of the timer where it
    may be, and of how far the guest's clock is behind that of the host, which has gone on for
    ``host_s`` since about then. None where the timer is at none of these places, and where what
    is there says less than the ``instructions`` take: a guest can move it, but not undo these."""
    found = [re.search(r"= (0x[0-9a-f]+)", said) for said in timers]
    ticks = [value for each in found if each and (value := int(each[1], 16)) < _TICKS]
    behind = re.search(r"Host - Guest clock\s+(-?\d+) ms", drift)
    if not behind or not ticks:
        return None
    about, exact = host_s - int(behind[1]) / 1000, ticks[0] / _HZ
    seconds = exact + _TURN_S * max(0, round((about - exact) / _TURN_S))
    return round(seconds, 6) if seconds > instructions / 1e9 - _EXACT_S else None
