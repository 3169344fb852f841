"""Causes of a boot that goes on without getting on: in the loader, the BIOS, the kernel."""

import re

from bootharness.diagnosis.astray import astray
from bootharness.diagnosis.odd_header import odd_field
from bootharness.diagnosis.protocol import loader_message
from bootharness.diagnosis.started import runs_at_the_end
from bootharness.diagnosis.verdict import Finding
from bootharness.diagnosis.wire_words import flawed_beside_kernel
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.call_lines import call_lines
from bootharness.text import address, seg_off
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import CpuSample
from bootharness.trace.reads import is_read

__all__ = [
    "bios_hang",
    "how",
    "hung",
    "in_cpu_check",
    "kernel_hang",
    "kernel_silent",
    "last_call",
    "last_calls",
    "place",
    "read_zeros",
    "samples_of",
    "setup_hang",
    "stage1_hang",
]

_HANGS = ("boot-manager", "halted", "loop", "waits-for-key", "silent", "idle")
_PROVEN = ("halted", "loop")
"""How nobody can be who gets on unseen."""
_CODE_BYTES = 440
# Linux, arch/x86/boot/compressed/head_64.S: HLT and a JMP back to it, and verify_cpu behind
_CPU_CHECK = re.compile(rb"(?:\xf4)?\xeb\xfd.{0,15}?\x9c\x6a\x00\x9d", re.DOTALL)
_CPU_CHECK_BYTES = 32
_SERIAL_LINES = 12
_LOOK_BACK_CALLS, _SHOWN_CALLS = 400, 4


def stage1_hang(trace: BootTrace) -> Finding | None:
    """The loader runs on, or has stopped, without new BIOS calls."""
    if not hung(trace) or trace.handed_off or trace.network or _in_bios(trace):
        return None
    if not trace.reached("bios-handoff") and not trace.host.can_show("registers"):
        return None
    if trace.uefi_calls or trace.kernel_runs:
        return None  # a kernel that was entered at its 32-bit or 64-bit entry
    if in_cpu_check(trace) or runs_at_the_end(trace):
        return None
    said = loader_message(trace)
    empty = trace.disk and {*trace.disk.boot_sector[: _CODE_BYTES * 2]} == {"0"}
    why = "; the code in the boot sector is all zeros" if empty else read_zeros(trace)
    return Finding(
        f"the loader {how(trace)}{f', after saying {said!r}' if said else ''}{why}"
        f"{last_call(trace)}{_gate(trace)}",
        samples_of(trace),
    )


def _gate(trace: BootTrace) -> str:
    """Say that A20 was closed when a loader was heard last that had read something to move up."""
    reads = any(is_read(call) and not call.failed for call in trace.loader_calls)
    if not trace.a20_left_closed or trace.block_moves or not reads:
        return ""
    return "; the A20 gate was closed then"


def in_cpu_check(trace: BootTrace) -> bool:
    """Return whether the CPU was halted by a kernel of 64 bits that needs another one."""
    seen = trace.post_mortem
    if seen is None or not seen.cpu.halted or seen.cpu.mode != "protected":
        return False
    at = seen.cpu.linear - seen.code_address
    code = bytes.fromhex(seen.code_hex)[max(at, 0) :]
    return at >= 0 and _CPU_CHECK.match(code[:_CPU_CHECK_BYTES]) is not None


def bios_hang(trace: BootTrace) -> Finding | None:
    """A call of the BIOS does not come back."""
    if not hung(trace) or trace.handoff or trace.network or not _in_bios(trace):
        return None
    if not _by_others(trace):
        return None
    return Finding(f"the BIOS {how(trace)}{last_call(trace)}", samples_of(trace))


def bios_stuck(trace: BootTrace) -> Finding | None:
    """The BIOS did not come to a boot sector, so nothing that was to be tested ran."""
    if not hung(trace) or trace.handoff or trace.network or not _in_bios(trace):
        return None
    if _by_others(trace):
        return None
    return Finding(
        f"the BIOS {how(trace)}{last_call(trace)}; it had not entered a boot sector, so nothing of "
        "what was to be tested has run",
        samples_of(trace),
    )


def setup_hang(trace: BootTrace) -> Finding | None:
    """The setup code was entered and protected mode never."""
    if not hung(trace) or not trace.handoff or not trace.host.can_show("registers"):
        return None
    if trace.reached("protected-mode") or trace.kernel_spoke:
        return None
    why = odd_field(trace)
    return Finding(
        f"the kernel's setup code {how(trace)}{last_call(trace)}{f'; {why}' if why else ''}"
        f"{flawed_beside_kernel(trace)}",
        samples_of(trace),
    )


def kernel_silent(trace: BootTrace) -> Finding | None:
    """The kernel runs, and nothing is known of how far it has come: it says nothing anywhere."""
    kind = trace.ending.kind
    if trace.kernel_spoke or kind in _PROVEN or kind not in (*_HANGS, "timeout"):
        return None
    running = trace.seen_in_kernel
    if trace.uefi_handoff:  # from then on there is nobody but the kernel
        running = running or trace.samples
    entered = trace.handed_off or not trace.reached("bios-handoff")
    unseen = entered and not trace.host.can_show("registers")
    if not running and not unseen:
        return None
    handoff = trace.handoff or trace.uefi_handoff
    cmdline = handoff.cmdline if handoff else None
    if cmdline == "" and trace.uefi_handoff:
        why = "it was started without a command line"
    elif cmdline is None:
        why = "its command line was not seen: has it console=ttyS0?"
    elif "console=ttyS0" not in cmdline:
        why = "its command line has no console=ttyS0"
    elif "quiet" in cmdline.split():
        why = "its command line has quiet"
    else:
        why = "its command line has console=ttyS0: has it a driver for the serial line?"
    silent = "the kernel was entered, and then nothing came over the serial line"
    if not handoff:
        silent = "nothing more came over the serial line, and no recorder tells of the loading"
    if running:
        silent = (
            f"the kernel runs, at {address(running[-1].linear)}, but no words of a kernel came, "
            "neither over the serial line nor as text on the screen"
        )
    return Finding(
        f"{silent}; {why}",
        (f"command line: {cmdline or ''}", *samples_of(trace)),
    )


def kernel_hang(trace: BootTrace) -> Finding | None:
    """The kernel has begun and does not get on."""
    if not hung(trace):
        return None
    if not trace.kernel_spoke and not (trace.ending.kind in _PROVEN and _in_kernel(trace)):
        return None
    return Finding(
        f"the kernel {how(trace)}; {trace.last_milestone}",
        (*samples_of(trace), *trace.serial.splitlines()[-_SERIAL_LINES:]),
    )


def _in_kernel(trace: BootTrace) -> list[CpuSample]:
    return [sample for sample in trace.samples if sample.in_kernel]


def read_zeros(trace: BootTrace) -> str:
    """Say that what a loader read last is not on the disk, as the end of a sentence."""
    lba = trace.disk.blank_lba if trace.disk else None
    return "" if lba is None else f"; LBA {lba:,}, which it read last, is all zeros"


def last_call(trace: BootTrace) -> str:
    """Say which BIOS call was the last, as the end of a sentence."""
    calls = trace.bios_calls[-_LOOK_BACK_CALLS:]
    if not calls:
        return ""
    call = next((each for each in reversed(calls) if not _sets_screen(each)), calls[-1])
    returned = "" if call.registers_out else ", which did not return"
    where = seg_off(call.registers_in.cs, call.registers_in.ip)
    name = f", {call.service}," if call.service else ""
    return (
        f"; the last BIOS call was INT {call.number:02x}h AH={call.function:02x}h{name} from "
        f"{where}{returned}"
    )


def last_calls(trace: BootTrace) -> tuple[str, ...]:
    """Return the last calls as lines of evidence, a text as one."""
    return tuple(call_lines(trace.bios_calls[-_LOOK_BACK_CALLS:]))[-_SHOWN_CALLS:]


def _sets_screen(call: BiosCall) -> bool:
    return call.number == 0x10 and call.function != 0x0E


def hung(trace: BootTrace) -> Ending | None:
    """Return how a boot ended that did not get on any more, None where it did."""
    return trace.ending if trace.ending.kind in _HANGS else None


def _in_bios(trace: BootTrace) -> bool:
    """Whether it is the BIOS that hangs: in a call, or before it has entered the loader.

    One that waits for a key does as it was told.
    """
    called = _called(trace)
    if not trace.host.can_show("registers"):
        return trace.ending.kind != "waits-for-key" and called
    return (
        trace.ending.kind != "waits-for-key"
        and (called or not trace.reached("bios-handoff"))
        and bool(trace.samples)
        and all(sample.in_bios for sample in trace.samples)
    )


def _by_others(trace: BootTrace) -> bool:
    """Whether anybody but the BIOS has run."""
    return bool(trace.loader_calls) or trace.calls_left_out > 0 or _called(trace)


def _called(trace: BootTrace) -> bool:
    """Whether somebody is in a call of the BIOS that he made."""
    last = trace.bios_calls[-1] if trace.bios_calls else None
    return last is not None and last.registers_out is None and not last.from_bios


def how(trace: BootTrace, look: CpuSample | None = None) -> str:
    """Say of who does not get on what he does, to go behind his name; ``look`` is the one that
    shows where, without it the last outside of the BIOS."""
    own = [sample for sample in trace.samples if not sample.in_bios] or trace.samples
    look = look or (own[-1] if own else None)
    where = f" at {place(trace, look)}" if look else ""
    what = f": {trace.ending.detail}" if trace.ending.detail else astray(trace)
    return {
        "halted": f"has halted the CPU with interrupts off{where}",
        "waits-for-key": "waits for a key",
        "loop": f"runs on{where} and gets nowhere{what}",
    }.get(trace.ending.kind, f"makes no progress any more{where}{what}")


def place(trace: BootTrace, sample: CpuSample) -> str:
    """Write where the CPU was, by the loader's symbol where there is one."""
    at = seg_off(sample.cs, sample.ip) if sample.mode == "real" else address(sample.linear)
    symbol = None
    if trace.loader and not trace.handoff:
        symbol = trace.loader.symbol_at(sample.linear)
    return f"{at} ({symbol})" if symbol else at


def samples_of(trace: BootTrace) -> tuple[str, ...]:
    """Return where the CPU was as lines of evidence."""
    if not trace.samples:
        return ()
    places = list(dict.fromkeys(place(trace, sample) for sample in trace.samples))
    more = f" and {len(places) - 4} more places" if len(places) > 4 else ""
    modes = list(dict.fromkeys(sample.mode for sample in trace.samples))
    always = (
        f"always in {modes[0]} mode"
        if len(modes) == 1
        else ", then ".join(f"in {mode} mode" for mode in modes)
    )
    times = "once" if len(trace.samples) == 1 else f"{len(trace.samples)} times"
    if times == "once":
        always = always.removeprefix("always ")
    return (f"CPU sampled {times}, {always}, at {', '.join(places[:4])}{more}",)
