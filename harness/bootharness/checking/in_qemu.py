"""The same machines in QEMU, as far as an option ROM makes them of it."""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from bootharness.host.assembler import assemble_flat, shipped
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import fetch
from bootharness.machine.device import escaped
from bootharness.one_boot import boot_medium
from bootharness.plan import BootPlan, MachineConfig
from bootharness.predictor.behaviours.behaviour import Way
from bootharness.predictor.quirks import A20_GATES, Quirks
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from bootharness.routes.medium import Medium
from bootharness.routes.table import route_of
from bootharness.trace.boot_trace import BootTrace

__all__ = ["boot_in_qemu", "made_by_rom"]

_KERNEL, _UNTIL = "selfcheck:196624", "setup"
_MEMORY_MIB = 32
_ROM = "under-the-recorder.rom"
"""SeaBIOS starts ROMs from the last name to the first, and the recorder has to lie above."""
# as SeaBIOS enters a boot sector
_ENTRY = {
    "eax": 0xAA55, "ebx": 0, "ecx": 0, "esi": 0, "edi": 0, "ebp": 0, "esp": 0x6F04, "ss": 0,
    "ds": 0, "es": 0, "fs": 0, "gs": 0, "cs": 0, "ip": 0x7C00, "flags": 0x202,
}  # fmt: skip
_CROSSING = {"chs": "NO_CHS", "packet": "NO_PACKET", "segment": "NO_SEGMENT"}
_PLAIN = Quirks()


def made_by_rom(way: Way) -> Mapping[str, int] | None:
    """Return what mbr/adverse.asm has to be assembled with, None for a machine that it cannot make:
    other memory, another kind of block moves, other means of opening A20."""
    quirks = way.quirks
    as_in_qemu = (
        way.bios == "seabios"
        and quirks.a20_gates == A20_GATES
        and (quirks.fill, quirks.low_kib) == (_PLAIN.fill, _PLAIN.low_kib)
    )
    if not as_in_qemu:
        return None
    entry = {**_ENTRY, "edx": quirks.drive, **quirks.entry}
    made = {f"ENTRY_{name.upper()}": value for name, value in entry.items()}
    made |= {"DRIVE": quirks.drive, "MOST_SECTORS": quirks.most_sectors}
    made |= {_CROSSING[each]: 1 for each in quirks.crossing}
    if quirks.edd != _PLAIN.edd:
        _, subsets, status = quirks.edd
        made |= {"EDD_CX": subsets, "EDD_STATUS": status}
    for name, there in (
        ("A20_CLOSED", not quirks.a20),
        ("MOVE_CLOSES_A20", quirks.move_closes_a20),
        ("FLAKY", quirks.flaky),
        ("STACK_BYTES", quirks.stack_bytes),
    ):
        made |= {name: int(there)} if there else {}
    if quirks.most_words != _PLAIN.most_words:
        made["MOST_WORDS"] = quirks.most_words
    for change in quirks.changes:
        made[f"CHANGE_{change.number:02x}"] = 1
        if change.functions:
            made |= {"FUNCTION_1": change.functions[0], "FUNCTION_2": change.functions[-1]}
        for name, (mask, value) in change.registers.items():
            made |= {f"MASK_{name.upper()}": mask, f"VALUE_{name.upper()}": value & mask}
    return made


def boot_in_qemu(subject: Loader | DiskImage, way: Way) -> BootTrace | None:
    """Boot a loader's disk on such a machine, up to the kernel's entry; None where QEMU has none.

    Raises ToolMissing and LaunchFailed where there is no QEMU that runs.
    """
    defines = made_by_rom(way)
    if defines is None:
        return None
    # KVM knows no A20 gate
    machine = MachineConfig(memory_mib=_MEMORY_MIB, accelerator="tcg")
    plan = BootPlan(until=_UNTIL, machine=machine)
    if isinstance(subject, DiskImage):
        plan = replace(plan, route="disk")
    plan = route_of(plan).settled(plan)
    with Workspace() as workspace:
        disk = subject
        if isinstance(subject, Loader):
            layout = lay_out(fetch(_KERNEL), subject, plan)
            disk = layout.write(workspace.path / "disk.img")
        assert isinstance(disk, DiskImage)
        rom = _write_rom(workspace.path / _ROM, defines)
        with Medium.of_disk(disk, plan) as medium:
            device = replace(
                medium.device,
                words=("-option-rom", escaped(rom), *medium.device.words),
                files=(*medium.device.files, rom),
            )
            return boot_medium(subject.name, replace(medium, device=device), plan, workspace)


def _write_rom(path: Path, defines: Mapping[str, int]) -> Path:
    rom = bytearray(assemble_flat(shipped("mbr/adverse.asm"), **defines))
    rom[-1] = -sum(rom) & 0xFF
    path.write_bytes(rom)
    return path
