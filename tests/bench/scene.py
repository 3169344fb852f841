"""What the benches boot: made once, used by all of them."""

from functools import cached_property
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import LaunchFailed
from bootharness.kernels.image import KernelImage
from bootharness.kernels.source import fetch, known_kernels
from bootharness.machine.choice import chosen_machine
from bootharness.machine.rom import write_rom
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, MachineConfig
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from tests.support.boots import settled
from tests.support.builders import no_carry
from tests.support.processes import KERNELS

__all__ = ["FAILING", "MOVES", "Scene"]

MOVES = 230
_CHUNK_BYTES = 0xFE00
_DEBIAN = known_kernels(KERNELS)[0].source
FAILING = f"grow:17000000:{_DEBIAN}"
"""The kernel that is too large for a loader without the carry."""


class Scene(Struct, frozen=True, dict=True):
    """Disk images, loaders and the machine, in a folder that the caller removes."""

    folder: Path

    @cached_property
    def kernel(self) -> KernelImage:
        """The first of the kernels that the project tests with."""
        return fetch(_DEBIAN)

    @cached_property
    def machine(self) -> MachineConfig:
        """The machine that a boot of it gets."""
        return chosen_machine(MachineConfig())

    @cached_property
    def rom(self) -> Path:
        """The recorder's option ROM."""
        return write_rom(self.folder)[0]

    @cached_property
    def no_carry(self) -> Path:
        """The loader of the story: without the carry out of bit 23."""
        return no_carry(self.folder)

    @cached_property
    def good(self) -> DiskImage:
        """A disk image that boots."""
        return self._disk("good", self.kernel, Loader.stage1())

    @cached_property
    def with_init(self) -> DiskImage:
        """A disk image that boots to /init."""
        plan = BootPlan(machine=self.machine)
        return lay_out(self.kernel, Loader.stage1(), settled(plan)).write(self.folder / "init.img")

    @cached_property
    def failing(self) -> DiskImage:
        """A disk image whose loader resets the machine."""
        return self._disk("failing", fetch(FAILING), Loader.read(self.no_carry))

    @cached_property
    def many_moves(self) -> DiskImage:
        """A disk image whose loader makes so many block moves."""
        kernel = fetch(f"grow:{MOVES * _CHUNK_BYTES}:{_DEBIAN}")
        return self._disk("moves", kernel, Loader.stage1())

    @cached_property
    def large(self) -> KernelImage:
        """A kernel of 64 MiB."""
        return fetch(f"grow:{64 << 20}:{_DEBIAN}")

    def boot(self, disk: DiskImage, plan: BootPlan) -> None:
        """Boot a disk image and judge it. Raises LaunchFailed unless it is good."""
        trace = boot(disk, replace(plan, machine=self.machine))
        judgement = judge(trace)
        if judgement.verdict is not Verdict.GOOD:
            raise LaunchFailed(f"{disk.path.name}: {judgement.summary}")

    def _disk(self, name: str, kernel: KernelImage, loader: Loader) -> DiskImage:
        plan = BootPlan(until="banner", machine=self.machine)
        return lay_out(kernel, loader, plan).write(self.folder / f"{name}.img")
