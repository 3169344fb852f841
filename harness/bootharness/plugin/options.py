"""What can be chosen about the boots of a test session: pytest's options, and markers.

pytest loads this plugin wherever the package is installed: whoever does not boot does not wait
for the imports of those who do.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest
from msgspec.structs import replace

from bootharness.errors import CouldNotFindOut, UsageError
from bootharness.plan import AUTO, OPTIONS, STAGE1, BootPlan, NetPlan, choose, firmwares
from bootharness.plan.option import Option, options_of

__all__ = ["brought_marked", "checked", "firmwares_of", "marked_plan", "network_plan",
           "not_found_out", "plan_of", "pytest_addoption", "pytest_configure", "spelling",
           "usage_errors"]  # fmt: skip

_PREFIX = "--boot-"
_OF_NETWORKS = tuple(each.name for each in options_of(NetPlan))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what can be chosen about the boots."""
    group = parser.getgroup("bootharness", "boot kernels under QEMU")
    group.addoption(
        "--kernel",
        action="append",
        default=[],
        metavar="SOURCE",
        help="kernel to boot: a bzImage, a folder or glob, deb:PACKAGE, "
        "grow:BYTES:SOURCE; may be repeated; without it those of the project's kernels.toml",
    )
    for option in OPTIONS.values():
        group.addoption(spelling(option), dest=_dest(option), **_how(option))
    group.addoption(
        "--boot-debug",
        action="store_true",
        help="open the boot of a failing test in gdb, before what went wrong",
    )
    for word, strict in (("--boot-strict", True), ("--no-boot-strict", False)):
        group.addoption(
            word,
            dest="boot_strict",
            action="store_const",
            const=strict,
            default=None,
            help="what could not be found out is a failure, so that nothing passes unproven: usual "
            "where CI is set"
            if strict
            else "what could not be found out is skipped: usual elsewhere",
        )
    group.addoption(
        "--gate-baseline",
        metavar="SOURCE",
        help="the last good kernel: compare each kernel with it, in a test of its own",
    )
    group.addoption(
        "--gate-still-failing",
        choices=("refuse", "accept"),
        default="refuse",
        help="what becomes of a kernel that fails as that one does; refuse is usual",
    )
    parser.addini(
        "kernels_toml",
        "table of kernel builds, relative to the root folder; kernels.toml if that is there",
        default="",
    )


def spelling(option: Option) -> str:
    """Return how an option of a plan is spelt as one of pytest's."""
    return _PREFIX + option.spelling.removeprefix("--")


def _dest(option: Option) -> str:
    return f"boot_{option.name}"


def _how(option: Option) -> dict[str, Any]:
    how: dict[str, Any] = {"default": None, "help": option.help.replace("%", "%%")}
    if option.kind is bool:
        return how | {"action": "store_true"}
    if option.repeated:
        how["action"] = "append"
    if option.choices:
        return how | {"choices": option.choices}
    return how | {"metavar": option.metavar or "VALUE", "type": {int: int, float: float}.get(
        option.kind, str)}  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and refuse options that cannot be."""
    if config.getoption("--boot-debug") and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--boot-debug needs the terminal, and -n takes it from the tests")
    plan = plan_of(config)
    if plan != BootPlan():
        with usage_errors("options"):
            checked(plan)
    config.addinivalue_line(
        "markers", f"boot({', '.join(OPTIONS)}): how the test's kernel is booted"
    )
    config.addinivalue_line(
        "markers",
        "netboot(route, *faults, root, servers, nic, ...): from which network netboot_trace boots "
        "the test's kernel, or which folder of boot files, or from which servers",
    )


def plan_of(config: pytest.Config) -> BootPlan:
    """Return the plan that the options make. Raises pytest.UsageError for what cannot be."""
    plan = BootPlan()
    for option in OPTIONS.values():
        value = config.getoption(_dest(option))
        if option.name == "firmware" and len(firmwares_of(config)) > 1:
            continue  # of which each test has one
        if value is not None:
            with usage_errors(spelling(option)):
                plan = choose(plan, {option.name: value})
    if given := config.getoption("--kernel"):
        from bootharness.routes.table import by_what_is_given  # who boots nothing does without

        if config.getoption(_dest(OPTIONS["route"])) is None:
            plan = by_what_is_given(plan, given)
    if plan.loader != STAGE1 and not Path(plan.loader).is_file():
        raise pytest.UsageError(f"--boot-loader {plan.loader}: no such file")
    return plan


def firmwares_of(config: pytest.Config) -> tuple[str, ...]:
    """Return the firmwares that each kernel is booted by."""
    return firmwares(config.getoption(_dest(OPTIONS["firmware"])) or AUTO)


def marked_plan(plan: BootPlan, marker: pytest.Mark) -> BootPlan:
    """Return a plan as a `boot` marker wants it. Raises UsageError for what it cannot want."""
    if marker.args:
        said = ", ".join(map(repr, marker.args))
        raise UsageError(f"{said}: known are {', '.join(OPTIONS)}, by name")
    return choose(plan, marker.kwargs)


def network_plan(plan: BootPlan, marker: pytest.Mark | None, config: pytest.Config) -> BootPlan:
    """Return a plan as a `netboot` marker wants it, from iPXE without one. Raises UsageError for
    what it cannot want."""
    from bootharness.routes.net_root import NET_ROOT  # who boots nothing does without
    from bootharness.routes.net_servers import NET_SERVER

    def wanted(
        route: str = "", *faults: str, root: str | None = None,
        servers: str | Sequence[str] | None = None, **options: Any,
    ) -> BootPlan:  # fmt: skip
        if unknown := [name for name in options if name not in _OF_NETWORKS]:
            known = ", ".join(("root", "servers", *_OF_NETWORKS))
            raise UsageError(f"{', '.join(unknown)}: known are {known}")
        if root is not None and servers is not None:
            raise UsageError("root and servers: give one of them")
        usual = NET_SERVER if servers is not None else "ipxe" if root is None else NET_ROOT
        if servers is not None:
            options["more_servers"] = _servers(servers, config)[1:]
        return choose(plan, {"faults": faults, **options, "route": route or usual})

    if marker is None:
        return wanted()
    try:
        return wanted(*marker.args, **marker.kwargs)
    except TypeError as error:
        raise UsageError(f"give route, *faults, root=, servers=, nic=: {error}") from error


def brought_marked(marker: pytest.Mark | None, config: pytest.Config) -> str | None:
    """Return the folder of boot files that a `netboot` marker names, seen from the root folder, or
    its first server; None without any."""
    if marker and (servers := marker.kwargs.get("servers")):
        return _servers(servers, config)[0]
    root = marker.kwargs.get("root") if marker else None
    return None if root is None else str(config.rootpath / str(root))


def _servers(given: str | Sequence[str], config: pytest.Config) -> tuple[str, ...]:
    """Return servers with their configurations seen from the root folder."""
    from bootharness.plan.net_server import NetServer

    found = []
    for each in [given] if isinstance(given, str) else given:
        server = NetServer.parse(each)
        if server.kind != "command":
            server = replace(server, what=str(config.rootpath / server.what))
        found.append(str(server))
    if not found:
        raise UsageError("servers: give one at least, as dnsmasq:FILE")
    return tuple(found)


def not_found_out(config: pytest.Config, why: str) -> NoReturn:
    """Skip a test that nothing was found out about; with --boot-strict, fail it."""
    strict = config.getoption("boot_strict")
    if strict is None:
        strict = os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
    if strict:
        pytest.fail(f"{why} (--no-boot-strict would skip it)", pytrace=False)
    pytest.skip(why)


def checked(plan: BootPlan) -> BootPlan:
    """Return a plan that is settled. Raises UsageError for what its route cannot do; what is not
    installed is for the boot to say."""
    from bootharness.routes.table import by_firmware, route_of

    plan = by_firmware(plan)
    route = route_of(plan)
    with suppress(CouldNotFindOut):
        plan = route.settled(plan)
        route.check(plan)
    return plan


class usage_errors:  # noqa: N801 - reads as a statement
    """Turns wrong input into pytest's usage error, which has no traceback."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, UsageError):
            raise pytest.UsageError(f"{self._what}: {error}") from error
