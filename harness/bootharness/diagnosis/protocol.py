"""Causes in how the loader keeps the Linux/x86 boot protocol."""

from bootharness.diagnosis.verdict import Finding
from bootharness.diagnosis.wire_words import came_whole, program_of
from bootharness.formats.screen_text import screen_text
from bootharness.text import address, as_shown, seg_off
from bootharness.trace.boot_managers import last_lines
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetworkFacts

__all__ = [
    "handoff_state",
    "header_not_set",
    "kernel_gave_up",
    "kernel_rejected",
    "loader_gave_up",
    "loader_message",
]

_LAST_CALLS = 4
_GAVE_UP = ("boot-failed", "bootstrap")
_LOADED_HIGH = 0x01
_CAN_USE_HEAP = 0x80
_ENTRY_OFFSET = 0x200
_LEAST_STACK_BYTES = 512
_SAID = 160
_SHOWN_LINES = 4


def kernel_rejected(trace: BootTrace) -> Finding | None:
    """The loader looked at the image and gave up before it loaded it."""
    if trace.kernel is None or trace.handoff or trace.block_moves:
        return None
    if not any(call.packet and not call.failed for call in trace.loader_calls):
        return None
    header = trace.kernel.header
    said = loader_message(trace)
    if header.version < 0x204:
        field = f"its boot protocol is {header.protocol}, older than 2.04"
    elif not header.loadflags & _LOADED_HIGH:
        field = "LOADED_HIGH is not set in its loadflags: it is a zImage"
    elif header.setup_sects > 64:
        field = f"its setup_sects is {header.setup_sects}, more than 64"
    else:
        field = "its header has nothing that stage1 would refuse"
        said = said if trace.ending.kind in _GAVE_UP else ""
    if trace.ending.kind not in _GAVE_UP and not said:
        return None  # it may have stopped for another reason
    return Finding(
        f"the loader refused the kernel{f' with {said!r}' if said else ''}: {field}",
        (f"version 0x{header.version:04x}, loadflags 0x{header.loadflags:02x}",),
    )


def kernel_gave_up(trace: BootTrace) -> Finding | None:
    """What was entered as a kernel gave the machine back to the BIOS: a Linux never does."""
    if trace.ending.kind not in _GAVE_UP or trace.handoff is None:
        return None
    release = f", {trace.kernel.release}," if trace.kernel and trace.kernel.release else ""
    last = trace.screen.strip().rpartition("\n")[2].strip()
    said = f"; the screen ends in {last!r}" if last else ""
    return Finding(
        f"the kernel{release} was entered, and gave the machine back to the BIOS with {_by(trace)}"
        f"{said}",
        tuple(str(call) for call in trace.bios_calls[-_LAST_CALLS:]),
    )


def _by(trace: BootTrace) -> str:
    return "INT 18h" if trace.ending.kind == "boot-failed" else "INT 19h"


def loader_gave_up(trace: BootTrace) -> Finding | None:
    """The loader gave up, and nothing better explains it."""
    if trace.ending.kind not in _GAVE_UP:
        return None
    if trace.network:
        return _left_to_the_bios(trace, trace.network)
    calls = trace.loader_calls
    who = "the loader" if calls else "the BIOS"
    said = loader_message(trace) if calls else trace.screen.strip().rpartition("\n")[2]
    failed = [call for call in calls if call.failed]
    why = f"; {failed[-1].service} had failed: {failed[-1].status_name}" if failed else ""
    return Finding(
        f"{who} gave up with {_by(trace)}{f', saying {said!r}' if said else ''}{why}",
        tuple(str(call) for call in calls[-_LAST_CALLS:]),
    )


def _left_to_the_bios(trace: BootTrace, facts: NetworkFacts) -> Finding:
    """Say of a boot program that it was done and had the BIOS go on with other devices."""
    kernel = facts.roles.get("kernel")
    idle = f"; {kernel}, the kernel, had come whole and was not booted"
    return Finding(
        f"{program_of(facts)} left it to the BIOS to go on{trace.ended_after}, with {_by(trace)}, "
        f"and there is nothing else to boot from{idle if kernel in came_whole(facts) else ''}: its "
        f'screen ends in "{last_lines(as_shown(screen_text(trace.loader_calls)), _SHOWN_LINES)}"',
        tuple(str(event) for event in facts.events[-_LAST_CALLS:]),
    )


def loader_message(trace: BootTrace) -> str:
    """Return what the loader itself wrote through INT 10h; of more than fits a sentence the end."""
    said = screen_text(trace.loader_calls).strip()
    return said if len(said) <= _SAID else f"...{said[-_SAID:]}"


def header_not_set(trace: BootTrace) -> Finding | None:
    """An obligatory field of the setup header is missing or wrong at the handoff."""
    header = trace.handoff.header if trace.handoff else None
    if header is None or trace.handoff is None or trace.loads_itself:
        return None
    wrong, setup_runs = "", trace.handoff.boot_params is None
    if not header.type_of_loader:
        wrong = "type_of_loader is 0, so the kernel takes no initrd; wanted is 0xff or an own id"
    elif setup_runs and header.heap_end_ptr is not None and not header.loadflags & _CAN_USE_HEAP:
        wrong = (
            f"loadflags is 0x{header.loadflags:02x}, without CAN_USE_HEAP (0x80): the setup code "
            "gets no heap"
        )
    elif setup_runs and (header.heap_end_ptr or 0xFFFF) < header.real_mode_bytes - 0x200:
        wrong = (
            f"heap_end_ptr is 0x{header.heap_end_ptr:04x}, inside the setup code, which ends at "
            f"0x{header.real_mode_bytes:04x}"
        )
    elif header.cmd_line_ptr == 0 and not (trace.disk and trace.disk.cmdline == ""):
        wrong = "cmd_line_ptr is 0, so the kernel gets no command line"
    elif trace.disk and trace.disk.initrd_bytes is not None:
        chosen = trace.disk.initrd_address is None  # by the loader
        at = header.ramdisk_image if chosen else trace.disk.initrd_address
        asked = (at, trace.disk.initrd_bytes)
        if asked != (header.ramdisk_image, header.ramdisk_size):
            wrong = (
                f"ramdisk_image and ramdisk_size are {address(header.ramdisk_image)} and "
                f"{header.ramdisk_size:,}; wanted are {address(asked[0] or 0)} and {asked[1]:,}"
            )
    elif trace.disk and trace.disk.cmdline is not None and header.ramdisk_size:
        wrong = (
            f"ramdisk_image and ramdisk_size are {address(header.ramdisk_image)} and "
            f"{header.ramdisk_size:,}, and there is no initrd"
        )
    if not wrong:
        return None
    return Finding(
        f"the setup header at the handoff is not as the boot protocol wants it: {wrong}",
        (
            f"type_of_loader 0x{header.type_of_loader:02x}, loadflags 0x{header.loadflags:02x}, "
            f"heap_end_ptr 0x{header.heap_end_ptr or 0:04x}, cmd_line_ptr "
            f"{address(header.cmd_line_ptr or 0)}",
        ),
    )


def handoff_state(trace: BootTrace) -> Finding | None:
    """The kernel is entered with another state than boot.rst, "Running the Kernel", wants."""
    handoff = trace.handoff
    if handoff is None or not handoff.exact or handoff.header is None:
        return None
    registers, header = handoff.registers, handoff.header
    start = handoff.real_mode_address
    if start is None or trace.loads_itself:
        return None
    segment, wrong = start // 16, ""
    if registers.cs * 16 != start + _ENTRY_OFFSET or registers.ip:
        wrong = (
            f"it was entered at {seg_off(registers.cs, registers.ip)} instead of "
            f"{seg_off(segment + 0x20, 0)}"
        )
    elif registers.interrupts:
        wrong = "interrupts are on; wanted is IF=0"
    else:
        for name, value in (("DS", registers.ds), ("ES", registers.es), ("SS", registers.ss)):
            if value is not None and value != segment:
                wrong = f"{name} is {value:04x}; wanted is {segment:04x}"
                break
    if not wrong:
        top = (header.heap_end_ptr or 0) + 0x200 if header.loadflags & _CAN_USE_HEAP else 0x10000
        bottom = header.real_mode_bytes + _LEAST_STACK_BYTES
        pointer = registers.esp & 0xFFFF
        if not bottom <= pointer <= top:
            wrong = (
                f"SP is {pointer:04x}; wanted is the end of the heap, {top & 0xFFFF:04x}, or a "
                f"little less, above the setup code that ends at {header.real_mode_bytes:04x}"
            )
    if not wrong:
        return None
    ss = "" if registers.ss is None else f" SS {registers.ss:04x}"
    return Finding(
        f"the kernel was entered against the boot protocol: {wrong}",
        (
            f"CS:IP {seg_off(registers.cs, registers.ip)} DS {registers.ds:04x} ES "
            f"{registers.es:04x}{ss} SP {registers.esp & 0xFFFF:04x} IF "
            f"{int(registers.interrupts)}",
        ),
    )
