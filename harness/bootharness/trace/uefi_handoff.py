"""A machine at the end of a UEFI's boot services, and its memory against the files."""

from msgspec import Struct

from bootharness.trace.handoff import Comparison

__all__ = ["UefiHandoff"]


class UefiHandoff(Struct, frozen=True):
    """The machine as a kernel has ended the boot services, which only a kernel does."""

    seconds: float
    """Since launch."""
    caller: int
    """Where the one goes on that ended them, linear."""
    base: int | None = None
    """Where the kernel's file begins in memory, linear; None where that was not found."""
    image: str = ""
    """The image that it was started as, as a device path; empty where it was not as one."""
    payload: Comparison | None = None
    """The compressed kernel in memory, None where it was not compared."""
    initrd: Comparison | None = None
    """The initrd in memory, None where it was not compared."""
    initrd_bytes: int | None = None
    """How large an initrd was handed over, None where nobody saw that."""
    cmdline: str | None = None
    """The command line that the image was given, None where nobody saw that."""
    release: str | None = None
    """The version that the kernel tells in memory, None where that was not found."""

    @property
    def memory_equal(self) -> bool | None:
        """Whether all that was compared equals the files; None when nothing was."""
        proofs = [proof for proof in (self.payload, self.initrd) if proof]
        return all(proof.equal for proof in proofs) if proofs else None
