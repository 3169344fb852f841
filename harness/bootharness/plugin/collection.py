"""Which tests there are: one of each kernel build, and with xdist who runs them."""

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bootharness.errors import BootHarnessError
from bootharness.plan import BootPlan, chosen
from bootharness.plugin.options import (
    checked,
    marked_plan,
    network_plan,
    plan_of,
    usage_errors,
)

if TYPE_CHECKING:
    from bootharness.gate.matrix import Matrix

__all__ = ["SOURCE", "pytest_cmdline_main", "pytest_collection_modifyitems",
           "pytest_generate_tests", "pytest_xdist_make_scheduler"]  # fmt: skip

SOURCE = "_kernel_source"
"""The fixture that is parametrized with kernel sources."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """With pytest-xdist, distribute tests as below unless told otherwise."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadgroup"
    return (yield)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each kernel build."""
    if SOURCE in metafunc.fixturenames:  # not for a `kernel` fixture that is somebody else's
        sources = _sources(metafunc.config)
        metafunc.parametrize(
            SOURCE, list(sources.values()), ids=list(sources), indirect=True, scope="session"
        )


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Refuse markers that cannot be, before anything boots; add the gate's tests."""
    if config.getoption("--gate-baseline"):
        from bootharness.plugin.gate_tests import gate_items

        items += gate_items(session, _gate_matrix(config), _sources(config))
    for item in items:
        for marker in item.iter_markers():
            with usage_errors(f"{item.nodeid}: @pytest.mark.{marker.name}"):
                if marker.name == "boot":
                    checked(marked_plan(plan_of(config), marker))
                elif marker.name == "netboot":
                    checked(network_plan(_for_network(config, item), marker))


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

    kernels = sorted(_sources(config), key=len, reverse=True)

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
    with usage_errors("--gate-baseline"):
        [baseline] = route_of(plan).expand(config.getoption("--gate-baseline"))
    return Matrix((), baseline, {name: (value,) for name, value in chosen(plan).items()})


def _sources(config: pytest.Config) -> dict[str, str]:
    """Return the single kernel sources by test id."""
    from bootharness.kernels.source import known_kernels
    from bootharness.routes.table import route_of

    try:
        given: list[str] = config.getoption("--kernel")
        if not given:
            return {kernel.id: kernel.source for kernel in known_kernels(_kernels_toml(config))}
        expand = route_of(plan_of(config)).expand
        singles = [single for source in given for single in expand(source)]
    except BootHarnessError as error:
        raise pytest.UsageError(str(error)) from error
    if not singles:
        raise pytest.UsageError(f"{', '.join(given)}: there is no kernel to boot")
    short = Counter(map(_id, singles))
    return {_id(each) if short[_id(each)] == 1 else each: each for each in singles}


def _kernels_toml(config: pytest.Config) -> Path | None:
    named = config.getini("kernels_toml")
    if named:
        return config.rootpath / str(named)
    here = config.rootpath / "kernels.toml"
    return here if here.exists() else None


def _id(source: str) -> str:
    """Return a short id: the last part of a path, with what it is grown to."""
    head, separator, tail = source.rpartition("/")
    grown = head.rpartition(":")[0] if head.startswith("grow:") else ""
    return f"{grown}:{tail}" if separator and grown else tail if ":" not in head else source
