"""Addresses: read as the person writes them, and written with what lies there."""

from __future__ import annotations

import re

import gdb

from .calls import HISTORY
from .decode import CpuRegisters
from .facts import FACTS


def where(registers: CpuRegisters) -> str:
    """Say where the CPU is, and what it does next."""
    linear = registers.linear
    head = f"{registers.width}, {registers.place()}, linear {address(linear)}: {owner(linear)}"
    try:
        text = gdb.execute(f"x/i {linear:#x}", to_string=True).partition(":")[2].strip()
    except gdb.error as error:
        text = str(error)
    return f"{head}\n=> {text}"


def owner(linear: int) -> str:
    """Say what a linear address belongs to."""
    entry = HISTORY.kernel_entry
    offset = linear - ((entry or 0) - 0x200)
    # a large loader may have given up the place where the kernel is now
    if 0 <= offset < (FACTS["real_mode_bytes"] or 0) and HISTORY.kernel_is_there:
        return f"real-mode kernel + 0x{offset:x}{', its entry' if linear == entry else ''}"
    if in_loader(linear):
        return f"the loader{symbol(linear)}"
    if linear < 0x500:
        return "interrupt vectors and BIOS data"
    if 0xC0000 <= linear < 0x100000:
        return "the BIOS or an option ROM"
    start, size = FACTS["load_address"], FACTS["payload_bytes"]
    if start is not None and 0 <= linear - start < size:
        named = {0: ", its 32-bit entry", 0x200: ", its 64-bit entry"}
        offset = linear - start
        entered = named.get(offset, "") if FACTS["wide_kernel"] or not offset else ""
        return f"protected-mode kernel + 0x{offset:x}{entered}"
    if linear >= 0xFFFFFFFF80000000:
        return "the kernel"
    return "memory"


def in_loader(linear: int) -> bool:
    origin: int = FACTS["origin"]
    size: int = FACTS["loader_bytes"]
    return origin <= linear < origin + size


def symbol(linear: int) -> str:
    """Write the loader's label before an address: `` <load_high+5>``."""
    below = [(at, name) for name, at in FACTS["symbols"].items() if at <= linear]
    if not below or not in_loader(linear):
        return ""
    at, name = max(below)
    return f" <{name}+{linear - at}>" if linear > at else f" <{name}>"


def address(linear: int) -> str:
    return f"0x{linear:06x}"


def linear_of(argument: str) -> int:
    """Return a linear address written as an expression, or as SEGMENT:OFFSET of two of them."""
    if not argument:
        raise gdb.GdbError("Give an address, or SEGMENT:OFFSET.")
    segment, colon, offset = argument.rpartition(":")
    if not colon:
        return _value(argument) & 0xFFFFFFFFFFFFFFFF
    return (_value(segment, hexadecimal=True) & 0xFFFF) * 16 + (
        _value(offset, hexadecimal=True) & 0xFFFF
    )


def _value(text: str, *, hexadecimal: bool = False) -> int:
    if hexadecimal and re.fullmatch(r"[0-9a-fA-F]{1,4}", text.strip()):
        return int(text, 16)
    return int(gdb.parse_and_eval(re.sub(r"\$([a-ds][ix lp])\b", r"$e\1", text)))


def number_of(argument: str) -> int:
    if not re.fullmatch(r"\d+", argument):
        raise gdb.GdbError("Give a number.")
    return int(argument)
