"""Which tests there are: one of each kernel build, and with xdist who runs them."""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bootharness.errors import CouldNotFindOut, UsageError
from bootharness.plan import BootPlan, chosen
from bootharness.plugin.options import (
    brought_marked,
    checked,
    firmwares_of,
    marked_plan,
    network_plan,
    plan_of,
    usage_errors,
)
from bootharness.plugin.sources import NO_KERNEL, sources

if TYPE_CHECKING:
    from bootharness.gate.matrix import Matrix

__all__ = [
    "SOURCE",
    "pytest_cmdline_main",
    "pytest_collection_modifyitems",
    "pytest_generate_tests",
    "pytest_testnodedown",
    "pytest_xdist_make_scheduler",
]

SOURCE = "_kernel_source"
"""The fixture that is parametrized with kernel sources; the source is None where there are none,
for a test that is left out without a word has not passed."""
_FIRMWARE = "_boot_firmware"
_NO_KERNEL_ID = "no-kernel"
_REFUSED = "bootharness_refused"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """With pytest-xdist, distribute tests as below unless told otherwise."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadgroup"
    return (yield)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each kernel build, and of each firmware where several are asked for."""
    if _FIRMWARE in metafunc.fixturenames and len(names := firmwares_of(metafunc.config)) > 1:
        metafunc.parametrize(_FIRMWARE, names, indirect=True)
    if SOURCE in metafunc.fixturenames:  # not for a `kernel` fixture that is somebody else's
        marker = metafunc.definition.get_closest_marker("netboot")
        brought = brought_marked(marker, metafunc.config)
        kernels: dict[str, str | None] = {**sources(metafunc.config)} or {_NO_KERNEL_ID: None}
        if brought:
            kernels = {Path(brought).name: brought}
        metafunc.parametrize(
            SOURCE, list(kernels.values()), ids=list(kernels), indirect=True, scope="session"
        )


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Refuse markers that cannot be, before anything boots; add the gate's tests."""
    try:
        _add_and_check(session, config, items)
    except pytest.UsageError as error:
        output = getattr(config, "workeroutput", None)
        if output is None:
            raise
        output[_REFUSED] = str(error)  # an exception here is an internal error of pytest-xdist
        items.clear()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """With pytest-xdist, refuse what a worker has refused."""
    if refused := getattr(node, "workeroutput", {}).get(_REFUSED):
        raise pytest.UsageError(refused)


def _add_and_check(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    if config.getoption("--gate-baseline"):
        from bootharness.plugin.gate_tests import gate_items

        if not (kernels := sources(config)):
            raise pytest.UsageError(f"--gate-baseline: {NO_KERNEL}")
        items += gate_items(session, _gate_matrix(config), kernels)
    for item in items:
        for marker in item.iter_markers():
            with usage_errors(f"{item.nodeid}: @pytest.mark.{marker.name}"):
                if marker.name == "boot":
                    checked(marked_plan(plan_of(config), marker))
                elif marker.name == "netboot":
                    plan = checked(network_plan(_for_network(config, item), marker, config))
                    if brought := brought_marked(marker, config):
                        _check_brought(brought, plan, marker)


def _check_brought(brought: str, plan: BootPlan, marker: pytest.Mark) -> None:
    from bootharness.routes.net_servers import NET_SERVERS
    from bootharness.routes.table import route_of

    route = route_of(plan)
    if marker.kwargs.get("servers"):
        if route not in NET_SERVERS:
            raise UsageError(f"servers {brought}: the route {route.name} has no servers")
    elif not route.boots_folder:
        raise UsageError(f"root {brought}: the route {route.name} boots a kernel")
    route.expand(brought)


def _for_network(config: pytest.Config, item: pytest.Item) -> BootPlan:
    """Return the plan of a test that boots from a network, without what only disks have."""
    from bootharness.plugin.fixtures import without_disk

    boot = item.get_closest_marker("boot")
    plan = plan_of(config)
    return without_disk(marked_plan(plan, boot) if boot else plan)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With pytest-xdist, give all tests of one kernel to one worker: they share its boot.

    By the tests' ids: an `xdist_group` is lost between pytest 9.2 and pytest-xdist 3.8.
    """
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    kernels = sorted(sources(config), key=len, reverse=True)

    class ByKernel(LoadGroupScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            parameters = nodeid.partition("[")[2]
            found = (kernel for kernel in kernels if kernel in parameters)
            scope: str = super()._split_scope(nodeid)
            return next(found, scope)

    return ByKernel(config, log)


def _gate_matrix(config: pytest.Config) -> "Matrix":
    """Return how the gate's kernels are booted: as the options say."""
    from bootharness.gate.matrix import Matrix
    from bootharness.routes.table import route_of

    plan = plan_of(config)
    given = config.getoption("--gate-baseline")
    try:
        with usage_errors("--gate-baseline"):
            baselines = route_of(plan).expand(given)
    except CouldNotFindOut as error:
        raise pytest.UsageError(f"--gate-baseline: {error}") from error
    if len(baselines) != 1:
        raise pytest.UsageError(
            f"--gate-baseline {given}: {len(baselines)} kernels, and one is wanted"
        )
    [baseline] = baselines
    axes = {name: (value,) for name, value in chosen(plan).items()}
    return Matrix((), baseline, {**axes, "firmware": firmwares_of(config)})
