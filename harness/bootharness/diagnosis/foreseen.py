"""What is known of a boot before it is tried, so that it need not be."""

from bootharness.diagnosis.verdict import Finding
from bootharness.trace.boot_trace import BootTrace

__all__ = ["no_efi_stub", "no_room", "of_32_bits"]

_STUB, _ROOM, _BITS = "no EFI stub", "the initrd has ", "the kernel has 32 bits"
"""What is in the words of a route that foresees it."""


def no_efi_stub(trace: BootTrace) -> Finding | None:
    """A UEFI was to start a kernel that is no UEFI program."""
    kernel, machine = trace.kernel, trace.machine
    if kernel is None or kernel.efi_stub:
        return None
    asked = machine is not None and machine.firmware == "uefi" and not trace.reached("banner")
    if not asked and not (trace.ending.kind == "foreseen" and _STUB in trace.ending.detail):
        return None
    handover = "" if (kernel.header.xloadflags or 0) & 0x0C else ", nor XLF_EFI_HANDOVER set"
    return Finding(
        "the kernel has no EFI stub, so no UEFI can start it: it was built without CONFIG_EFI_STUB",
        (f"it does not begin with MZ and a PE header{handover}",),
    )


def of_32_bits(trace: BootTrace) -> Finding | None:
    """A 64-bit UEFI was to start a kernel for 32 bits."""
    if trace.ending.kind != "foreseen" or not trace.ending.detail.startswith(_BITS):
        return None
    return Finding(trace.ending.detail)


def no_room(trace: BootTrace) -> Finding | None:
    """The machine has less memory than kernel and initrd take together."""
    if trace.ending.kind != "foreseen" or not trace.ending.detail.startswith(_ROOM):
        return None
    return Finding(trace.ending.detail)
