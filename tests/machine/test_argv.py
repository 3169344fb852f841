"""QEMU's command line, piece by piece."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.machine.argv import machine_args, qemu_argv, recorder_args
from bootharness.machine.device import Drive, drive_device
from bootharness.machine.rom import write_rom
from bootharness.plan import OPTIONS, BootPlan, MachineConfig


def line(**given: object) -> str:
    config = MachineConfig(qemu="q", accelerator="tcg")
    values = {"qmp_fd": 5, "recorder": None, "gdb": False, **given}
    return " ".join(qemu_argv(config, drive_device(Drive(Path("/d.img"))), **values))  # type: ignore[arg-type]


def test_guest_is_kept_in() -> None:
    assert "-nic none" in line()
    assert (
        "-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny" in line()
    )
    assert "snapshot=on" in line()
    assert "-nodefaults -no-user-config" in line()


def test_no_port_is_opened() -> None:
    for given in ({}, {"gdb": True}, {"recorder": Path("rom")}):
        assert "tcp" not in line(**given)
    assert "-S -gdb unix:path=gdb.sock" in line(gdb=True)
    assert "-gdb" not in line()


def test_machine_follows_the_configuration() -> None:
    config = MachineConfig(
        "/usr/bin/qemu-system-x86_64",
        "q35",
        memory_mib=64,
        disk_interface="nvme",
        accelerator="tcg",
    )
    said = " ".join(machine_args(config))
    assert "-machine q35,accel=tcg" in said
    assert "-m 64" in said
    assert "-cpu host" not in said
    assert "-cpu qemu64,-cx16" in said
    kvm = " ".join(machine_args(MachineConfig("q", accelerator="kvm")))
    assert "accel=kvm -cpu host" in kvm


def test_cpu_that_is_asked_for_is_taken_as_it_is() -> None:
    for accelerator in ("tcg", "kvm"):
        asked = MachineConfig("qemu-system-x86_64", accelerator=accelerator, cpu="Nehalem", smp=3)
        assert "-cpu Nehalem -smp 3 -m" in " ".join(machine_args(asked))
    assert "-smp" not in machine_args(MachineConfig("q", accelerator="tcg"))


def test_linux_does_not_meet_an_instruction_that_qemu_gets_wrong() -> None:
    said = machine_args(MachineConfig("/usr/bin/qemu-system-x86_64", accelerator="tcg"))
    assert said[said.index("-cpu") + 1] == "qemu64,-cx16"


@pytest.mark.parametrize("interface", OPTIONS["disk_interface"].choices)
def test_every_interface_has_the_disk(interface: str) -> None:
    assert any("drive=disk0" in each for each in drive_device(Drive(Path("/d"), interface)).words)


def test_comma_in_a_path_stays_in_the_path() -> None:
    assert "file=/a,,b,format" in drive_device(Drive(Path("/a,b"))).words[1]


def test_recorder_has_its_rom_its_port_and_its_brake() -> None:
    said = " ".join(recorder_args(Path("/r.rom"), "bios"))
    for part in ("-option-rom /r.rom", "isa-debugcon,iobase=0xe9", "pvpanic,ioport=0x505"):
        assert part in said


def test_rom_is_one_that_a_bios_accepts(tmp_path: Path) -> None:
    rom = write_rom(tmp_path)[0].read_bytes()
    assert rom[:2] == b"\x55\xaa"
    assert rom[2] * 512 == len(rom)
    assert sum(rom) & 0xFF == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MachineConfig(disk_interface="sata"), "disk interface 'sata': known are ahci"),
        (lambda: MachineConfig(accelerator="xen"), "accelerator 'xen'"),
        (lambda: MachineConfig(memory_mib=1), "memory 1: it has to be at least 2"),
        (lambda: MachineConfig(memory_mib=1 << 70), "it can be at most 1,048,576"),
        (lambda: BootPlan(until="bannr"), "until 'bannr': did you mean banner"),
        (lambda: BootPlan(tracer="strace"), "tracer 'strace'"),
    ],
)
def test_wrong_choice_gets_a_sentence(make: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()  # type: ignore[operator]


def test_one_image_that_is_there_twice_is_one_disk_with_one_serial_number() -> None:
    one, other = Drive(Path("/a")), Drive(Path("/b"))
    devices = [each for each in drive_device(other, one, one).words if each.startswith("ide-hd")]
    assert [each.partition(",serial=")[2] for each in devices] == ["", "PATHS1", "PATHS1"]


def test_a_recorder_that_is_not_armed_sets_no_breakpoint(tmp_path: Path) -> None:
    armed, other = tmp_path / "armed", tmp_path / "other"
    for each in (armed, other):
        each.mkdir()
    breakpoints = b"\xb8\xaa\x04"  # mov ax, what DR7 is set to
    assert breakpoints in write_rom(armed)[0].read_bytes()
    rom = write_rom(other, armed=False)[0].read_bytes()
    assert breakpoints not in rom
    assert sum(rom) & 0xFF == 0
