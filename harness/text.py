"""How numbers are written for people."""

from collections.abc import Mapping

__all__ = ["address", "count", "flags", "seg_off"]


def address(linear: int) -> str:
    """Write a linear address with at least six digits: ``0x001c00``."""
    return f"0x{linear:06x}"


def seg_off(segment: int, offset: int) -> str:
    """Write a real-mode address: ``1020:0000``."""
    return f"{segment:04x}:{offset:04x}"


def count(number: int, noun: str) -> str:
    """Write a number with thousands separated and its noun: ``1,024 bytes``, ``1 byte``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def flags(value: int, names: Mapping[int, str]) -> str:
    """Write a bit field by the names of its bits; unknown bits stay visible as hex."""
    known = [name for bit, name in names.items() if value & bit]
    rest = value & ~sum(names)
    return "|".join([*known, *([hex(rest)] if rest else [])]) or "0"
