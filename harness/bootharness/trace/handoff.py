"""The machine as the kernel was entered, and its memory against the files."""

from msgspec import Struct

from bootharness.formats.bioscall import Registers
from bootharness.formats.bzimage import SetupHeader

__all__ = ["Comparison", "Handoff"]


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


class Handoff(Struct, frozen=True):
    """The machine as the kernel was entered.

    ``exact`` is False where the entry itself was not seen, only the kernel's first BIOS
    call: then ``registers`` are those of that call, and the setup code has begun to use
    its own memory, so ``real_mode`` is not compared. ``calls`` is how many BIOS calls came
    before it. ``real_mode_address`` is where the real-mode kernel lies, linear, ``release`` the
    version that it tells there.
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

    @property
    def memory_equal(self) -> bool | None:
        """Whether all that was placed and compared equals the files; None when nothing was."""
        proofs = [proof for proof in (self.real_mode, self.payload, self.initrd) if proof]
        return all(proof.equal for proof in proofs) if proofs else None
