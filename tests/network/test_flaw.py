"""What is wrong with a file, as it begins and as large as it is."""

import gzip

import pytest

from bootharness.kernels.source import fetch
from bootharness.network.flaw import flaw, no_kernel
from bootharness.network.purpose import HEAD_BYTES

KERNEL = fetch("selfcheck:20000").path.read_bytes()
_PE_ARM64 = b"MZ".ljust(60, b"\0") + (64).to_bytes(4, "little") + b"PE\0\0\x64\xaa" + bytes(600)
ELF_32, ELF_64 = b"\x7fELF\1\1\1" + bytes(60), b"\x7fELF\2\1\1" + bytes(60)
# the ids of tests are made of these: no time is to be in them
TWICE = gzip.compress(gzip.compress(b"070701", mtime=0), mtime=0)


@pytest.mark.parametrize(
    ("name", "role", "content", "wrong"),
    [
        ("vmlinuz", "kernel", KERNEL, ""),
        ("vmlinuz", "kernel", KERNEL[:-1], ""),  # a paragraph need not be full
        ("vmlinuz", "kernel", KERNEL[:-16], "is cut short: its header tells of 24,608 bytes, and "),
        ("vmlinuz", "", b"", "is empty"),
        ("vmlinuz", "", b"<!DOCTYPE html><html></html>", "is a page of HTML"),
        ("boot.ipxe", "script", b"\n<HTML>\n", "is a page of HTML"),
        ("initrd.img", "", b"version https://git-lfs.github.com/spec/v1\n", "is a pointer to a"),
        ("ldlinux.c32", "module", ELF_32, ""),
        ("ldlinux.c32", "module", ELF_64, "is no module of SYSLINUX for a BIOS"),
        ("menu.c32", "module", b"\xb8\xff\x4c\xcd\x21" + bytes(9), "is a module of SYSLINUX 4"),
        ("boot.ipxe", "script", b"#!ipxe\n", ""),
        (
            "boot.ipxe",
            "nbp",
            b"kernel vmlinuz\r\nboot\r\n",
            "is text and no boot program; a script",
        ),
        ("boot.sh", "nbp", b"#!/bin/sh\nexit\n", "is a script and no boot program"),
        ("grub.cfg", "script", b"menuentry 'a' {}\n", ""),
        ("Image", "", bytes(56) + b"ARM\x64" + bytes(600), "is a Linux Image for arm64"),
        ("boot.efi", "nbp", _PE_ARM64, "is an EFI application for arm64"),
        ("pxelinux.0", "nbp", b"\xea" + bytes(600), ""),
        ("initrd.img", "initrd", b"070701" + bytes(600), ""),
        ("pxelinux.0", "nbp", bytes(600), "begins with 600 zeros, and nothing that boots does"),
        ("vmlinuz", "", bytes(600), "begins with 600 zeros"),
        ("other.img", "", bytes(600), ""),
        (
            "a.iso",
            "nbp",
            bytes(0x8001) + b"CD001\1" + bytes(0x900),
            "is a CD image (ISO 9660) and no boot program",
        ),
        ("own.0", "nbp", b"\xea" * 510 + b"\x55\xaa" + bytes(90), ""),
        ("a.tar.gz", "nbp", b"\x1f\x8b\x08" + bytes(600), "is compressed with gzip and no boot"),
        ("initrd.img", "initrd", bytes(600), ""),
        ("boot.ipxe", "nbp", b"\xef\xbb\xbf#!ipxe\nshell\n", "begins with a byte order mark"),
        (
            "a.ipxe",
            "script",
            b"#!ipxe\nimgfree && goto nowhere\n:here\n",
            "goes to nowhere, a label",
        ),
        (
            "a.ipxe",
            "script",
            b"#!ipxe\n:Here\nboot ||\ngoto here\r\ngoto a || exit\ngoto ${b}\n",
            "",
        ),
        ("a.ipxe", "script", b"#!ipxe\n# goto nowhere\n  :a\nboot\n goto a \n", ""),
        ("a.ipxe", "script", b"#!ipxe\n :a\r\nsleep 1\n#\n:b\nGOTO A \n", "goes round for ever: "),
        ("a.ipxe", "script", b"#!ipxe\n:a\nsleep 1 || exit\ngoto a\n", ""),
        ("a.ipxe", "script", b"#!ipxe\n:a\nset b c\nprompt ${b}\ngoto a\n", ""),
        ("a.ipxe", "script", b"#!ipxe\n:a\nexit\n:b\ngoto a\n", ""),
        ("x.cfg", "script", "DEFAULT a\n".encode("utf-16"), "is text in UTF-16"),
        ("pxelinux.0", "nbp", b"\xff\xfe\x01\x02" + bytes(600), ""),
        ("boot/vmlinuz", "", b"\x1f\x8b\x08" + bytes(600), "is compressed with gzip"),
        ("initrd.img", "", b"\x1f\x8b\x08" + bytes(600), ""),
        ("boot/vmlinuz", "", b"070701" + bytes(600), "is a cpio archive, as an initrd is"),
        ("linux-initrd.gz", "initrd", gzip.compress(b"070701", mtime=0), ""),
        ("boot/Initrd.img", "kernel", KERNEL, "is a kernel of Linux and no initrd"),
        ("all.img", "initrd", TWICE, "is compressed twice"),
        ("grubx64.efi", "", b"hello\n" * 200, "is text and no program of a UEFI"),
        ("grubx64.efi", "", bytes(range(250)), "is no program of a UEFI"),
        ("early.img", "initrd", gzip.compress(b"070701" + bytes(9000), mtime=0), ""),
    ],
)
def test_what_a_file_cannot_be_is_seen(name: str, role: str, content: bytes, wrong: str) -> None:
    found = flaw(name, role, content[:HEAD_BYTES], len(content), "PC BIOS")
    assert found.startswith(wrong), found
    assert bool(found) == bool(wrong), found


@pytest.mark.parametrize(
    ("runs_on", "name", "content", "wrong"),
    [
        ("x64 UEFI", "menu.c32", ELF_64, ""),
        ("x64 UEFI", "ldlinux.e64", ELF_32, "is no module of SYSLINUX for a UEFI of 64 bits"),
        ("ia32 UEFI", "ldlinux.e32", ELF_32, ""),
        ("ia32 UEFI", "menu.c32", ELF_64, "is no module of SYSLINUX for a UEFI of 32 bits"),
        ("arm64 UEFI", "menu.c32", ELF_64, ""),
        ("", "menu.c32", ELF_64, ""),
    ],
)
def test_a_module_is_for_what_runs_it(runs_on: str, name: str, content: bytes, wrong: str) -> None:
    assert flaw(name, "module", content, len(content), runs_on) == wrong


@pytest.mark.parametrize(
    ("script", "content", "wrong"),
    [
        (b"#!ipxe\nkernel boot/root.img console=ttyS0\n", b"\x1f\x8b\x08", "compressed with gzip"),
        (b"LABEL a\n  KERNEL root.img\n", b"070701", "a cpio archive, as an initrd is"),
        (b"chain --autofree http://a/root.img || shell\n", b"\x1f\x8b\x08", "compressed with gzip"),
        (b"kernel vmlinuz initrd=root.img.gz\n", b"\x1f\x8b\x08", ""),
        (b"initrd root.img\n# kernel root.img\n", b"\x1f\x8b\x08", ""),
        (b"kernel root.img\n", b"MZ" + bytes(9), ""),
        (b"kernel root.img\n", ELF_64[:16] + b"\2\0\x3e\0", "an ELF file, as a vmlinux is"),
        (b"kernel root.img\n", ELF_32[:16] + b"\2\0\3\0", ""),
    ],
)
def test_what_is_packed_or_linked_is_no_kernel_where_a_script_loads_it_as_one(
    script: bytes, content: bytes, wrong: str
) -> None:
    found = no_kernel("/boot/root.img", content + bytes(600), [b"", script])
    assert found == (wrong and f"is no bzImage but {wrong}")


def test_zeros_are_no_kernel_where_a_script_loads_them_as_one() -> None:
    script = b"#!ipxe\nkernel root.img\nboot\n"
    assert no_kernel("root.img", bytes(600), [script]).startswith("begins with 600 zeros")
    assert no_kernel("root.img", bytes(600), [b"#!ipxe\ninitrd root.img\n"]) == ""
    assert no_kernel("root.img", b"", [script]) == ""
