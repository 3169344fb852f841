"""What a 64-bit UEFI asks of a kernel."""

from bootharness.kernels.image import KernelImage

__all__ = ["unfit_for_uefi"]


def unfit_for_uefi(kernel: KernelImage) -> str | None:
    """Return why a 64-bit UEFI cannot start a kernel, None where it may."""
    if not kernel.efi_stub:
        return "the kernel has no EFI stub (CONFIG_EFI_STUB), and a UEFI starts nothing else"
    if kernel.has_32_bits:
        return "the kernel has 32 bits, and a 64-bit UEFI starts none of them"
    return None
