"""A boot by a UEFI in gdb, walked through on a terminal as a person would."""

import subprocess
from pathlib import Path

import pytest

from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.watch.kept import keep_account
from tests.boot.test_debug import Terminal
from tests.support.media import needs
from tests.support.processes import COMMAND
from tests.support.uefi_programs import FALLBACK, disk, program

pytestmark = pytest.mark.usefixtures("uefi_tools")

CODE = """
bits 64
global efi_main, rests
section .text
efi_main: mov eax, 5
rests: jmp rests
"""
PAGE = 0x1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with a program of two instructions, and its symbols in own.elf."""
    folder = tmp_path_factory.mktemp("uefi")
    source = folder / "own.asm"
    source.write_text(CODE)
    for argv in (
        ["nasm", "-f", "elf64", "-o", "own.o", "own.asm"],
        ["ld", f"-Ttext={PAGE:#x}", "-e", "efi_main", "-o", "own.elf", "own.o"],
        ["nasm", "-f", "bin", "-o", "own.bin", "own.flat"],
    ):
        (folder / "own.flat").write_text(CODE.replace("global efi_main, rests", ""))
        subprocess.run(argv, cwd=folder, check=True)
    disk(folder, {FALLBACK: program((folder / "own.bin").read_bytes())})
    return folder


def test_a_person_stops_at_an_images_entry_and_asks_the_firmware(folder: Path) -> None:
    gdb = Terminal(*COMMAND, "debug", "disk.img", "--route", "uefi-disk",
                   "--at", "image:bootx64.efi", cwd=folder)  # fmt: skip
    said = gdb.prompt()
    assert "\\EFI\\BOOT\\BOOTX64.EFI is entered at 0x" in said
    assert "StartImage  \\EFI\\BOOT\\BOOTX64.EFI" in gdb.ask("efi")
    assert "started    \\EFI\\BOOT\\BOOTX64.EFI <- here" in gdb.ask("efi images")
    assert "symbols of own.elf for \\EFI\\BOOT\\BOOTX64.EFI" in gdb.ask("efi symbols own.elf")
    assert "efi_main in section .text" in gdb.ask("info symbol $rip")
    before = gdb.ask("info registers")
    assert "ACPI tables" in gdb.ask("efi map")
    variables = gdb.ask("efi variables")
    assert "BootOrder " in variables
    assert "Boot0001 " in variables
    assert gdb.ask("info registers") == before
    gdb.ask("stepi")
    assert "rests in section .text" in gdb.ask("info symbol $rip")
    assert "did not end the boot services" in gdb.ask("until-exit-boot-services")
    assert "BOOTX64.EFI" in gdb.ask("until-image nothing.efi")
    assert "See `help efi'" in gdb.ask("efi map now")
    gdb.leave()


@pytest.mark.long
def test_a_kept_boot_is_had_again_with_the_kernels_symbols_wherever_it_lies(
    tmp_path: Path,
) -> None:
    needs("lz4")
    kernel, kept = fetch("deb:linux-image-cloud-amd64/bookworm"), tmp_path / "kept"
    plan = {"route": "uefi-systemd-boot", "until": "banner", "timeout_s": 120.0}
    kept.mkdir()
    trace = boot(kernel, choose(BootPlan(), plan), keep=kept)
    keep_account(trace, choose(BootPlan(), plan), kept)
    assert (kept / "variables.fd").exists()
    assert "StartImage        \\vmlinuz" in (kept / "uefi-calls.txt").read_text()
    assert f"file={kept}/variables.fd" in (kept / "command.txt").read_text()
    assert kernel.compressed
    packed, vmlinux = tmp_path / "vmlinux.lz4", tmp_path / "vmlinux"
    packed.write_bytes(kernel.compressed[1].read())
    # how large it was stands behind it
    with vmlinux.open("wb") as file:
        subprocess.run(["lz4", "-dcf", packed], stdout=file, check=False)
    gdb = Terminal(*COMMAND, "debug", "trace.json", "--at", "kernel", cwd=kept)
    assert "the kernel runs at its own addresses, at 0xffffffff" in gdb.prompt()
    said = gdb.ask(f"efi symbols {vmlinux}")
    assert f"symbols of {vmlinux} for the kernel, moved by 0x" in said
    moved = int(said.rpartition("moved by ")[2].split()[0], 16)
    assert moved % 0x200000 == 0
    assert "BOOTX64.EFI" in gdb.ask("efi images")
    gdb.leave()
