"""What a trace says of a machine whose boot is over, as texts for people."""

from io import StringIO

from bootharness.report.disassembly import instruction_at_end
from bootharness.report.live import CallPrinter
from bootharness.text import address, seg_off
from bootharness.trace.boot_trace import BootTrace

__all__ = ["bios_calls", "exceptions", "registers"]


def registers(trace: BootTrace) -> str:
    """Return the registers at the end, as QEMU writes them; empty where nobody looked."""
    return trace.post_mortem.registers if trace.post_mortem else ""


def exceptions(trace: BootTrace) -> str:
    """Return how exceptions led to a triple fault; empty where no second boot has shown it."""
    seen = trace.post_mortem
    if seen is None or seen.exceptions is None:
        return ""
    if not seen.exceptions:
        return "no triple fault: the guest had the machine reset"
    lines = [f"{number}. {each}" for number, each in enumerate(seen.exceptions, 1)]
    lines.append(f"{len(lines) + 1}. triple fault: the machine is reset")
    cpu = seen.cpu
    where = seg_off(cpu.cs, cpu.ip) if cpu.mode == "real" else address(cpu.linear)
    lines += ["", f"the CPU stood at {where}:", instruction_at_end(trace)]
    return "\n".join(lines).rstrip()


def bios_calls(trace: BootTrace) -> str:
    """Return every BIOS call in a line, and the milestones between them."""
    text = StringIO()
    printer = CallPrinter(text)
    for milestone in trace.milestones:
        printer.milestone(milestone)
    printer.calls(trace.bios_calls)
    printer.finish()
    return text.getvalue().rstrip("\n")
