"""Calls that change registers which they return nothing in."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Change, Quirks

__all__ = ["CHANGED", "DX_LOST", "HIGH_HALVES_LOST", "INTERRUPTS_LEFT_OFF", "TELETYPE"]

_ANYTHING = 0xDEAD_BEEF
_ALL = 0xFFFF_FFFF
_WORD, _LOW, _HIGH = 0xFFFF, 0xFF, 0xFF00
_INTERRUPTS = 0x0200
_DISK, _SYSTEM, _VIDEO, _KEYBOARD = 0x13, 0x15, 0x10, 0x16
_GENERAL = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp")


def _way(what: str, call: str, number: int, functions: tuple[int, ...], **masks: int) -> Way:
    registers = {name: (mask, _ANYTHING & mask) for name, mask in masks.items()}
    return Way(f"{what} changed by {call}", f"keeps a value in {what} over {call}",
               Quirks(changes=(Change(number, functions, registers),)))  # fmt: skip


CHANGED = Behaviour(
    name="calls-change",
    title="calls change what they may",
    standing="allowed",
    source="Ralf Brown's list: AX belongs to the call; AH=41h returns AL, CX and DH too, AH=08h "
    "BL and ES:DI",
    ways=lambda _: [
        _way("AL", "INT 13h AH=42h", _DISK, (0x42,), eax=_LOW),
        _way("AL", "INT 13h AH=02h", _DISK, (0x02,), eax=_LOW),
        _way("AL", "INT 13h AH=00h", _DISK, (0x00,), eax=_LOW),
        _way("AL", "INT 13h AH=41h", _DISK, (0x41,), eax=_LOW),
        _way("DH", "INT 13h AH=41h", _DISK, (0x41,), edx=_HIGH),
        _way("BL", "INT 13h AH=08h", _DISK, (0x08,), ebx=_LOW),
        _way("ES", "INT 13h AH=08h", _DISK, (0x08,), es=_WORD),
        _way("DI", "INT 13h AH=08h", _DISK, (0x08,), edi=_WORD),
        _way("AL", "INT 15h AH=87h", _SYSTEM, (0x87,), eax=_LOW),
    ],
)

DX_LOST = Behaviour(
    name="dx-lost",
    title="a read loses DX",
    standing="seen",
    source="Ralf Brown's list, INT 13h AH=02h: some BIOSes destroy DX",
    ways=lambda _: [_way("DX", "a disk read", _DISK, (0x02, 0x42), edx=_WORD)],
)

HIGH_HALVES_LOST = Behaviour(
    name="high-halves-lost",
    title="calls lose the high halves of registers",
    standing="seen",
    source="SYSLINUX tells of such BIOSes as a rumour",
    ways=lambda _: [
        Way(
            f"the high half of {name.upper()} changed by calls",
            f"keeps a value in the high half of {name.upper()} over a call",
            Quirks(
                changes=tuple(
                    Change(number, (), {name: (_ALL ^ _WORD, _ANYTHING)})
                    for number in (_VIDEO, _DISK, _SYSTEM, _KEYBOARD)
                )
            ),
        )
        for name in _GENERAL
    ],
)

INTERRUPTS_LEFT_OFF = Behaviour(
    name="interrupts-left-off",
    title="a read leaves interrupts off",
    standing="seen",
    source="Ralf Brown's list, INT 13h AH=02h: Microsoft's callers have STI behind it",
    ways=lambda _: [
        Way(
            "interrupts off behind a disk read",
            "assumes that a disk read leaves interrupts on",
            Quirks(changes=(Change(_DISK, (0x02, 0x42), {"flags": (_INTERRUPTS, 0)}),)),
        )
    ],
)

TELETYPE = Behaviour(
    name="teletype",
    title="writing a character changes AX and BP",
    standing="seen",
    source="Ralf Brown's list, INT 10h AH=0Eh: BP is destroyed where the screen scrolls",
    ways=lambda _: [
        _way("AX", "INT 10h AH=0Eh", _VIDEO, (0x0E,), eax=_WORD),
        _way("BP", "INT 10h AH=0Eh", _VIDEO, (0x0E,), ebp=_WORD),
    ],
)
