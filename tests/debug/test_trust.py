"""Traces that somebody else has written: nothing in them is run, opened or believed unchecked."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bootharness.debug.listing import listed
from bootharness.debug.prepare import prepare_trace
from bootharness.debug.replay import replayed
from bootharness.debug.trust import kernel_of, loader_of, machine_of
from bootharness.diagnosis import judge
from bootharness.errors import BootHarnessError, UsageError
from bootharness.host.cache import cache_dir
from bootharness.plan import AUTO
from bootharness.report.document import document, encode, read_trace
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.booted import LoaderFacts
from bootharness.trace.machine_facts import MachineFacts
from tests.support.processes import run
from tests.support.traces import handoff, loading_trace, move

MACHINE = MachineFacts("qemu-system-i386", "7.2", "tcg", "pc", "ahci", 1 << 29, ())
STAGE1 = Loader.stage1()


def hostile(tmp_path: Path, place: str, value: object) -> Path:
    """Write a good trace with one field changed."""
    trace = loading_trace(
        66_000,
        [move(0x100000)],
        machine=MACHINE,
        loader=LoaderFacts("/not/here.asm", "0" * 64, {"here": 0x7C00}),
        handoff=handoff(1),
    )
    values: Any = msgspec.to_builtins(document(trace, judge(trace)))
    *folders, name = place.split(".")
    inside = values
    for each in folders:
        inside = inside[int(each)] if each.isdigit() else inside[each]
    inside[name] = value
    path = tmp_path / "trace.json"
    path.write_bytes(encode(values))
    return path


def had_again(path: Path) -> BootTrace:
    trace = read_trace(path.read_bytes())
    prepare_trace(trace, None, path.with_suffix(".img"))
    return trace


def test_trace_as_it_was_is_had_again(tmp_path: Path) -> None:
    assert had_again(hostile(tmp_path, "machine.memory_bytes", 1 << 28)).machine
    assert (tmp_path / "trace.img").stat().st_size == 1 << 30


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("machine.qemu", "./evil.sh", "machine.qemu: .*'./evil.sh'.*by --qemu"),
        ("machine.qemu", "/usr/bin/qemu-system-i386", "by --qemu"),
        ("machine.qemu", "x\x1b[2J", r"'x.*x1b.*2J'"),
        ("machine.machine_type", "pc,usb=on,kernel=/etc/passwd", "machine type"),
        ("machine.disk_interface", "floppy", "disk interface 'floppy'"),
        ("machine.accelerator", "kvm,x=y", "accelerator"),
        ("machine.bios", "nope", "machine.bios: 'nope'"),
        ("machine.memory_bytes", 1 << 70, "machine.memory_bytes"),
        ("machine.memory_bytes", -(1 << 40), "machine.memory_bytes"),
        ("disk.kernel_lba", 1 << 62, "disk.kernel_lba: .* is not between 0 and 2,097,152"),
        ("disk.cmdline_lba", -1, "disk.cmdline_lba"),
        ("disk.kernel_lba", (1 << 21) - 1, "disk.bytes: .* beyond"),
        ("disk.initrd_bytes", 1 << 40, "disk.initrd_bytes"),
        ("disk.bytes", 1 << 62, "disk.bytes"),
        ("disk.boot_sector", "eb" * 513, "disk.boot_sector: more than 512 bytes"),
        ("disk.boot_sector", "zz", "disk.boot_sector"),
        ("kernel.header.setup_sects", 9999, "kernel.header.setup_sects"),
        ("kernel.header.syssize", -1, "kernel.header.syssize"),
        ("kernel.header.jump", 2**32 - 1, "kernel.header.jump"),
        ("kernel.header.header", "HdrX" * 9, "kernel.header.header"),
        ("kernel.payload_bytes", 1 << 45, "kernel.payload_bytes"),
        ("kernel.payload_bytes", 6 << 30, "kernel.payload_bytes"),
        ("kernel.real_mode_bytes", 1 << 45, "kernel.real_mode_bytes"),
        ("kernel.file_bytes", 1 << 40, "kernel.file_bytes"),
        ("kernel.file_bytes", 1 << 31, "a stand-in has at most"),
        ("kernel.file_bytes", 10**3000, "more than 64 bits"),
        ("loader.symbols", {'a:\n incbin "/etc/hosts"\nb': 0x7C00}, "loader.symbols: .*no label"),
        ("loader.symbols", {"a": 1 << 40}, "loader.symbols: 'a'"),
        ("bios_calls.0.number", 300, r"bios_calls\[0\].number"),
        ("bios_calls.0.registers_in.cs", -5, r"bios_calls\[0\]: a register"),
        ("bios_calls.0.table_hex", "00", "block-move table"),
        ("handoff.real_mode_address", 1 << 62, "handoff.real_mode_address"),
        ("handoff.calls", 99, "handoff.calls"),
    ],
)  # fmt: skip
def test_what_no_boot_has_is_one_sentence_with_the_field(
    tmp_path: Path, field: str, value: object, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        had_again(hostile(tmp_path, field, value))
    assert str(raised.value).isprintable()


def test_program_that_a_trace_names_is_not_started(tmp_path: Path) -> None:
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/proof\n")
    evil.chmod(0o755)
    done = run("debug", hostile(tmp_path, "machine.qemu", str(evil)))
    assert done.returncode == 129
    assert "by --qemu" in done.stderr
    assert not (tmp_path / "proof").exists()


def test_own_qemu_is_what_the_person_says(tmp_path: Path) -> None:
    trace = read_trace(hostile(tmp_path, "machine.qemu", "/opt/qemu").read_bytes())
    prepared = prepare_trace(trace, None, tmp_path / "disk.img", qemu="qemu-system-x86_64")
    assert prepared.config.qemu == "qemu-system-x86_64"


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(bytes(1000)), os.mkfifo])
def test_bios_that_cannot_be_one_is_not_opened(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "bios")
    trace = read_trace(hostile(tmp_path, "machine.bios_file", str(tmp_path / "bios")).read_bytes())
    prepared = prepare_trace(trace, None, tmp_path / "disk.img")
    assert prepared.config.bios is None
    assert "QEMU's own takes its place" in prepared.notes[-1]


@pytest.mark.parametrize(
    "source",
    [
        "/dev/zero",
        "grow:2000000000:selfcheck:1600",
        "grow:16:" * 20 + "selfcheck:16",
        "selfcheck:99999999999999999",
        "selfcheck:16_",
        "selfcheck:" + "9" * 5000,
        "deb:../../etc/passwd",
        "deb:--option",
        "x\0y",
        "",
    ],
)
def test_kernels_that_a_trace_cannot_name(source: str) -> None:
    with pytest.raises(BootHarnessError):
        kernel_of(source)


def test_pipes_that_a_trace_names_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "kernel.asm")
    for opened in (kernel_of, loader_of):
        with pytest.raises(BootHarnessError):
            opened(str(tmp_path / "kernel.asm"))
    trace = read_trace(hostile(tmp_path, "disk.path", str(tmp_path / "kernel.asm")).read_bytes())
    assert replayed(trace, None, tmp_path / "disk.img").notes


def test_listing_has_what_is_in_the_loader_and_no_more() -> None:
    symbols = {"eax": 0x7C00, "incbin": 0x7C02, "a.b": 0x7C04}
    loader = listed('x\n incbin "/etc/hostname"', STAGE1.binary, symbols)
    assert loader.elf
    assert Loader.read(loader.elf).binary == STAGE1.binary
    assert Loader.read(loader.elf).symbols.items() >= symbols.items()


def test_nothing_in_the_cache_can_be_started() -> None:
    assert STAGE1.elf
    assert STAGE1.elf.parent == cache_dir("assembled")
    assert not STAGE1.elf.stat().st_mode & 0o111


def test_large_initrd_takes_no_room(tmp_path: Path) -> None:
    trace = read_trace(hostile(tmp_path, "disk.initrd_bytes", 1 << 29).read_bytes())
    assert trace.disk
    trace = replace(trace, disk=replace(trace.disk, initrd_lba=4096))
    notes = replayed(trace, None, tmp_path / "disk.img").notes
    assert "the initrd is 536,870,912 zero bytes" in notes[-1] or notes[-2]
    assert (tmp_path / "disk.img").stat().st_blocks * 512 < 1 << 24


def test_a_boot_that_was_foreseen_never_ran() -> None:
    why = "the kernel has 32 bits"
    trace = BootTrace("bzImage", "init", Ending("foreseen", 0.0, why), route="uefi-stub")
    with pytest.raises(UsageError, match=rf"never ran.*\(efi-refused: {why}"):
        machine_of(trace, AUTO, [])
