"""The setup header of a bzImage (Documentation/arch/x86/boot.rst, protocol 2.00 to 2.15).

A bzImage on disk:

    0                     (setup_sects + 1) * 512              + syssize * 16
    | boot sector | setup code | protected-mode kernel | slack |
          0x1f1: the setup header

The slack (a signature, for example) belongs to the file but not to what a loader loads.
"""

import struct
from collections.abc import Iterator
from typing import Any, Self

from msgspec import Struct

from bootharness.errors import FormatError

__all__ = [
    "HEADER_OFFSET",
    "LOADFLAGS",
    "MINIMUM_BYTES",
    "XLOADFLAGS",
    "SetupHeader",
    "header_fields",
    "is_uefi_program",
    "offset_of",
    "uefi_machine",
]

HEADER_OFFSET = 0x1F1
MINIMUM_BYTES = 1024
"""The boot sector and one sector of setup code."""

LOADFLAGS = {
    0x01: "LOADED_HIGH",
    0x02: "KASLR_FLAG",
    0x20: "QUIET_FLAG",
    0x40: "KEEP_SEGMENTS",
    0x80: "CAN_USE_HEAP",
}
_LOADED_HIGH = 0x01
_PE_POINTER = 0x3C
XLOADFLAGS = {
    0x01: "XLF_KERNEL_64",
    0x02: "XLF_CAN_BE_LOADED_ABOVE_4G",
    0x04: "XLF_EFI_HANDOVER_32",
    0x08: "XLF_EFI_HANDOVER_64",
    0x10: "XLF_EFI_KEXEC",
    0x20: "XLF_5LEVEL",
    0x40: "XLF_5LEVEL_ENABLED",
}

_FORMATS = {
    "setup_sects": "B",
    "root_flags": "H",
    "syssize": "I",
    "ram_size": "H",
    "vid_mode": "H",
    "root_dev": "H",
    "boot_flag": "H",
    "jump": "H",
    "header": "4s",
    "version": "H",
    "realmode_swtch": "I",
    "start_sys_seg": "H",
    "kernel_version": "H",
    "type_of_loader": "B",
    "loadflags": "B",
    "setup_move_size": "H",
    "code32_start": "I",
    "ramdisk_image": "I",
    "ramdisk_size": "I",
    "bootsect_kludge": "I",
    "heap_end_ptr": "H",
    "ext_loader_ver": "B",
    "ext_loader_type": "B",
    "cmd_line_ptr": "I",
    "initrd_addr_max": "I",
    "kernel_alignment": "I",
    "relocatable_kernel": "B",
    "min_alignment": "B",
    "xloadflags": "H",
    "cmdline_size": "I",
    "hardware_subarch": "I",
    "hardware_subarch_data": "Q",
    "payload_offset": "I",
    "payload_length": "I",
    "setup_data": "Q",
    "pref_address": "Q",
    "init_size": "I",
    "handover_offset": "I",
    "kernel_info_offset": "I",
}
"""The fields one behind the other, in the letters of `struct`."""
_LAYOUT = struct.Struct("<" + "".join(_FORMATS.values()))

_SINCE = {
    "heap_end_ptr": 0x201,
    "ext_loader_ver": 0x202,
    "ext_loader_type": 0x202,
    "cmd_line_ptr": 0x202,
    "initrd_addr_max": 0x203,
    "kernel_alignment": 0x205,
    "relocatable_kernel": 0x205,
    "cmdline_size": 0x206,
    "hardware_subarch": 0x207,
    "hardware_subarch_data": 0x207,
    "payload_offset": 0x208,
    "payload_length": 0x208,
    "setup_data": 0x209,
    "min_alignment": 0x20A,
    "pref_address": 0x20A,
    "init_size": 0x20A,
    "handover_offset": 0x20B,
    "xloadflags": 0x20C,
    "kernel_info_offset": 0x20F,
}


def header_fields() -> Iterator[tuple[str, int, int]]:
    """Yield every field's name, its offset in the file, and its size in bytes."""
    offset = HEADER_OFFSET
    for name, letter in _FORMATS.items():
        size = struct.calcsize(f"<{letter}")
        yield name, offset, size
        offset += size


_OFFSETS = {name: offset for name, offset, _ in header_fields()}


def offset_of(field: str) -> int:
    """Return where a field stands in the file, in bytes from its start."""
    return _OFFSETS[field]


def is_uefi_program(image: bytes) -> bool:
    """Return whether a kernel, by its first 1,024 bytes, has the headers of a UEFI program (PE)."""
    return uefi_machine(image) is not None


def uefi_machine(image: bytes) -> int | None:
    """Return the machine for which a kernel is a UEFI program (PE), by its first 1,024 bytes: 0x14c
    for 32 bits, 0x8664 for 64. None where it is none."""
    at = int.from_bytes(image[_PE_POINTER : _PE_POINTER + 4], "little")
    if image[:2] != b"MZ" or image[at : at + 4] != b"PE\0\0":
        return None
    return int.from_bytes(image[at + 4 : at + 6], "little")


# what no loader writes into a setup header, and no two kernels have alike
_OF_THE_KERNEL = ("setup_sects", "syssize", "version", "kernel_version", "init_size",
                  "payload_offset", "payload_length", "pref_address")  # fmt: skip


class SetupHeader(Struct, frozen=True):
    """Every field of the setup header under its own name.

    A field that is newer than ``version``, or behind the end that ``jump`` gives, is None.
    Units are the protocol's: ``syssize`` in 16-byte paragraphs, ``setup_sects`` in
    512-byte sectors, addresses linear.
    """

    setup_sects: int
    root_flags: int
    syssize: int
    ram_size: int
    vid_mode: int
    root_dev: int
    boot_flag: int
    jump: int
    header: str
    version: int
    realmode_swtch: int
    start_sys_seg: int
    kernel_version: int
    type_of_loader: int
    loadflags: int
    setup_move_size: int
    code32_start: int
    ramdisk_image: int
    ramdisk_size: int
    bootsect_kludge: int
    heap_end_ptr: int | None
    ext_loader_ver: int | None
    ext_loader_type: int | None
    cmd_line_ptr: int | None
    initrd_addr_max: int | None
    kernel_alignment: int | None
    relocatable_kernel: int | None
    min_alignment: int | None
    xloadflags: int | None
    cmdline_size: int | None
    hardware_subarch: int | None
    hardware_subarch_data: int | None
    payload_offset: int | None
    payload_length: int | None
    setup_data: int | None
    pref_address: int | None
    init_size: int | None
    handover_offset: int | None
    kernel_info_offset: int | None

    @classmethod
    def parse(cls, image: bytes) -> Self:
        """Parse the header of a bzImage from its first bytes, at least 1,024 of them.

        Raises FormatError when there is no setup header.
        """
        if not image:
            raise FormatError("it is empty")
        if len(image) < MINIMUM_BYTES:
            raise FormatError(
                f"it has {len(image)} bytes, and a boot sector with setup code has at least "
                f"{MINIMUM_BYTES}"
            )
        raw = dict(zip(_FORMATS, _LAYOUT.unpack_from(image, HEADER_OFFSET), strict=True))
        magic = raw["header"]
        if magic != b"HdrS":
            raise FormatError(
                f'there is no "HdrS" at offset 0x202 but {magic.hex(" ")}, so it is not a '
                "bzImage of boot protocol 2.00 or later"
            )
        # boot.rst burnt 2.14: a kernel that says so has no field that 2.13 lacks
        version = 0x20D if raw["version"] == 0x20E else raw["version"]
        end = 0x202 + (raw["jump"] >> 8)
        values: dict[str, Any] = {
            name: value
            if name not in _SINCE or (version >= _SINCE[name] and _OFFSETS[name] < end)
            else None
            for name, value in raw.items()
        }
        values["header"] = magic.decode("ascii")
        if version < 0x204:
            values["syssize"] &= 0xFFFF  # the upper half meant something else until 2.04
        return cls(**values)

    @property
    def real_mode_bytes(self) -> int:
        """Size of the real-mode kernel: boot sector and setup code, in bytes."""
        return (1 + (self.setup_sects or 4)) * 512

    @property
    def payload_bytes(self) -> int:
        """Size of the protected-mode kernel as a loader reads it (``syssize * 16``), in bytes."""
        return self.syssize * 16

    @property
    def load_address(self) -> int:
        """Where a loader that does not choose for itself puts the protected-mode kernel, linear.

        (boot.rst, "Loading The Rest of The Kernel"; ``code32_start`` is what is jumped to.)
        """
        return 0x100000 if self.loadflags & _LOADED_HIGH else 0x10000

    def is_of_same_kernel(self, other: "SetupHeader") -> bool:
        """Return whether two headers are of one kernel, whatever a loader has written into one of
        them."""
        return all(getattr(self, name) == getattr(other, name) for name in _OF_THE_KERNEL)

    def loaded_at(self, seen: "SetupHeader | None") -> int:
        """Return where this kernel lies when its header in memory is ``seen``: a loader that has
        chosen another address says so in ``code32_start``."""
        if seen is None or seen.code32_start == self.code32_start:
            return self.load_address
        return seen.code32_start

    @property
    def memory_end(self) -> int | None:
        """Up to where the kernel needs memory to unpack itself, linear; None before 2.10."""
        if self.init_size is None:
            return None
        return (self.pref_address or self.load_address) + self.init_size

    @property
    def protocol(self) -> str:
        """The boot protocol's version as people write it: ``2.15``."""
        return f"{self.version >> 8}.{self.version & 0xFF:02d}"

    @property
    def is_64_bit(self) -> bool:
        """Whether the kernel has a 64-bit entry point (``XLF_KERNEL_64``)."""
        return bool((self.xloadflags or 0) & 0x01)

    @property
    def needs_32_bits_alone(self) -> bool:
        """Whether the kernel is known not to be a 64-bit one: before protocol 2.12 nothing says."""
        return self.version >= _SINCE["xloadflags"] and not self.is_64_bit

    @property
    def cmdline_limit(self) -> int:
        """The longest command line without its NUL, in bytes (255 before protocol 2.06)."""
        return 255 if self.cmdline_size is None else self.cmdline_size

    @property
    def initrd_limit(self) -> int:
        """The highest linear address that an initrd may occupy (0x37ffffff before 2.03)."""
        return 0x37FFFFFF if self.initrd_addr_max is None else self.initrd_addr_max
