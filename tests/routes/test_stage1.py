"""The loader's image: its size, its labels, and that a disassembler reads what we wrote."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.routes.loader import ORIGIN, PATCHABLE, Loader

MILESTONES = (
    "stage1", "check_edd", "load_command_line", "load_setup", "check_header", "load_kernel",
    "load_initrd", "set_header", "handoff", "error", "boot_failed", "load_high", "block_move",
    "read_disk", "disk_read", "dap", "gdt",
)  # fmt: skip


def test_code_and_data_leave_signature_and_partition_table_free() -> None:
    assert len(Loader.stage1().binary) <= 440


def test_milestones_are_labels_in_the_elf() -> None:
    loader = Loader.stage1()
    for name in (*MILESTONES, *(name for name in PATCHABLE if name != "kernel_sectors")):
        assert ORIGIN <= loader.symbols[name] < ORIGIN + 440


def test_elf_has_line_numbers_for_gdb() -> None:
    elf = Loader.stage1().elf
    assert elf
    said = subprocess.run(
        ["gdb", "--nx", "--batch", "-ex", "info line block_move", str(elf)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    source = next(line for line in said.splitlines() if "stage1.asm" in line)
    number = int(re.search(r"Line (\d+)", source)[1])  # type: ignore[index]
    line = Path("mbr/stage1.asm").read_text().splitlines()[number - 1]
    assert line.split() == ["int", "0x15"]


@pytest.mark.skipif(not shutil.which("ndisasm"), reason="ndisasm (package nasm) is not installed")
def test_calls_to_the_bios_are_those_that_the_issue_names(tmp_path: Path) -> None:
    loader = Loader.stage1()
    code = loader.binary[: loader.symbols["message"] - ORIGIN]
    path = tmp_path / "stage1.bin"
    path.write_bytes(code)
    listing = subprocess.run(
        ["ndisasm", "-b", "16", "-o", hex(ORIGIN), str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "db 0x" not in listing  # every byte decodes
    interrupts = re.findall(r"int (?:byte )?(0x\w+)", listing)
    assert sorted(interrupts) == sorted(["0x13", "0x13", "0x13", "0x15", "0x10", "0x18"])
    # a wait for a key would be INT 16h; a halt or a jump to itself would be for ever
    assert not re.search(r"\bhlt\b", listing)
    for address, target in re.findall(r"^(\w{8}) .* jmp (?:short )?(0x\w+)", listing, re.M):
        assert int(address, 16) != int(target, 16)


def test_builder_can_patch_all_that_it_has_to_tell() -> None:
    loader = Loader.stage1()
    assert set(loader.patches) == set(PATCHABLE) - {"kernel_sectors"}
    binary = loader.patched(
        kernel_lba=0x11111111,
        kernel_sectors=0,
        cmdline_lba=0x22222222,
        initrd_lba=0x33333333,
        initrd_size=0x44444444,
        initrd_address=0x55555555,
    )
    for name, digit in zip(
        ("kernel_lba", "cmdline_lba", "initrd_lba", "initrd_size", "initrd_address"),
        range(1, 6),
        strict=True,
    ):
        at = loader.symbols[name] - ORIGIN
        assert binary[at : at + 4] == bytes([0x11 * digit]) * 4
