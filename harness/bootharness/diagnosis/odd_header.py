"""What of a kernel's own header, or of the machine's memory, lets no kernel come far."""

from bootharness.text import address
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import KernelFacts

__all__ = ["memory_lacking", "odd_field", "will_not_get_far"]


def will_not_get_far(trace: BootTrace) -> str | None:
    """A kernel that was only entered, and that cannot unpack itself or has no whole setup."""
    if (trace.ending.kind, trace.until) != ("reached", "setup"):
        return None
    why = odd_field(trace)
    if trace.timed:  # a prediction is bad
        why = memory_lacking(trace) or why
    return f"the kernel will not get far: {why}" if why else None


def memory_lacking(trace: BootTrace) -> str:
    """Say how much memory the kernel wants, where the machine has less."""
    if trace.kernel is None or trace.machine is None:
        return ""
    end, memory = trace.kernel.header.memory_end, trace.machine.memory_bytes
    if end is None or end <= memory:
        return ""
    return (
        f"it needs memory up to {address(end)} (pref_address and init_size), and the machine has "
        f"{memory >> 20} MiB, up to {address(memory)}"
    )


def odd_field(trace: BootTrace) -> str:
    """Say which field of the header of a Linux that unpacks itself cannot be right."""
    kernel = trace.kernel
    if kernel is None or (not kernel.compression and not kernel.release):
        return ""
    header, alignment = kernel.header, kernel.header.kernel_alignment
    if behind := _release_behind_setup(kernel):
        return behind
    if header.init_size == 0 and kernel.compression:
        return "its init_size is 0, so that it takes no memory to unpack itself to"
    if kernel.compression and alignment is not None and alignment.bit_count() != 1:
        return f"its kernel_alignment is {alignment:,}, and that has to be a power of two"
    return ""


def _release_behind_setup(kernel: KernelFacts) -> str:
    header, sectors = kernel.header, kernel.header.setup_sects or 4
    if not kernel.release or header.kernel_version < 0x200 * sectors:
        return ""
    means = ", which means 4" if not header.setup_sects else ""
    return (
        f"its setup_sects is {header.setup_sects}{means}, and its setup code is longer: the "
        f"release stands at {address(header.kernel_version + 0x200)} of the file"
    )
