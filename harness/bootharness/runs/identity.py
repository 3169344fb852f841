"""What a boot depends on, as one digest: with the same one a result can be used again."""

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import LaunchFailed, UsageError
from bootharness.host.accelerator import kvm
from bootharness.kernels.image import KernelImage
from bootharness.machine.choice import chosen_machine
from bootharness.machine.firmware import CARD_ROMS, FIRMWARE, firmware_files, qemu_says
from bootharness.plan import QEMU, BootPlan, GuestPlan, MachineConfig
from bootharness.routes.guest import guest_digest
from bootharness.routes.route import Route
from bootharness.routes.table import ROUTES, route_of
from bootharness.runs.cell import Cell
from bootharness.runs.workers import Workers

__all__ = ["Identities", "own_version", "worker_facts"]

# what of the package can change a boot, or what is kept of it
_HAS_PART_IN_BOOTS = (
    "errors.py", "text.py", "one_boot.py", "plan", "formats", "host", "trace", "kernels",
    "network", "diagnosis", "machine", "initramfs", "report/document.py", "routes", "watch",
    "hardware",
)  # fmt: skip


class WorkerFacts(Struct, frozen=True):
    """What a worker has for a boot: the QEMU that it would take, how it is called and which
    version it is, the accelerator, our version, and the digests of firmware and boot programs
    by their paths."""

    qemu: str
    version: str
    accelerator: str
    harness: str
    files: dict[str, str]


class Identities:
    """The digests of cells, as the workers of an executor would boot them.

    Every source, every loader, and every kind of machine, is looked at once.
    """

    def __init__(self, executor: Executor) -> None:
        self._booted: dict[tuple[str, str], Any] = {}
        self._ingredients: dict[tuple[str, str], Mapping[str, str]] = {}
        self._executor = executor
        self._facts: dict[tuple[Any, ...], WorkerFacts] = {}

    def of(self, cell: Cell) -> str:
        """Return the digest of a cell: of all that is booted, by content, and of the worker's
        programs. What is expected of the boot is no part of it.

        Raises CouldNotFindOut for a kernel that cannot be had or a worker without QEMU,
        UsageError for what cannot be.
        """
        plan, route = cell.plan, route_of(cell.plan)
        booted = self._fetched(plan.route, cell.kernel)
        narrow = isinstance(booted, KernelImage) and booted.header.needs_32_bits_alone
        asked = plan.machine
        worker = self._worker(cell, (plan.route, asked.qemu, asked.accelerator, narrow))
        machine = replace(
            asked,
            qemu=worker.qemu,
            accelerator=worker.accelerator,
            bios=None,
            more_disks=(),
            firmware_vars=None,
            enrolled=(),
            revoked=(),
            sbat_level=None,
            firmware="" if asked.own_firmware else asked.firmware,
        )
        facts = {
            "source": booted.sha256,
            # files count by their content
            "plan": replace(
                plan,
                loader="",
                initrd=None,
                guest=GuestPlan(),
                machine=machine,
                net=replace(plan.net, answers=None, nic_rom=None, https_cert=None),
            ),
            "guest": guest_digest(booted, plan.guest),
            "ingredients": self._added(route, plan),
            "given": [
                _digest(name)
                for name in (
                    *(plan.initrd, plan.machine.bios, plan.net.answers, plan.net.nic_rom),
                    plan.net.https_cert,
                    *(*asked.more_disks, *plan.needles),
                    *(asked.own_firmware, asked.firmware_vars, asked.sbat_level),
                    *(*asked.enrolled, *asked.revoked),
                )
                if name
            ],
            "worker": worker,
            "on": _machine_named(plan.host),
        }
        return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()

    def _worker(self, cell: Cell, asked: tuple[str, str, str, bool]) -> WorkerFacts:
        """Return what the workers say that will boot a cell."""
        if isinstance(self._executor, Workers):
            return self._executor.ask(cell, worker_facts, *asked)
        if asked not in self._facts:
            self._facts[asked] = self._executor.submit(worker_facts, *asked).result()
        return self._facts[asked]

    def _added(self, route: Route, plan: BootPlan) -> Mapping[str, str]:
        """Return what a route adds, which of a plan depends on its loader alone."""
        if (route.name, plan.loader) not in self._ingredients:
            self._ingredients[route.name, plan.loader] = route.ingredients(plan)
        return self._ingredients[route.name, plan.loader]

    def _fetched(self, route: str, source: str) -> Any:
        if (route, source) not in self._booted:
            self._booted[route, source] = ROUTES[route].fetch(source)
        return self._booted[route, source]


def worker_facts(route: str, qemu: str, accelerator: str, narrow: bool) -> WorkerFacts:
    """Return what this worker has for boots by a route. Raises ToolMissing where something that
    they need is not here, LaunchFailed without the KVM that is asked for."""
    for tool in ROUTES[route].tools:
        tool.check()
    asked = MachineConfig(qemu=qemu, accelerator=accelerator)
    machine = chosen_machine(asked, narrow=narrow)
    if accelerator == "kvm" and (found := kvm(machine.qemu)).speed == "none":
        raise LaunchFailed(f"--accelerator kvm: {found.why}")
    return WorkerFacts(
        qemu=machine.qemu,
        version=qemu_says(machine.qemu, "--version").partition("\n")[0],
        accelerator=machine.accelerator,
        harness=own_version(),
        files={str(path): _digest(str(path)) for path in sorted(_files(route, machine.qemu))},
    )


def _machine_named(host: str) -> str:
    """Return all that is said of a real machine, empty for QEMU."""
    if host == QEMU:
        return ""
    from bootharness.hardware.machines import machine_named  # most boots are in QEMU

    return repr(machine_named(host))


def _files(route: str, qemu: str) -> Iterator[Path]:
    """Yield the firmware and the boot programs that a boot by a route may come across."""
    yield from firmware_files(qemu, *FIRMWARE, *(CARD_ROMS if ROUTES[route].from_network else ()))
    for program in ROUTES[route].programs:
        yield from (each for each in (program, *program.rglob("*")) if each.is_file())


@lru_cache(maxsize=1)
def own_version() -> str:
    """Return our version with a digest of the code that boots and judges."""
    try:
        released = version("bootharness")
    except PackageNotFoundError:
        released = "0"
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for name in _HAS_PART_IN_BOOTS:
        part = package / name
        for path in sorted(part.rglob("*.py")) if part.is_dir() else [part]:
            digest.update(path.read_bytes())
    for root in (package, package.parents[1]):  # as in a wheel, or as in a checkout
        for folder in ("mbr", "images"):
            for path in sorted((*(root / folder).glob("*.asm"), *(root / folder).glob("*.sh"))):
                digest.update(path.read_bytes())
    return f"{released}+{digest.hexdigest()[:12]}"


@lru_cache(maxsize=256)
def _digest(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from error
