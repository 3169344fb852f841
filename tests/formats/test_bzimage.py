"""The setup header, against hand-made bytes and the boot protocol's table."""

import re
import struct
from pathlib import Path

import pytest
from msgspec.structs import fields

from bootharness.errors import FormatError
from bootharness.formats.bzimage import SetupHeader, offset_of
from tests.support.builders import bzimage

# offset/size of every field, copied by hand from Documentation/arch/x86/boot.rst
PROTOCOL = """
1f1/1 setup_sects     1f2/2 root_flags       1f4/4 syssize          1f8/2 ram_size
1fa/2 vid_mode        1fc/2 root_dev         1fe/2 boot_flag        200/2 jump
202/4 header          206/2 version          208/4 realmode_swtch   20c/2 start_sys_seg
20e/2 kernel_version  210/1 type_of_loader   211/1 loadflags        212/2 setup_move_size
214/4 code32_start    218/4 ramdisk_image    21c/4 ramdisk_size     220/4 bootsect_kludge
224/2 heap_end_ptr    226/1 ext_loader_ver   227/1 ext_loader_type  228/4 cmd_line_ptr
22c/4 initrd_addr_max 230/4 kernel_alignment 234/1 relocatable_kernel 235/1 min_alignment
236/2 xloadflags      238/4 cmdline_size     23c/4 hardware_subarch 240/8 hardware_subarch_data
248/4 payload_offset  24c/4 payload_length   250/8 setup_data       258/8 pref_address
260/4 init_size       264/4 handover_offset  268/4 kernel_info_offset
"""
TABLE = [
    (name, int(offset, 16), int(size))
    for offset, size, name in re.findall(r"([0-9a-f]{3})/(\d) (\w+)", PROTOCOL)
]


def test_every_field_of_the_protocol_is_there() -> None:
    assert {name for name, _, _ in TABLE} == {field.name for field in fields(SetupHeader)}


@pytest.mark.parametrize(("name", "offset", "size"), TABLE)
def test_field_is_read_where_the_protocol_has_it(name: str, offset: int, size: int) -> None:
    assert offset_of(name) == offset
    if name in ("jump", "header", "version", "setup_sects"):
        return  # these decide whether and how the rest is read
    image = bytearray(bzimage())
    value = int.from_bytes(bytes(range(0xA1, 0xA1 + size)), "little")
    image[offset : offset + size] = value.to_bytes(size, "little")
    assert getattr(SetupHeader.parse(bytes(image)), name) == value


@pytest.mark.parametrize(
    ("version", "last", "first_missing"),
    [
        (0x200, "bootsect_kludge", "heap_end_ptr"),
        (0x201, "heap_end_ptr", "cmd_line_ptr"),
        (0x202, "cmd_line_ptr", "initrd_addr_max"),
        (0x203, "initrd_addr_max", "kernel_alignment"),
        (0x205, "relocatable_kernel", "cmdline_size"),
        (0x206, "cmdline_size", "hardware_subarch"),
        (0x207, "hardware_subarch_data", "payload_offset"),
        (0x208, "payload_length", "setup_data"),
        (0x209, "setup_data", "pref_address"),
        (0x20A, "init_size", "handover_offset"),
        (0x20B, "handover_offset", "xloadflags"),
        (0x20C, "xloadflags", "kernel_info_offset"),
        (0x20D, "xloadflags", "kernel_info_offset"),
        (0x20E, "xloadflags", "kernel_info_offset"),  # 2.14 is burnt
        (0x20F, "kernel_info_offset", None),
    ],
)
def test_fields_are_gated_by_version(version: int, last: str, first_missing: str | None) -> None:
    header = SetupHeader.parse(bzimage(version=version))
    assert getattr(header, last) is not None
    if first_missing:
        assert getattr(header, first_missing) is None


def test_fields_behind_the_end_that_jump_gives_are_absent() -> None:
    header = SetupHeader.parse(bzimage(version=0x20F, header_end=0x250))
    assert header.payload_length is not None
    assert header.setup_data is None
    assert header.init_size is None


def test_setup_sects_0_means_4() -> None:
    assert SetupHeader.parse(bzimage(setup_sects=0)).real_mode_bytes == 5 * 512


def test_upper_half_of_syssize_counts_from_2_04_on() -> None:
    assert SetupHeader.parse(bzimage(version=0x204, syssize=0x12345)).syssize == 0x12345
    assert SetupHeader.parse(bzimage(version=0x203, syssize=0x12345)).syssize == 0x2345


def test_limits_of_old_protocols() -> None:
    old = SetupHeader.parse(bzimage(version=0x202))
    assert (old.cmdline_limit, old.initrd_limit, old.protocol) == (255, 0x37FFFFFF, "2.02")


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (b"", "it is empty"),
        (b"MZ" * 200, "it has 400 bytes"),
        (bytes(4096), 'no "HdrS" at offset 0x202'),
    ],
)
def test_malformed_image_gets_one_sentence(image: bytes, sentence: str) -> None:
    with pytest.raises(FormatError, match=re.escape(sentence)):
        SetupHeader.parse(image)


def test_header_of_a_kernel_that_debian_ships(debian_kernel: Path) -> None:
    image = debian_kernel.read_bytes()
    header = SetupHeader.parse(image)
    assert header.version == struct.unpack_from("<H", image, 0x206)[0] >= 0x20C
    assert header.is_64_bit
    assert header.code32_start == 0x100000
    assert header.cmdline_size == 2047
    # what follows the payload is the Secure Boot signature or nothing
    assert header.real_mode_bytes + header.payload_bytes <= len(image)
