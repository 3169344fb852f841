"""Where a boot was made: the computer, and with what else the seconds of a boot may be compared."""

import os
import platform
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

__all__ = ["Host", "Profile", "this_host"]

_CPUINFO = Path("/proc/cpuinfo")
_CPUINFO_BYTES = 1 << 16
_LONGEST = 120


class Host(Struct, frozen=True):
    """A computer: its name, and the model of its CPU; both are empty where nobody has told."""

    name: str = ""
    cpu: str = ""


class Profile(Struct, frozen=True):
    """What seconds depend on besides what is booted: those of two profiles are not compared."""

    cpu: str
    accelerator: str
    qemu_version: str


@lru_cache(maxsize=1)
def this_host() -> Host:
    """Return the computer that we run on."""
    return Host(platform.node()[:_LONGEST], _cpu()[:_LONGEST])


def _cpu() -> str:
    """Return the model of the CPU, by its name and, where that is told, its numbers: in a virtual
    machine several models have one name."""
    try:
        with _CPUINFO.open("rb") as file:
            text = file.read(_CPUINFO_BYTES).decode("utf-8", "replace")
    except OSError:
        text = ""
    told = {}
    for line in text.partition("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        told[name.strip()] = " ".join(value.split())
    named = told.get("model name") or os.uname().machine
    numbers = [told[each] for each in ("cpu family", "model", "stepping") if told.get(each)]
    return f"{named} ({'-'.join(numbers)})" if numbers else named
