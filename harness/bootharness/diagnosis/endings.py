"""Causes for which the guest itself ended the boot: resets by their kinds, power-off, suspend."""

import re

from bootharness.diagnosis.hangs import last_call, last_calls, place, read_zeros
from bootharness.diagnosis.started import runs_at_the_end
from bootharness.diagnosis.verdict import Finding
from bootharness.diagnosis.wire_words import came_whole
from bootharness.plan import SHUTDOWN
from bootharness.plan.goal import is_pattern
from bootharness.text import count
from bootharness.trace.boot_trace import (
    BY_THE_BIOS,
    CRASH_REPORTED,
    PANIC_REPORTED,
    RESET_BY,
    BootTrace,
)

__all__ = [
    "guest_powered_off",
    "guest_suspended",
    "machine_reset",
    "port_misused",
    "reset_by_bios",
    "reset_by_keyboard",
    "reset_by_port_92",
    "reset_by_port_cf9",
    "triple_fault",
    "where",
]

# OUT imm8, AL and AX; OUT DX, AL and AX. The CPU stands right behind it, or a loop further.
_OUT_TO_BYTE, _OUT_TO_DX = b"\xe6\xe7", b"\xee\xef"
_LOOK_BACK = 12
_BOOT_SECTOR = range(0x7C00, 0x7E00)
_SAID, _FILES = 120, 3
_PANICS = (PANIC_REPORTED, CRASH_REPORTED)


def reset_by_keyboard(trace: BootTrace) -> Finding | None:
    """The guest was reset by a command to the keyboard controller."""
    return _reset(trace, RESET_BY[0x64])


def reset_by_port_92(trace: BootTrace) -> Finding | None:
    """The guest was reset by system control port A."""
    return _reset(trace, RESET_BY[0x92])


def reset_by_port_cf9(trace: BootTrace) -> Finding | None:
    """The guest was reset by the chipset's reset control register."""
    return _reset(trace, RESET_BY[0xCF9])


def reset_by_bios(trace: BootTrace) -> Finding | None:
    """The BIOS reset the guest: something has jumped to where it starts."""
    return _reset(trace, BY_THE_BIOS)


def triple_fault(trace: BootTrace) -> Finding | None:
    """The guest was reset, and nobody had asked for it."""
    return _reset(trace, "") if trace.host.can_show("events") else None


def machine_reset(trace: BootTrace) -> Finding | None:
    """A real machine began again, and why cannot be seen there."""
    if trace.host.can_show("events") or trace.ending.kind != "guest-reset":
        return None
    if trace.reached("banner"):
        return None
    said = trace.serial.rstrip().splitlines()
    after = "" if trace.bios_calls or not said else f"; it said last {said[-1].strip()[:_SAID]!r}"
    return Finding(
        f"the machine was reset{trace.ended_after} ({trace.ending.detail}); "
        f"{trace.last_milestone}{last_call(trace)}{after}",
        (*last_calls(trace), *said[-4:]),
    )


def _reset(trace: BootTrace, by: str) -> Finding | None:
    if trace.ending.kind != "guest-reset" or trace.reached("protected-mode"):
        return None
    if runs_at_the_end(trace) or any(call.service == "ResetSystem" for call in trace.uefi_calls):
        return None
    if _reset_by(trace) != by:
        return None
    after = f"after {trace.milestones[-1].name}" if trace.milestones else "before the loader"
    if not trace.loader_calls and trace.samples and trace.samples[-1].linear in _BOOT_SECTOR:
        after = "in the loader, which had not called the BIOS yet"
    return Finding(
        f"the guest was reset{f' {by}' if by else ''}{where(trace)}{trace.ended_after}, "
        f"{after}{read_zeros(trace)}{_last_files(trace)}{last_call(trace)}",
        last_calls(trace),
    )


def _last_files(trace: BootTrace) -> str:
    came = list(dict.fromkeys(came_whole(trace.network)))[-_FILES:] if trace.network else ()
    return f"; over the network came last {', '.join(came)}" if came else ""


def _reset_by(trace: BootTrace) -> str:
    """Return who asked for the reset, "" where nobody did: then it was a triple fault."""
    told = trace.ending.detail if trace.ending.detail in (*RESET_BY.values(), BY_THE_BIOS) else None
    seen = trace.post_mortem
    if told is not None or seen is None:
        return told or ""
    end = seen.cpu.linear - seen.code_address
    code = bytes.fromhex(seen.code_hex)[max(end - _LOOK_BACK, 0) : end + 2]
    dx = (
        int(found[1], 16) & 0xFFFF if (found := re.search(r"DX=([0-9a-f]+)", seen.registers)) else 0
    )
    for at in range(len(code) - 1, -1, -1):
        port = None
        if code[at] in _OUT_TO_DX:
            port = dx
        elif at and code[at - 1] in _OUT_TO_BYTE:
            port = code[at]
        if port in RESET_BY:
            return BY_THE_BIOS if seen.cpu.in_bios else RESET_BY[port]
    return ""


def guest_powered_off(trace: BootTrace) -> Finding | None:
    """The guest switched the machine off before it had come as far as wanted."""
    return _stopped(trace, "guest-shutdown", "switched the machine off")


def guest_suspended(trace: BootTrace) -> Finding | None:
    """The guest put the machine to sleep."""
    return _stopped(trace, "guest-suspended", "put the machine to sleep (ACPI suspend)")


def _stopped(trace: BootTrace, kind: str, how: str) -> Finding | None:
    if trace.ending.kind != kind:
        return None
    return Finding(
        f"the guest {how}{trace.ended_after}{_before(trace)}; {trace.last_milestone}"
        f"{'' if trace.kernel_runs else _last_files(trace)}{last_call(trace)}",
        (*last_calls(trace), *trace.serial.splitlines()[-4:]),
    )


def _before(trace: BootTrace) -> str:
    """Say what had not come by then that was wanted."""
    if trace.until == SHUTDOWN:
        return ", and no kernel had run by then"
    wanted = trace.until_screen is not None or is_pattern(trace.until)
    return f", before {trace.goal} had come" if wanted else ""


def port_misused(trace: BootTrace) -> Finding | None:
    """Before a kernel was entered the guest used the ports that the harness listens to."""
    if trace.ending.kind == "reached" or trace.handed_off or trace.reached("banner"):
        return None
    if any(sample.in_kernel for sample in trace.samples):
        return None
    if trace.ending.detail in _PANICS:
        return Finding(
            f"{trace.ending.detail}{where(trace)}{trace.ended_after} on port 0x505 (pvpanic), and "
            f"no kernel had been entered{last_call(trace)}"
        )
    if trace.foreign_bytes:
        return Finding(
            f"the guest wrote {count(trace.foreign_bytes, 'byte')} of its own to port 0xe9, where "
            f"its BIOS calls are recorded, and no kernel was entered{where(trace)}"
            f"{last_call(trace)}",
        )
    return None


def where(trace: BootTrace) -> str:
    """Say where the CPU was when it was looked at last, to go into a sentence."""
    if not trace.samples:
        return ""
    last = trace.samples[-1]
    mode = "" if last.mode == "real" else f" in {last.mode} mode"
    return f" at {place(trace, last)}{mode}"
