"""What is to be debugged, where it comes from a network: a boot program and what it loads.

What gdb compares memory with is put into one file as if it were a disk:

    0                 the boot program, as the card's ROM puts it at 0x7c00
    next sector       the kernel, if one came
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from bootharness.debug.listing import listed
from bootharness.debug.prepare import Prepared, call_sites, machine_for, scene_of
from bootharness.errors import MachineLost, UsageError
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.one_boot import boot_medium
from bootharness.plan import BootPlan
from bootharness.routes.loader import Loader
from bootharness.routes.medium import Medium
from bootharness.routes.net_connection import Connection
from bootharness.routes.table import route_of
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import DiskFacts

__all__ = ["prepare_network"]

_AT_A_TIME = 1 << 20


@contextmanager
def prepare_network(
    source: str, plan: BootPlan, at: str, workspace: Workspace
) -> Iterator[Prepared]:
    """Prepare a boot from a network to be debugged; a boot before shows what comes over it.

    Raises UsageError for a UEFI, and where nothing comes that is loaded to 0x7c00.
    """
    route = route_of(plan)
    if route.firmware != "bios":
        raise UsageError(f"route {route.name}: only what a BIOS boots can be debugged")
    plan = route.ready(plan)
    booted = route.fetch(source)
    with Workspace() as other, route.prepare(booted, plan, other) as first:
        before, kernel = _boot_before(source, first, plan, other)
        assert first.wire
        name = _program(before)
        program = _read(first.wire, name)
        # what came of servers is there as long as the first is
        with route.prepare(booted, plan, workspace) as medium:
            assert medium.wire
            image = workspace.path / "loaded.img"
            facts = _write(image, program, kernel)
            own = medium.wire.beside(name, ".elf")
            loader = Loader.read(own) if own else listed(name, program, {})
            scene = scene_of(replace(before, disk=facts), replace(loader, binary=program), at)
            scene = replace(scene, sites=call_sites(_own_calls(before)))
            yield Prepared(
                scene, image, machine_for(plan.machine, narrow=medium.narrow), medium=medium
            )


def _boot_before(
    source: str, medium: Medium, plan: BootPlan, workspace: Workspace
) -> tuple[BootTrace, KernelImage | None]:
    """Boot as far as the kernel's entry, and return its trace and the kernel that came.

    Raises CouldNotFindOut when that shows nothing.
    """
    plan = replace(plan, until="setup", until_screen=None, fail_on=(), at_most_s=None, send=())
    trace = boot_medium(source, medium, plan, workspace)
    if trace.ending.cause:
        raise MachineLost(f"a boot before, to see what is there: {trace.ending.detail}")
    handoff = trace.handoff
    entered = handoff.header if handoff else None
    return trace, medium.learned((), workspace.path, entered=entered, release=None).kernel


def _own_calls(trace: BootTrace) -> Iterator[BiosCall]:
    """Yield the calls of what was loaded, and not those of the card's own program, which makes them
    from the segments from which it did before."""
    entered = next((each.seconds for each in trace.milestones if each.name == "nbp-served"), 0.0)
    calls = trace.loader_calls
    of_card = {each.registers_in.cs for each in calls if each.called_at < entered}
    return (each for each in calls if each.registers_in.cs not in of_card)


def _program(trace: BootTrace) -> str:
    facts = trace.network
    name = facts.roles.get("nbp") if facts else None
    if name is None:
        raise UsageError(
            f"route {trace.route}: the card's ROM itself loads the kernel, and there is no boot "
            "program to stop at"
        )
    return name


def _read(wire: Connection, name: str) -> bytes:
    content = wire.open(name)
    if content is None:
        raise UsageError(f"{name}: the boot program that came is not there any more")
    return bytes(content[: len(content)])


def _write(image: Path, program: bytes, kernel: KernelImage | None) -> DiskFacts:
    """Write what is loaded as if it lay on a disk, and return what lies where."""
    sectors = -(-len(program) // SECTOR_BYTES)
    with image.open("wb") as file:
        file.write(program.ljust(sectors * SECTOR_BYTES, b"\0"))
        for start in range(0, kernel.file_bytes if kernel else 0, _AT_A_TIME):
            assert kernel
            file.write(kernel.content.read(start, min(_AT_A_TIME, kernel.file_bytes - start)))
        size = file.tell()
    return DiskFacts(
        path=str(image),
        bytes=size,
        kernel_lba=sectors if kernel else None,
        cmdline_lba=None,
        cmdline=None,
        initrd_lba=None,
        initrd_bytes=None,
        initrd_address=None,
        boot_sector=program[:SECTOR_BYTES].hex(),
    )
