"""The pytest plugin: fixtures that boot, one test id for each kernel build.

A test that asks for `kernel`, or for anything made of it, runs once for each kernel. All
tests of one kernel share one boot, unless a `boot` marker asks for another kind of boot;
only `machine` boots anew for each test. What keeps us from finding out skips the test.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import BootHarnessError, CouldNotFindOut
from harness.plan import TRACERS, UNTIL, BootPlan, MachineConfig, NetPlan

# pytest loads this plugin wherever the package is installed: whoever does not boot does
# not wait for the imports of those who do
if TYPE_CHECKING:
    from harness.diagnosis import Judgement
    from harness.disk import DiskImage
    from harness.kernel import KernelImage
    from harness.loader import Loader
    from harness.machine.machine import Machine
    from harness.trace import BootTrace

_SOURCE = "_kernel_source"
_LAST_CALLS = 6
_SERIAL_LINES = 12


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what can be chosen about the boots."""
    group = parser.getgroup("bootharness", "boot kernels under QEMU")
    group.addoption(
        "--kernel",
        action="append",
        default=[],
        metavar="SOURCE",
        help="kernel to boot: a bzImage, a folder or glob, deb:PACKAGE, "
        "grow:BYTES:SOURCE; may be repeated; without it those of kernels.toml",
    )
    group.addoption(
        "--boot-loader",
        type=Path,
        metavar="FILE",
        help="loader in place of stage1: .asm, .elf or a flat binary",
    )
    group.addoption(
        "--boot-until",
        choices=UNTIL,
        default=None,
        help="how far a boot must come (default: init, with --boot-loader banner)",
    )
    group.addoption(
        "--boot-tracer",
        choices=TRACERS,
        default="recorder",
        help="who watches the BIOS calls (default: recorder)",
    )
    group.addoption(
        "--boot-memory",
        type=int,
        default=MachineConfig().memory_mib,
        metavar="MIB",
        help="memory of the machine (default: 512)",
    )
    group.addoption("--boot-timeout", type=float, default=BootPlan().timeout_s, metavar="SECONDS",
                    help="time limit of one boot (default: 60)")  # fmt: skip
    parser.addini("kernels_toml", "table of kernel builds, relative to the root folder", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line(
        "markers",
        "boot(until, tracer, cmdline, initrd, timeout_s, memory_mib, machine_type, "
        "disk_interface, qemu, accelerator): how the test's kernel is booted",
    )
    config.addinivalue_line(
        "markers",
        "netboot(path, *faults, nic): from which network netboot_trace boots the test's kernel",
    )
    config.addinivalue_line("markers", "xdist_group(name): tests for one worker of pytest-xdist")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each kernel build."""
    if _SOURCE in metafunc.fixturenames:  # not for a `kernel` fixture that is somebody else's
        sources = _sources(metafunc.config)
        metafunc.parametrize(
            _SOURCE, list(sources.values()), ids=list(sources), indirect=True, scope="session"
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one kernel on one worker: with `--dist loadgroup` they share a boot."""
    for item in items:
        spec = getattr(item, "callspec", None)
        if spec and _SOURCE in spec.params:
            item.add_marker(pytest.mark.xdist_group(str(spec.params[_SOURCE])))


def _sources(config: pytest.Config) -> dict[str, str]:
    """Return the single kernel sources by test id."""
    from harness.source import expand, known_kernels

    try:
        given: list[str] = config.getoption("--kernel")
        if not given:
            return {kernel.id: kernel.source for kernel in known_kernels(_kernels_toml(config))}
        singles = [single for source in given for single in expand(source)]
    except BootHarnessError as error:
        raise pytest.UsageError(str(error)) from error
    return {_id(single): single for single in singles}


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


@dataclass
class _Boots:
    """The disk images and boots of this session."""

    folder: Path
    images: dict[tuple[object, ...], "DiskImage"] = field(default_factory=dict)
    traces: dict[tuple[object, ...], "BootTrace"] = field(default_factory=dict)


_TRACE = pytest.StashKey["BootTrace"]()


@pytest.fixture(scope="session")
def _boots(tmp_path_factory: pytest.TempPathFactory) -> _Boots:
    return _Boots(tmp_path_factory.mktemp("boots"))


@pytest.fixture(scope="session")
def stage1(pytestconfig: pytest.Config) -> "Loader":
    """The loader: ours, or the one of --boot-loader."""
    from harness.loader import Loader

    given: Path | None = pytestconfig.getoption("--boot-loader")
    with _skipping():
        return Loader.read(given) if given else Loader.stage1()


@pytest.fixture(scope="session")
def _kernel_source(request: pytest.FixtureRequest) -> str:
    source: str = request.param
    return source


@pytest.fixture(scope="session")
def kernel(_kernel_source: str) -> "KernelImage":
    """One kernel build of --kernel or of kernels.toml."""
    from harness.source import fetch

    with _skipping():
        return fetch(_kernel_source)


@pytest.fixture
def boot_plan(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> BootPlan:
    """How to boot: the options, and over them the test's `boot` marker."""
    loader = pytestconfig.getoption("--boot-loader")
    plan = BootPlan(
        until=pytestconfig.getoption("--boot-until") or ("banner" if loader else "init"),
        tracer=pytestconfig.getoption("--boot-tracer"),
        machine=MachineConfig(memory_mib=pytestconfig.getoption("--boot-memory")),
        timeout_s=pytestconfig.getoption("--boot-timeout"),
    )
    marker = request.node.get_closest_marker("boot")
    return _with(plan, marker.kwargs) if marker else plan


def _with(plan: BootPlan, wanted: dict[str, Any]) -> BootPlan:
    machine = {each.name for each in fields(MachineConfig)}
    known = machine | {each.name for each in fields(BootPlan)} - {"machine", "net"}
    if unknown := set(wanted) - known:
        raise pytest.UsageError(
            f"@pytest.mark.boot: {', '.join(sorted(unknown))}: known are {', '.join(sorted(known))}"
        )
    config = replace(plan.machine, **{key: wanted[key] for key in wanted if key in machine})
    rest = {key: value for key, value in wanted.items() if key not in machine}
    return replace(plan, machine=config, **rest)


@pytest.fixture
def disk_image(
    stage1: "Loader", kernel: "KernelImage", boot_plan: BootPlan, _boots: _Boots
) -> "DiskImage":
    """The disk image with that loader and that kernel. Nothing that boots changes it."""
    from harness.boot import build_disk

    key = (kernel.source, kernel.sha256, stage1.binary, boot_plan)
    if key not in _boots.images:
        path = _boots.folder / f"disk-{len(_boots.images)}.img"
        _boots.images[key] = build_disk(path, kernel, stage1, boot_plan)
    return _boots.images[key]


@pytest.fixture
def boot_trace(
    request: pytest.FixtureRequest, disk_image: "DiskImage", boot_plan: BootPlan, _boots: _Boots
) -> "BootTrace":
    """All that was seen in one boot of that disk image; one boot serves many tests."""
    from harness.boot import boot_disk

    key = (disk_image.path, boot_plan)
    if key not in _boots.traces:
        _boots.traces[key] = boot_disk(disk_image, boot_plan)
    return _seen(request, _boots.traces[key])


@pytest.fixture
def netboot_trace(
    request: pytest.FixtureRequest, kernel: "KernelImage", boot_plan: BootPlan, _boots: _Boots
) -> "BootTrace":
    """All that was seen in one boot of that kernel from a network; one boot serves many tests."""
    from harness.boot import boot_net

    marker = request.node.get_closest_marker("netboot")
    plan = replace(boot_plan, net=_net_plan(*marker.args, **marker.kwargs) if marker else NetPlan())
    key = (kernel.source, kernel.sha256, plan)
    if key not in _boots.traces:
        _boots.traces[key] = boot_net(kernel, plan)
    return _seen(request, _boots.traces[key])


def _net_plan(path: str = "ipxe", *faults: str, nic: str = "auto") -> NetPlan:
    return NetPlan(path, nic, faults)


def _seen(request: pytest.FixtureRequest, trace: "BootTrace") -> "BootTrace":
    request.node.stash[_TRACE] = trace
    if trace.ending.cause:
        pytest.skip(f"{trace.ending.cause}: {trace.ending.detail}")
    return trace


@pytest.fixture
def boot_judgement(boot_trace: "BootTrace") -> "Judgement":
    """The verdict on that boot, with cause and summary."""
    from harness.diagnosis import judge

    return judge(boot_trace)


@pytest.fixture
def machine(disk_image: "DiskImage", boot_plan: BootPlan) -> Iterator["Machine"]:
    """A machine that is booting that disk image, unwatched: its serial line and QMP are the
    test's own."""
    from harness.boot import chosen_machine
    from harness.machine.machine import Machine
    from harness.machine.qemu import Qemu
    from harness.machine.workspace import Workspace

    with _skipping(), Workspace() as workspace:
        config = chosen_machine(boot_plan.machine, disk_image.kernel)
        with Qemu(config, disk_image.path, workspace) as qemu, Machine(qemu) as live:
            yield live


class _skipping:  # noqa: N801 - reads as a statement
    """Turns what keeps us from finding out into a skip with its reason."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, CouldNotFindOut):
            pytest.skip(f"{error.cause}: {error}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a failing test its diagnosis, and every test of a boot its facts for JUnit."""
    report = yield
    trace = item.stash.get(_TRACE, None)
    if trace is None or report.when != "call":
        return report
    from harness.diagnosis import judge

    judgement = judge(trace)
    report.user_properties += _properties(trace, judgement)
    if report.failed:
        report.sections.append(("boot", _section(trace, judgement)))
    return report


def _properties(trace: "BootTrace", judgement: "Judgement") -> list[tuple[str, str]]:
    facts: dict[str, object] = {"verdict": judgement.verdict, "cause": judgement.cause or ""}
    if trace.kernel:
        facts |= {
            "kernel_release": trace.kernel.release,
            "kernel_sha256": trace.kernel.sha256,
            "kernel_payload_bytes": trace.kernel.payload_bytes,
        }
    if trace.machine:
        facts |= {
            "qemu_version": trace.machine.qemu_version,
            "accelerator": trace.machine.accelerator,
        }
    return [(f"boot_{name}", str(value)) for name, value in facts.items()]


def _section(trace: "BootTrace", judgement: "Judgement") -> str:
    from harness.text import last_lines, printable

    lines = [f"{judgement.verdict.upper()} {judgement.cause or ''}".strip()]
    lines += [printable(judgement.summary)]
    if judgement.diagnosis:
        lines += [f"  | {printable(line)}" for line in judgement.diagnosis.evidence]
    lines += ["", "last BIOS calls:"]
    lines += [f"  {call}" for call in trace.bios_calls[-_LAST_CALLS:]]
    lines += ["", "serial line:"]
    lines += [f"  {line}" for line in last_lines(trace.serial, _SERIAL_LINES)]
    lines += ["", f"to see it again: {_again(trace)}"]
    return "\n".join(lines)


def _again(trace: "BootTrace") -> str:
    import shlex

    loader = trace.loader.name if trace.loader and trace.loader.name != "stage1" else None
    network = []
    if trace.network:
        network = ["--net", trace.network.path, "--nic", trace.network.nic]
        network += [f"--net-fault={fault}" for fault in trace.network.faults]
    return shlex.join(
        ["bootharness", "boot", trace.source, "--until", trace.until, "--verbose"]
        + (["--loader", loader] if loader else [])
        + network
    )
