"""The machine as the kernel was entered, and its memory against the files."""

from msgspec import Struct

from bootharness.formats.bioscall import Registers
from bootharness.formats.bzimage import SetupHeader
from bootharness.formats.serial_record import PIECE_BYTES

__all__ = ["BootParams", "Comparison", "Handoff"]


class Comparison(Struct, frozen=True):
    """Guest memory against the file."""

    address: int
    """Where it lies, linear."""
    compared_bytes: int
    """How much was compared."""
    differing_bytes: int = 0
    """How many bytes of it differ."""
    first_difference: int | None = None
    """The offset of the first that does, None without one."""
    expected: int | None = None
    """What the file has there."""
    found: int | None = None
    """What memory has there, None where it could not be read."""
    pieces: int = 0
    """In how many pieces of 64 KiB it was compared by their sums; 0 where byte by byte. Then all of
    a piece that differs counts as differing."""

    @property
    def equal(self) -> bool:
        """Whether all of it is what the file says."""
        return not self.differing_bytes

    @property
    def differing_pieces(self) -> int:
        """How many pieces differ of what was compared by their sums."""
        return -(-self.differing_bytes // PIECE_BYTES) if self.pieces else 0


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
    """The machine as the kernel was entered."""

    seconds: float
    """Since launch."""
    exact: bool
    """False where the entry itself was not seen, only the kernel's first BIOS call: then
    `registers` are those of that call, and the setup code has begun to use its own memory, so
    `real_mode` is not compared."""
    calls: int
    """How many BIOS calls came before it."""
    registers: Registers
    """The CPU's registers."""
    header: SetupHeader | None
    """The setup header as it lies in memory, None where there is none."""
    real_mode: Comparison | None
    """The boot sector and setup code in memory, None where they were not compared."""
    payload: Comparison | None
    """The protected-mode kernel in memory, None where it was not compared."""
    initrd: Comparison | None
    """The initrd in memory, None where it was not compared."""
    cmdline: str | None
    """The command line in memory, None without one."""
    real_mode_address: int | None = None
    """Where the real-mode kernel lies, linear."""
    release: str | None = None
    """The version that it tells there."""
    in_boot_sector: bool = False
    """Whether the boot sector that the BIOS has read is also the real-mode kernel's first sector:
    no loader has put another there."""
    boot_params: BootParams | None = None
    """What stands in boot_params, where the kernel was entered at its 32-bit entry."""

    @property
    def memory_equal(self) -> bool | None:
        """Whether all that was placed and compared equals the files; None when nothing was."""
        proofs = [proof for proof in (self.real_mode, self.payload, self.initrd) if proof]
        return all(proof.equal for proof in proofs) if proofs else None
