"""Kernels that boot: what is seen on the way. Most of this uses the fixtures that users get."""

import pytest

from bootharness.diagnosis import Judgement, Verdict
from bootharness.kernels.image import KernelImage
from bootharness.machine.machine import Machine
from bootharness.machine.ram import Ram
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.milestones import MILESTONES
from tests.boot.conftest import Boot

CHUNK = 0xFE00
OF_A_BOOT_MANAGER = ("boot-manager", "boot-menu", "kernel-chosen")


def test_kernel_is_good(boot_judgement: Judgement) -> None:
    assert boot_judgement.verdict is Verdict.GOOD, boot_judgement.summary


def test_every_milestone_is_reached_in_order(boot_trace: BootTrace) -> None:
    reached = [point.name for point in boot_trace.milestones]
    assert reached == [name for name in MILESTONES if name not in OF_A_BOOT_MANAGER]
    times = [point.seconds for point in boot_trace.milestones]
    assert times == sorted(times)
    assert times[0] > 0


def test_all_of_the_kernel_is_in_place(boot_trace: BootTrace, kernel: KernelImage) -> None:
    assert boot_trace.placed_bytes == kernel.payload_bytes
    assert boot_trace.handoff
    assert boot_trace.handoff.memory_equal is True
    assert boot_trace.handoff.payload
    assert boot_trace.handoff.payload.compared_bytes == kernel.payload_bytes
    assert boot_trace.handoff.initrd
    assert boot_trace.handoff.real_mode


def test_moves_are_127_sectors_one_behind_the_other(
    boot_trace: BootTrace, kernel: KernelImage
) -> None:
    whole, rest = divmod(kernel.payload_bytes, CHUNK)
    moves = boot_trace.block_moves[: whole + 1]
    assert [move.destination for move in moves] == [
        0x100000 + CHUNK * index for index in range(whole + 1)
    ]
    assert [move.bytes for move in moves] == [CHUNK] * whole + [rest]
    for move in moves:
        assert move.table.destination.access == 0x93
        assert move.table.source.base == move.source == 0x20000
        assert (move.status, move.completed) == (0, True)


def test_kernel_is_entered_as_the_protocol_asks(boot_trace: BootTrace) -> None:
    assert boot_trace.handoff
    assert boot_trace.handoff.exact
    registers = boot_trace.handoff.registers
    assert (registers.cs, registers.ip) == (0x1020, 0)
    for segment in (registers.ds, registers.es, registers.ss, registers.fs, registers.gs):
        assert segment == 0x1000
    assert registers.esp == 0xE000
    assert not registers.interrupts


def test_obligatory_header_fields_are_set(boot_trace: BootTrace) -> None:
    assert boot_trace.handoff
    header = boot_trace.handoff.header
    assert header
    assert header.type_of_loader == 0xFF
    assert header.loadflags & 0x80  # CAN_USE_HEAP
    assert header.heap_end_ptr == 0xE000 - 0x200
    assert header.cmd_line_ptr == 0x1E000
    assert header.vid_mode == 0xFFFF
    assert boot_trace.disk
    assert header.ramdisk_image == boot_trace.disk.initrd_address
    assert header.ramdisk_size == boot_trace.disk.initrd_bytes


def test_kernels_own_calls_follow_the_handoff(boot_trace: BootTrace) -> None:
    assert boot_trace.handoff
    first = boot_trace.bios_calls[boot_trace.handoff.calls]
    assert first.registers_in.cs == 0x1000
    assert (first.number, first.function) == (0x15, 0xEC)
    assert all(call.registers_in.cs != 0x1000 for call in boot_trace.loader_calls)


def test_what_the_kernel_says_is_complete(boot_trace: BootTrace, kernel: KernelImage) -> None:
    assert f"Linux version {kernel.release}" in boot_trace.serial
    assert "bootharness: init reached" in boot_trace.serial
    assert boot_trace.handoff
    assert boot_trace.handoff.cmdline in boot_trace.serial


@pytest.mark.parametrize("interface", ["ide", "virtio", "nvme", "usb", "scsi"])
def test_disk_interfaces(boots: Boot, interface: str) -> None:
    trace = boots("selfcheck:1000000", disk_interface=interface)
    assert trace.ending.kind == "reached", trace.screen
    assert len(trace.block_moves) == 17


def test_q35(boots: Boot) -> None:
    assert boots("selfcheck:1000000", machine_type="q35").ending.kind == "reached"


@pytest.mark.long
def test_other_initrd_counts_when_the_kernel_runs_it(
    boots: Boot, debian: str, tmp_path: pytest.TempPathFactory
) -> None:
    from bootharness.kernels.initrd import tiny_initrd

    initrd = tmp_path / "initrd"  # type: ignore[operator]
    initrd.write_bytes(tiny_initrd(wide=True))
    trace = boots(debian, initrd=initrd)
    assert trace.reached("init")
    assert trace.handoff
    assert trace.handoff.initrd
    assert trace.handoff.initrd.equal


@pytest.mark.parametrize("length", [0, 1, 2046, 2047])
def test_whole_command_line_arrives(boots: Boot, length: int) -> None:
    line = ("console=ttyS0 " + "x" * 2047)[:length]
    trace = boots("selfcheck:16", cmdline=line)
    assert trace.ending.kind == "reached"
    assert trace.handoff
    assert trace.handoff.cmdline == line
    assert f'the command line is "{line}"' in trace.serial


@pytest.mark.parametrize("readable", [True, False])
def test_memory_is_compared_by_reading_it_or_by_asking_for_it(
    boots: Boot, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    asked = []
    saved = Machine._saved
    monkeypatch.setattr(
        Machine, "_saved", lambda *given: [asked.append(given[3]), saved(*given)][1]
    )
    if not readable:  # where Linux keeps processes from each other
        monkeypatch.setattr(Ram, "of", lambda *_given: None)
    trace = boots("selfcheck:1000000", until="setup")
    assert trace.handoff
    assert trace.handoff.memory_equal is True
    assert trace.handoff.payload
    assert trace.handoff.payload.compared_bytes == 1_000_000
    assert (1_000_000 in asked) is not readable
