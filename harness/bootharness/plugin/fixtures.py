"""The fixtures: from a kernel build to a boot, its trace and its judgement."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec import Struct, field

from bootharness.plan import BootPlan, choose, chosen
from bootharness.plugin.options import (
    brought_marked,
    checked,
    marked_plan,
    network_plan,
    not_found_out,
    plan_of,
)
from bootharness.plugin.sources import NO_KERNEL

if TYPE_CHECKING:
    from bootharness.diagnosis import Judgement
    from bootharness.guests.guest import Guest
    from bootharness.kernels.image import KernelImage
    from bootharness.machine.machine import Machine
    from bootharness.routes.disk import DiskImage
    from bootharness.routes.loader import Loader
    from bootharness.routes.net_root import NetRoot
    from bootharness.routes.net_servers import NetServers
    from bootharness.trace.boot_trace import BootTrace

__all__ = ["FOLDER", "MACHINE", "PLAN", "TRACE", "without_disk"]

TRACE = pytest.StashKey["BootTrace"]()
PLAN = pytest.StashKey[BootPlan]()
FOLDER = pytest.StashKey[Path]()
MACHINE = pytest.StashKey[tuple["Machine", Path]]()
"""What a test's boot has left with the test."""

_ONLY_DISKS = ("loader", "tracer", "disk_interface", "disk_faults")


class _Boots(Struct):
    """The disk images and boots of this session."""

    folder: Path
    images: dict[tuple[object, ...], "DiskImage"] = field(default_factory=dict)
    traces: dict[tuple[object, ...], tuple["BootTrace", Path]] = field(default_factory=dict)
    folders: Iterator[int] = field(default_factory=count)

    def new_folder(self) -> Path:
        """Make a folder for what one boot leaves."""
        folder = self.folder / f"boot-{next(self.folders)}"
        folder.mkdir()
        return folder


@pytest.fixture(scope="session")
def _boots(tmp_path_factory: pytest.TempPathFactory) -> _Boots:
    return _Boots(tmp_path_factory.mktemp("boots"))


@pytest.fixture(scope="session")
def stage1(pytestconfig: pytest.Config) -> "Loader":
    """The loader: ours, or the one of --boot-loader."""
    from bootharness.routes.loader import Loader

    return Loader.named(plan_of(pytestconfig).loader)


@pytest.fixture(scope="session")
def _kernel_source(request: pytest.FixtureRequest) -> str:
    source: str | None = request.param
    return source or not_found_out(request.config, NO_KERNEL)


@pytest.fixture(scope="session")
def kernel(_kernel_source: str, pytestconfig: pytest.Config) -> "KernelImage":
    """One kernel build of --kernel or of the project's kernels.toml, or what else --boot-route
    boots."""
    from bootharness.routes.table import route_of

    fetched: KernelImage = route_of(plan_of(pytestconfig)).fetch(_kernel_source)
    return fetched


@pytest.fixture
def _boot_firmware(request: pytest.FixtureRequest) -> str | None:
    given: str | None = getattr(request, "param", None)
    return given


@pytest.fixture
def boot_plan(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, _boot_firmware: str | None
) -> BootPlan:
    """How to boot: the options, and over them the test's `boot` marker."""
    marker = request.node.get_closest_marker("boot")
    plan = plan_of(pytestconfig)
    if _boot_firmware:
        plan = choose(plan, {"firmware": _boot_firmware})
    return checked(marked_plan(plan, marker) if marker else plan)


@pytest.fixture
def disk_image(
    stage1: "Loader",
    kernel: "KernelImage",
    boot_plan: BootPlan,
    pytestconfig: pytest.Config,
    _boots: _Boots,
) -> "DiskImage":
    """The disk image with that kernel, and with that loader or the one of the test's marker.
    Nothing that boots changes it."""
    from bootharness.routes.loader import Loader
    from bootharness.routes.mbr import lay_out

    of_marker = boot_plan.loader != plan_of(pytestconfig).loader
    loader = Loader.named(boot_plan.loader) if of_marker else stage1
    key = (kernel.source, kernel.sha256, loader.binary, boot_plan)
    if key not in _boots.images:
        path = _boots.folder / f"disk-{len(_boots.images)}.img"
        _boots.images[key] = lay_out(kernel, loader, boot_plan).write(path)
    return _boots.images[key]


@pytest.fixture
def boot_trace(
    request: pytest.FixtureRequest, kernel: "KernelImage", boot_plan: BootPlan, _boots: _Boots
) -> "BootTrace":
    """All that was seen in one boot of that kernel by the plan's route, from the disk image
    where that is laid out for a loader; one boot serves many tests."""
    from bootharness.routes.table import route_of

    route = route_of(boot_plan)
    booted: DiskImage | KernelImage = kernel
    if route.lay_out and "loader" in route.takes:
        booted = request.getfixturevalue("disk_image")
    return _booted(request, booted, boot_plan, _boots)


@pytest.fixture
def netboot_trace(
    request: pytest.FixtureRequest,
    _kernel_source: str,
    pytestconfig: pytest.Config,
    _boots: _Boots,
) -> "BootTrace":
    """All that was seen in one boot of that kernel from a network, or of the folder of boot files
    or from the servers that the test's `netboot` marker names; one boot serves many tests."""
    from bootharness.routes.table import route_of

    boot = request.node.get_closest_marker("boot")
    plan = plan_of(pytestconfig)
    plan = without_disk(marked_plan(plan, boot) if boot else plan)
    marker = request.node.get_closest_marker("netboot")
    plan = checked(network_plan(plan, marker, pytestconfig))
    if route_of(plan).boots_folder or brought_marked(marker, pytestconfig):
        return _booted(request, route_of(plan).fetch(_kernel_source), plan, _boots)
    return _booted(request, request.getfixturevalue("kernel"), plan, _boots)


def without_disk(plan: BootPlan) -> BootPlan:
    """Return a plan without what only disks have."""
    usual = chosen(BootPlan())
    return choose(plan, {name: usual[name] for name in _ONLY_DISKS})


def _booted(
    request: pytest.FixtureRequest,
    source: "DiskImage | KernelImage | NetRoot | NetServers",
    plan: BootPlan,
    boots: _Boots,
) -> "BootTrace":
    """Return the trace of a boot that this session has made already, or makes now."""
    from bootharness.one_boot import boot

    key = (source.source, source.path, plan)
    if key not in boots.traces:
        folder = boots.new_folder()
        boots.traces[key] = boot(source, plan, keep=folder), folder
    trace, folder = boots.traces[key]
    request.node.stash[TRACE] = trace
    request.node.stash[FOLDER] = folder
    request.node.stash[PLAN] = plan
    if trace.ending.cause:
        not_found_out(request.config, f"{trace.ending.cause}: {trace.ending.detail}")
    return trace


@pytest.fixture
def boot_judgement(boot_trace: "BootTrace") -> "Judgement":
    """The verdict on that boot, with cause and summary."""
    from bootharness.diagnosis import judge

    return judge(boot_trace)


@pytest.fixture
def machine(
    request: pytest.FixtureRequest, disk_image: "DiskImage", boot_plan: BootPlan, _boots: _Boots
) -> Iterator["Machine"]:
    """A machine that is booting that disk image, unwatched: its serial line and QMP are the
    test's own."""
    from bootharness.host.workspace import Workspace
    from bootharness.machine.choice import chosen_machine
    from bootharness.machine.machine import Machine
    from bootharness.machine.qemu import Qemu
    from bootharness.routes.medium import Medium

    with Workspace() as workspace, Medium.of_disk(disk_image, boot_plan) as medium:
        config = chosen_machine(boot_plan.machine, narrow=medium.narrow)
        with Qemu(config, medium.device, workspace) as qemu, Machine(qemu) as live:
            medium.started(qemu.launched)
            medium.begin(live)
            request.node.stash[MACHINE] = live, _boots.new_folder()
            yield live


@pytest.fixture
def guest(kernel: "KernelImage", boot_plan: BootPlan) -> Iterator["Guest"]:
    """That kernel, up, with busybox and what the `boot` marker names: `run` a command and see its
    status and output, `put` and `get` files, `wait` for a command to succeed, `reboot`."""
    from bootharness.guests.guest import Guest

    with Guest(kernel, boot_plan) as live:
        yield live.ready()


@pytest.fixture
def guests(
    kernel: "KernelImage", boot_plan: BootPlan
) -> Iterator[Callable[[int], tuple["Guest", ...]]]:
    """As many of them on one wire as it is called with: `first, second = guests(2)`. They are
    guest1, guest2 and so on, 10.0.2.15 and on, and know each other's names."""
    from bootharness.guests.wired import wired_guests

    with ExitStack() as stack:
        yield lambda count: stack.enter_context(wired_guests(kernel, boot_plan, count))
