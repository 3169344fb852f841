"""Causes for which what ran was not the kernel that was to be tested."""

import re

from bootharness.diagnosis.verdict import Finding
from bootharness.text import address
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.synthetic import NOT_ENTERED

__all__ = ["kernel_not_entered", "no_32_bit_entry", "other_kernel", "recorder_silent"]

_RELEASE = re.compile(r"\d+\.\d+[\w.+~-]*")
_JUMP_BACK = "ebfd"
# in bytes from the entry, behind the HLT
_HALTED_AT = len(NOT_ENTERED) // 2 - 2


def recorder_silent(trace: BootTrace) -> str | None:
    """Return why nothing is proven of a boot of which the recorder has told nothing.

    The BIOS itself makes calls that are recorded, so there is one in every boot.
    """
    if trace.tracer not in ("recorder", "both") or trace.bios_calls or trace.gdb_calls:
        return None
    if trace.uefi_calls:
        return None
    if trace.heard is None or not (
        trace.milestones or trace.serial or trace.ending.kind == "reached"
    ):
        return None
    if not trace.host.can_show("events"):
        if trace.reached("bios-handoff"):
            return None
        return (
            "the recorder told of nothing, so nothing is known of the loading: the machine may not "
            "have started it (see `boot` and `recorder` in machines.toml), or the line has another "
            "baud rate"
        )
    if trace.machine and trace.machine.firmware == "uefi":
        return (
            "the recorder told of no call, so nothing is known of the loading: this UEFI runs no "
            "drivers in ROMs, or the recorder's is damaged (`rm -r` the cache's assembled/)"
        )
    return (
        "the recorder told of no BIOS call, so nothing is known of the loading: this BIOS runs no "
        "option ROMs, or the recorder's is damaged (`rm -r` the cache's assembled/; --tracer gdb "
        "needs no recorder)"
    )


def other_kernel(trace: BootTrace) -> Finding | None:
    """Another kernel booted than the one that was to be tested."""
    kernel, handoff, heard = trace.kernel, trace.handoff, trace.heard
    if kernel is None or not kernel.release or trace.brought:
        return None
    if handoff and handoff.memory_equal:
        return None  # then its file may say of itself what it likes
    how, booted = "its banner says so", heard.release if heard else None
    if booted is None and handoff and handoff.header and handoff.release:
        how, booted = "so its header says in memory", handoff.release
        if handoff.header.syssize == kernel.header.syssize or not _RELEASE.fullmatch(booted):
            return None  # damaged rather than another
    if booted is None or booted == kernel.release:
        return None
    return Finding(
        f"the kernel that booted is {booted}, and not {kernel.release}, which was to be tested: "
        f"{how}",
        (f"{kernel.source}: {kernel.release}",),
    )


def no_32_bit_entry(trace: BootTrace) -> Finding | None:
    """A synthetic kernel was entered past its setup code, and has nothing there."""
    seen = trace.post_mortem
    if trace.ending.kind != "halted" or seen is None or seen.cpu.mode == "real":
        return None
    before = seen.code_hex[: 2 * max(seen.cpu.linear - seen.code_address, 0)]
    if not before.endswith(NOT_ENTERED[: -len(_JUMP_BACK)]):
        return None
    entry = address(seen.cpu.linear - _HALTED_AT)
    return Finding(
        f"the loader entered the kernel at its 32-bit entry, {entry}, and a selfcheck kernel has "
        "none: what it does with another kernel is not known"
    )


def kernel_not_entered(trace: BootTrace) -> Finding | None:
    """The kernel was never entered, whatever somebody has written."""
    heard = trace.heard
    if trace.handed_off or trace.kernel_spoke:
        return None
    if heard and heard.disowned:
        why = ", and Linux writes none before it has paging on"
        return Finding(
            f"no kernel was entered: a kernel's words came, {heard.disowned}"
            f"{why if trace.host.can_show('registers') else ''}",
            tuple(trace.serial.splitlines()[-4:]),
        )
    traced = trace.tracer != "none" and trace.kernel is not None
    if trace.brought and trace.marker:
        return None  # it may be a boot manager's words that were wanted
    if trace.ending.kind != "reached" or not traced or trace.heard is None:
        return None
    return Finding(
        f"the boot came to {trace.goal}, but nobody saw the kernel being entered, and no banner "
        "of it came",
        tuple(trace.serial.splitlines()[-4:]),
    )
