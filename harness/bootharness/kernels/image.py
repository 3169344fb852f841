"""A kernel build: one bzImage file, its header and what a loader has to load of it."""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from msgspec import Struct

from bootharness.errors import FormatError, KernelUnavailable, NotAKernel, UsageError
from bootharness.formats.bzimage import MINIMUM_BYTES, SetupHeader, offset_of, uefi_machine
from bootharness.host.cache import cache_dir, trim
from bootharness.host.kept import digest_of, kept_file
from bootharness.kernels.content import Piece, Source, file_source
from bootharness.kernels.inside import kernel_inside

if TYPE_CHECKING:
    from bootharness.trace.booted import KernelFacts

__all__ = ["BEGINNING_BYTES", "FILE_LIMIT", "KernelImage"]

BEGINNING_BYTES = 256
"""So much of what is compressed tells where in memory it lies."""

FILE_LIMIT = 1 << 32
"""A protected-mode kernel must lie below 4 GiB, whatever ``syssize`` could say."""

_PARAGRAPH_BYTES = 16
_PE_I386 = 0x14C

_COMPRESSION = {
    b"\x1f\x8b": "gzip",
    b"\x1f\x9e": "gzip",
    b"BZ": "bzip2",
    b"\x5d\0": "lzma",
    b"\xfd7": "xz",
    b"\x89L": "lzo",
    b"\x02!": "lz4",
    b"\x28\xb5": "zstd",
}


class KernelImage(Struct, frozen=True):
    """A bzImage that was read and parsed; sizes in bytes."""

    path: Path
    """Its file."""
    source: str
    """What the person calls it."""
    file_bytes: int
    """The size of the file."""
    header: SetupHeader
    """The setup header: every field of the boot protocol by its name."""
    release: str
    """The version that it tells, as ``6.12.107+deb13-cloud-amd64``."""
    compression: str
    """What its payload is compressed with, as ``zstd``; empty where that is not known."""
    inside: str = ""
    """What it was unpacked from; empty for a file that is a bzImage itself."""

    def __repr__(self) -> str:
        return f"<KernelImage {self.source}>"

    @classmethod
    def read(cls, path: Path, *, source: str | None = None) -> Self:
        """Read a bzImage, or the one inside of a file. ``source`` is what the person calls it,
        the path by default.

        Raises NotAKernel, naming the file and what it is, when there is none, and
        KernelUnavailable when it cannot be read. A file that is shorter than its header says is
        a kernel all the same: a boot will show it.
        """
        named = source or str(path)
        try:
            if path.is_fifo():  # it would be waited for without end
                raise FormatError("not a file but a pipe")
            path, inside = kernel_inside(path)
            with path.open("rb") as file:
                size = path.stat().st_size
                header = SetupHeader.parse(file.read(4096))
                if size > FILE_LIMIT:
                    raise FormatError(
                        f"it has {size / (1 << 30):,.0f} GiB, and a kernel has to lie below 4 GiB "
                        "of memory"
                    )
                release = _release(file, header)
                compression = _compression(file, header)
        except OSError as error:
            raise KernelUnavailable(f"{named}: cannot be read: {error.strerror}") from error
        except FormatError as error:
            raise NotAKernel(
                f"{named}: {error}; give a bzImage (arch/x86/boot/bzImage, /boot/vmlinuz-*), and "
                "what is a disk image all the same with --route disk"
            ) from error
        return cls(path, named, size, header, release, compression, inside)

    @property
    def sha256(self) -> str:
        """The file's SHA-256 in hex, computed anew when the file has changed."""
        return digest_of(self.path)

    @property
    def efi_stub(self) -> bool:
        """Whether it is a program that a UEFI can start."""
        return self._uefi_machine is not None

    @property
    def has_32_bits(self) -> bool:
        """Whether it is known to be a kernel of 32 bits, which no 64-bit UEFI starts. An older one
        (before protocol 2.12) says so only as a UEFI's program."""
        return self.header.needs_32_bits_alone or self._uefi_machine == _PE_I386

    @property
    def _uefi_machine(self) -> int | None:
        return uefi_machine(self.content.read(0, MINIMUM_BYTES))

    @property
    def compressed(self) -> tuple[int, Piece] | None:
        """Where in the file its compressed part begins, and that; None before protocol 2.08. What
        lies around it is the stub's own, with variables."""
        if not self.header.payload_length:
            return None
        offset = self.header.real_mode_bytes + (self.header.payload_offset or 0)
        return offset, Piece(self.content, offset, self.header.payload_length)

    @property
    def real_mode_bytes(self) -> int:
        """Size of the real-mode kernel: boot sector and setup code."""
        return self.header.real_mode_bytes

    @property
    def payload_bytes(self) -> int:
        """Size of the protected-mode kernel, as ``syssize`` gives it."""
        return self.header.payload_bytes

    @property
    def missing_bytes(self) -> int:
        """How much of what the header promises the file does not have; ``syssize`` counts in
        paragraphs, so less than one is rounding."""
        missing = self.real_mode_bytes + self.payload_bytes - self.file_bytes
        return missing if missing >= _PARAGRAPH_BYTES else 0

    @property
    def content(self) -> Source:
        """The file's bytes. Raises KernelUnavailable when it is not there any more."""
        try:
            return file_source(self.path)
        except OSError as error:
            raise KernelUnavailable(f"{self.path}: cannot be read: {error.strerror}") from error

    @property
    def payload(self) -> Piece:
        """The protected-mode kernel, shorter where the file ends early."""
        present = max(self.file_bytes - self.real_mode_bytes, 0)
        return Piece(self.content, self.real_mode_bytes, min(self.payload_bytes, present))

    @property
    def facts(self) -> "KernelFacts":
        """What a trace keeps of it."""
        from bootharness.trace.booted import KernelFacts  # by then QEMU has been started

        return KernelFacts(
            source=self.source,
            sha256=self.sha256,
            release=self.release,
            compression=self.compression,
            file_bytes=self.file_bytes,
            real_mode_bytes=self.real_mode_bytes,
            payload_bytes=self.payload_bytes,
            missing_bytes=self.missing_bytes,
            header=self.header,
            efi_stub=self.efi_stub,
            inside=self.inside,
        )

    def read_real_mode(self) -> bytes:
        """Return the real-mode kernel, shorter where the file ends early."""
        return self.content.read(0, min(self.real_mode_bytes, self.file_bytes))

    def read_payload(self) -> bytes:
        """Return the protected-mode kernel, shorter where the file ends early."""
        return self.payload.read()

    def grown(self, payload_bytes: int, *, source: str) -> "KernelImage":
        """Return this kernel with its protected-mode part grown to an exact size.

        The file ends with the payload, the new bytes are random (zeros would hide a tail
        that a loader lost) and the same every time, ``syssize`` says the new size.

        Raises UsageError when the size is smaller than the kernel or not a whole number of
        16-byte paragraphs.
        """
        if payload_bytes % 16 or payload_bytes >= FILE_LIMIT:
            raise UsageError(
                f"{source}: {payload_bytes:,} bytes cannot be a payload: syssize counts 16-byte "
                "paragraphs below 4 GiB"
            )
        if payload_bytes < self.payload_bytes:
            raise UsageError(
                f"{source}: the payload of {self.source} already has {self.payload_bytes:,} bytes, "
                f"so it cannot be grown to {payload_bytes:,}"
            )
        if self.missing_bytes:
            raise KernelUnavailable(
                f"{self.path}: cannot be grown, for it lacks {self.missing_bytes:,} of the bytes "
                "that syssize promises"
            )
        kept = cache_dir("grown") / f"{self.sha256[:20]}-{payload_bytes}"
        if kept_file(kept, partial(_write_grown, self, payload_bytes)):
            trim(kept.parent)
        return KernelImage.read(kept, source=source)


def _write_grown(kernel: KernelImage, payload_bytes: int, path: Path) -> None:
    from random import Random  # few kernels have to grow

    image = bytearray(kernel.read_real_mode() + kernel.read_payload())
    at = offset_of("syssize")
    image[at : at + 4] = (payload_bytes // 16).to_bytes(4, "little")
    image += Random(payload_bytes).randbytes(payload_bytes - kernel.payload_bytes)
    path.write_bytes(image)


def _release(file: BinaryIO, header: SetupHeader) -> str:
    """The first word at ``kernel_version``, which is less 0x200 and only valid in the setup.

    Behind it, where ``setup_sects`` is wrong, only what looks like a release is taken for one.
    """
    if not header.kernel_version:
        return ""
    file.seek(header.kernel_version + 0x200)
    text = file.read(256).split(b"\0")[0].decode("ascii", "replace")
    inside = header.kernel_version < 0x200 * (header.setup_sects or 4)
    found = re.match(r"[\w.+~-]+" if inside else r"\d+\.\d+[\w.+~-]*(?= )", text)
    return found[0] if found else ""


def _compression(file: BinaryIO, header: SetupHeader) -> str:
    if not header.payload_offset:
        return ""
    file.seek(header.real_mode_bytes + header.payload_offset)
    return _COMPRESSION.get(file.read(2), "")
