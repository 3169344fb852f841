"""What a 64-bit UEFI asks of a kernel."""

from bootharness.errors import UsageError
from bootharness.kernels.image import KernelImage

__all__ = ["check_64_bits", "without_stub"]


def check_64_bits(route: str, kernel: KernelImage) -> None:
    """Raise UsageError for a kernel of 32 bits."""
    if kernel.has_32_bits:
        raise UsageError(
            f"the route {route}: a 64-bit UEFI cannot start {kernel.source}, a kernel of 32 bits"
        )


def without_stub(kernel: KernelImage) -> str | None:
    """Return that a kernel is no UEFI program, None where it is one."""
    if kernel.efi_stub:
        return None
    return "the kernel has no EFI stub (CONFIG_EFI_STUB), and a UEFI starts nothing else"
