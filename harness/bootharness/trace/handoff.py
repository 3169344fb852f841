"""The machine as the kernel was entered, and its memory against the files."""

from msgspec import Struct

from bootharness.formats.bioscall import Registers
from bootharness.formats.bzimage import SetupHeader

__all__ = ["BootParams", "Comparison", "Handoff"]


class Comparison(Struct, frozen=True):
    """Guest memory against the file: bytes compared, how many differ, and the first of them."""

    address: int
    compared_bytes: int
    differing_bytes: int = 0
    first_difference: int | None = None
    expected: int | None = None
    found: int | None = None

    @property
    def equal(self) -> bool:
        """Whether all of it is what the file says."""
        return not self.differing_bytes


class BootParams(Struct, frozen=True):
    """What stands in boot_params at the 32-bit entry, beside the setup header.

    ``as_in_file`` is how many bytes that no loader fills in are those of the kernel's file, which
    has code there, not zeros.
    """

    e820_entries: int
    alt_mem_k: int
    ext_mem_k: int
    as_in_file: int


class Handoff(Struct, frozen=True):
    """The machine as the kernel was entered.

    ``exact`` is False where the entry itself was not seen, only the kernel's first BIOS
    call: then ``registers`` are those of that call, and the setup code has begun to use
    its own memory, so ``real_mode`` is not compared. ``calls`` is how many BIOS calls came
    before it. ``real_mode_address`` is where the real-mode kernel lies, linear, ``release`` the
    version that it tells there. ``boot_params`` is there where the kernel was entered at its
    32-bit entry.
    """

    seconds: float
    exact: bool
    calls: int
    registers: Registers
    header: SetupHeader | None
    real_mode: Comparison | None
    payload: Comparison | None
    initrd: Comparison | None
    cmdline: str | None
    real_mode_address: int | None = None
    release: str | None = None
    boot_params: BootParams | None = None

    @property
    def memory_equal(self) -> bool | None:
        """Whether all that was placed and compared equals the files; None when nothing was."""
        proofs = [proof for proof in (self.real_mode, self.payload, self.initrd) if proof]
        return all(proof.equal for proof in proofs) if proofs else None
