"""What QEMU is made of a machine, from quirks by hand; that it boots so is in tests/boot."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.checking import in_qemu
from bootharness.checking.in_qemu import boot_in_qemu, made_by_rom
from bootharness.host.workspace import Workspace
from bootharness.plan import BootPlan
from bootharness.predictor.behaviours.behaviour import Way
from bootharness.predictor.quirks import Change, Quirks
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import Loader
from bootharness.routes.medium import Medium

# as SeaBIOS enters a boot sector
PLAIN = {
    "ENTRY_EAX": 0xAA55, "ENTRY_EBX": 0, "ENTRY_ECX": 0, "ENTRY_EDX": 0x80, "ENTRY_ESI": 0,
    "ENTRY_EDI": 0, "ENTRY_EBP": 0, "ENTRY_ESP": 0x6F04, "ENTRY_SS": 0, "ENTRY_DS": 0,
    "ENTRY_ES": 0, "ENTRY_FS": 0, "ENTRY_GS": 0, "ENTRY_CS": 0, "ENTRY_IP": 0x7C00,
    "ENTRY_FLAGS": 0x202, "DRIVE": 0x80, "MOST_SECTORS": 128,
}  # fmt: skip


def way(**quirks: Any) -> Way:
    return Way("", "", Quirks(**quirks))


@pytest.mark.parametrize(
    ("quirks", "more"),
    [
        ({}, {}),
        ({"entry": {"cs": 0x7C0, "ip": 0}}, {"ENTRY_CS": 0x7C0, "ENTRY_IP": 0}),
        ({"drive": 0x81}, {"DRIVE": 0x81, "ENTRY_EDX": 0x81}),
        ({"drive": 0x81, "entry": {"edx": 0x1180}}, {"DRIVE": 0x81, "ENTRY_EDX": 0x1180}),
        ({"most_sectors": 1}, {"MOST_SECTORS": 1}),
        (
            {"crossing": frozenset(("chs", "packet", "segment"))},
            {"NO_CHS": 1, "NO_PACKET": 1, "NO_SEGMENT": 1},
        ),
        ({"edd": (0xAA55, 1, 0)}, {"EDD_CX": 1, "EDD_STATUS": 0}),
        ({"edd": (0, 0, 1)}, {"EDD_CX": 0, "EDD_STATUS": 1}),
        ({"a20": False}, {"A20_CLOSED": 1}),
        ({"move_closes_a20": True}, {"MOVE_CLOSES_A20": 1}),
        ({"flaky": True}, {"FLAKY": 1}),
        ({"stack_bytes": 512}, {"STACK_BYTES": 512}),
        ({"most_words": 0x4000}, {"MOST_WORDS": 0x4000}),
        (
            {"changes": (Change(0x13, (), {"ebx": (0xFFFF, 0x12345)}),)},
            {"CHANGE_13": 1, "MASK_EBX": 0xFFFF, "VALUE_EBX": 0x2345},
        ),
        (
            {"changes": (Change(0x15, (0x87, 0x88, 0x89), {}), Change(0x10, (), {}))},
            {"CHANGE_15": 1, "CHANGE_10": 1, "FUNCTION_1": 0x87, "FUNCTION_2": 0x89},
        ),
    ],
)
def test_a_rom_is_assembled_with_what_is_otherwise(
    quirks: dict[str, Any], more: dict[str, int]
) -> None:
    assert made_by_rom(way(**quirks)) == {**PLAIN, **more}


@pytest.mark.parametrize(
    "other",
    [
        way(fill=1),
        way(low_kib=512),
        way(a20_gates=frozenset()),
        replace(way(), bios="286"),
        replace(way(fill=1), bios="286"),
    ],
)
def test_no_rom_makes_another_memory_or_bios(other: Way) -> None:
    assert made_by_rom(other) is None
    assert boot_in_qemu(Loader.stage1(), other) is None


@pytest.mark.parametrize("of_a_disk", [False, True])
def test_a_disk_is_booted_up_to_its_kernel_with_the_rom_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, of_a_disk: bool
) -> None:
    booted = []

    def boot(name: str, medium: Medium, plan: BootPlan, workspace: Workspace) -> str:
        where = workspace.path / "under-the-recorder.rom"
        booted.append((name, medium, plan, where, where.read_bytes()))
        return "a trace"

    monkeypatch.setattr(in_qemu, "boot_medium", boot)
    subject: Loader | DiskImage = Loader.stage1()
    if of_a_disk:
        path = tmp_path / "disk.img"
        path.write_bytes(bytes(510) + b"\x55\xaa" + bytes(1 << 20))
        subject = DiskImage.existing(path)
    assert boot_in_qemu(subject, way(drive=0x81)) == "a trace"
    [(name, medium, plan, where, rom)] = booted
    assert name == subject.name
    assert (plan.until, plan.machine.memory_mib, plan.machine.accelerator) == ("setup", 32, "tcg")
    assert plan.route == ("disk" if of_a_disk else "mbr")
    assert medium.device.words[:2] == ("-option-rom", str(where))
    assert any("disk.img" in word for word in medium.device.words[2:])
    assert medium.device.files[-1] == where
    assert len(medium.device.files) > 1
    assert rom[:2] == b"\x55\xaa"
    assert sum(rom) % 256 == 0  # or no BIOS starts it
    assert rom[2] * 512 == len(rom)
