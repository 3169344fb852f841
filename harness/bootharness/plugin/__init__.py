"""The pytest plugin: fixtures that boot, one test id for each kernel build.

A test that asks for `kernel`, or for anything made of it, runs once for each kernel. All
tests of one kernel share one boot, unless a `boot` marker asks for another kind of boot;
only `machine` boots anew for each test. What keeps us from finding out skips the test.
"""

import shlex
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bootharness.errors import BootHarnessError, CouldNotFindOut, UsageError
from bootharness.plan import TRACERS, UNTIL, BootPlan, MachineConfig, NetPlan

# pytest loads this plugin wherever the package is installed: whoever does not boot does
# not wait for the imports of those who do
if TYPE_CHECKING:
    from bootharness.diagnosis import Judgement
    from bootharness.gate.matrix import Matrix
    from bootharness.kernels.image import KernelImage
    from bootharness.machine.machine import Machine
    from bootharness.routes.disk import DiskImage
    from bootharness.routes.loader import Loader
    from bootharness.trace.boot_trace import BootTrace

_SOURCE = "_kernel_source"
_LAST_CALLS = 6
_SERIAL_LINES = 12
_EVIDENCE_LINES = 16


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
    group.addoption(
        "--boot-debug",
        action="store_true",
        help="open the boot of a failing test in gdb, before what went wrong",
    )
    group.addoption(
        "--gate-baseline",
        metavar="SOURCE",
        help="the last good kernel: compare each kernel with it, in a test of its own",
    )
    parser.addini("kernels_toml", "table of kernel builds, relative to the root folder", default="")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """With pytest-xdist, distribute tests as below unless told otherwise."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadgroup"
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and refuse options that cannot be."""
    loader: Path | None = config.getoption("--boot-loader")
    if loader and not loader.is_file():
        raise pytest.UsageError(f"--boot-loader {loader}: no such file")
    if config.getoption("--boot-debug") and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--boot-debug needs the terminal, which the workers of -n have not")
    with _usage("options"):
        _plan(config)
    config.addinivalue_line(
        "markers",
        "boot(until, tracer, cmdline, initrd, timeout_s, memory_mib, machine_type, "
        "disk_interface, qemu, accelerator): how the test's kernel is booted",
    )
    config.addinivalue_line(
        "markers",
        "netboot(path, *faults, nic): from which network netboot_trace boots the test's kernel",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each kernel build."""
    if _SOURCE in metafunc.fixturenames:  # not for a `kernel` fixture that is somebody else's
        sources = _sources(metafunc.config)
        metafunc.parametrize(
            _SOURCE, list(sources.values()), ids=list(sources), indirect=True, scope="session"
        )


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Refuse markers that cannot be, before anything boots; add the gate's tests."""
    if config.getoption("--gate-baseline"):
        from bootharness.plugin.gate_items import gate_items

        items += gate_items(session, _gate_matrix(config), _sources(config))
    for item in items:
        for marker in item.iter_markers():
            with _usage(f"{item.nodeid}: @pytest.mark.{marker.name}"):
                if marker.name == "boot":
                    _with(_plan(config), marker)
                elif marker.name == "netboot":
                    _net_plan(marker)


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
    from bootharness.kernels.source import expand

    plan, loader = _plan(config), config.getoption("--boot-loader")
    with _usage("--gate-baseline"):
        [baseline] = expand(config.getoption("--gate-baseline"))
    return Matrix(
        kernels=(),
        baseline=baseline,
        loaders=(str(loader),) if loader else Matrix(()).loaders,
        memory_mib=(plan.machine.memory_mib,),
        until=plan.until,
        timeout_s=plan.timeout_s,
    )


def _sources(config: pytest.Config) -> dict[str, str]:
    """Return the single kernel sources by test id."""
    from bootharness.kernels.source import expand, known_kernels

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
    traces: dict[tuple[object, ...], tuple["BootTrace", Path]] = field(default_factory=dict)
    folders: Iterator[int] = field(default_factory=count)

    def new_folder(self) -> Path:
        """Make a folder for what one boot leaves."""
        folder = self.folder / f"boot-{next(self.folders)}"
        folder.mkdir()
        return folder


_TRACE = pytest.StashKey["BootTrace"]()
_PLAN = pytest.StashKey[BootPlan]()
_FOLDER = pytest.StashKey[Path]()
_MACHINE = pytest.StashKey[tuple["Machine", Path]]()


@pytest.fixture(scope="session")
def _boots(tmp_path_factory: pytest.TempPathFactory) -> _Boots:
    return _Boots(tmp_path_factory.mktemp("boots"))


@pytest.fixture(scope="session")
def stage1(pytestconfig: pytest.Config) -> "Loader":
    """The loader: ours, or the one of --boot-loader."""
    from bootharness.routes.loader import Loader

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
    from bootharness.kernels.source import fetch

    with _skipping():
        return fetch(_kernel_source)


@pytest.fixture
def boot_plan(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> BootPlan:
    """How to boot: the options, and over them the test's `boot` marker."""
    marker = request.node.get_closest_marker("boot")
    plan = _plan(pytestconfig)
    return _with(plan, marker) if marker else plan


def _plan(config: pytest.Config) -> BootPlan:
    loader = config.getoption("--boot-loader")
    return BootPlan(
        until=config.getoption("--boot-until") or ("banner" if loader else "init"),
        tracer=config.getoption("--boot-tracer"),
        machine=MachineConfig(memory_mib=config.getoption("--boot-memory")),
        timeout_s=config.getoption("--boot-timeout"),
    )


def _with(plan: BootPlan, marker: pytest.Mark) -> BootPlan:
    """Return the plan as a marker wants it. Raises UsageError for what it cannot want."""
    wanted = marker.kwargs
    machine = {each.name for each in fields(MachineConfig)}
    known = machine | {each.name for each in fields(BootPlan)} - {"machine", "net"}
    unknown = [*map(repr, marker.args), *sorted(set(wanted) - known)]
    if unknown:
        raise UsageError(f"{', '.join(unknown)}: known are {', '.join(sorted(known))}, by name")
    config = replace(plan.machine, **{key: wanted[key] for key in wanted if key in machine})
    rest = {key: value for key, value in wanted.items() if key not in machine}
    return replace(plan, machine=config, **rest)


@pytest.fixture
def disk_image(
    stage1: "Loader", kernel: "KernelImage", boot_plan: BootPlan, _boots: _Boots
) -> "DiskImage":
    """The disk image with that loader and that kernel. Nothing that boots changes it."""
    from bootharness.one_boot import build_disk

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
    from bootharness.one_boot import boot_disk

    key = (disk_image.path, boot_plan)
    if key not in _boots.traces:
        folder = _boots.new_folder()
        _boots.traces[key] = boot_disk(disk_image, boot_plan, keep=folder), folder
    return _seen(request, *_boots.traces[key], boot_plan)


@pytest.fixture
def netboot_trace(
    request: pytest.FixtureRequest, kernel: "KernelImage", boot_plan: BootPlan, _boots: _Boots
) -> "BootTrace":
    """All that was seen in one boot of that kernel from a network; one boot serves many tests."""
    from bootharness.one_boot import boot_net

    marker = request.node.get_closest_marker("netboot")
    plan = replace(boot_plan, net=_net_plan(marker) if marker else NetPlan())
    key = (kernel.source, kernel.sha256, plan)
    if key not in _boots.traces:
        folder = _boots.new_folder()
        _boots.traces[key] = boot_net(kernel, plan, keep=folder), folder
    return _seen(request, *_boots.traces[key], plan)


def _net_plan(marker: pytest.Mark) -> NetPlan:
    """Return the network as a marker wants it. Raises UsageError for what it cannot want."""

    def wanted(path: str = "ipxe", *faults: str, nic: str = "auto") -> NetPlan:
        return NetPlan(path, nic, faults)

    try:
        return wanted(*marker.args, **marker.kwargs)
    except TypeError as error:
        raise UsageError(f"give path, *faults, nic=: {error}") from error


def _seen(
    request: pytest.FixtureRequest, trace: "BootTrace", folder: Path, plan: BootPlan
) -> "BootTrace":
    request.node.stash[_TRACE] = trace
    request.node.stash[_FOLDER] = folder
    request.node.stash[_PLAN] = plan
    if trace.ending.cause:
        pytest.skip(f"{trace.ending.cause}: {trace.ending.detail}")
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
    from bootharness.machine.machine import Machine
    from bootharness.machine.qemu import Qemu
    from bootharness.one_boot import chosen_machine

    with _skipping(), Workspace() as workspace:
        config = chosen_machine(boot_plan.machine, disk_image.kernel)
        with Qemu(config, disk_image.path, workspace) as qemu, Machine(qemu) as live:
            request.node.stash[_MACHINE] = live, _boots.new_folder()
            yield live


class _usage:  # noqa: N801
    """Turns wrong input into pytest's usage error, which has no traceback."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, UsageError):
            raise pytest.UsageError(f"{self._what}: {error}") from error


class _skipping:  # noqa: N801 - reads as a statement
    """Turns what keeps us from finding out into a skip, wrong input into a plain failure."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, CouldNotFindOut):
            pytest.skip(f"{error.cause}: {error}")
        if isinstance(error, UsageError):
            pytest.fail(str(error), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a failing test its diagnosis, and every test of a boot its facts for JUnit."""
    trace = item.stash.get(_TRACE, None)
    if trace is None or call.when != "call":
        report = yield
        if call.when == "call" and report.failed and _MACHINE in item.stash:
            report.sections.append(("machine", _left_by_machine(*item.stash[_MACHINE])))
        return report
    from bootharness.diagnosis import judge

    judgement = judge(trace)
    item.user_properties += _properties(trace, judgement)
    report = yield
    if report.failed:
        left = _left(trace, item.stash[_PLAN], item.stash[_FOLDER])
        section = f"{_section(trace, judgement)}\n\n{left}"
        report.sections.append(("boot", section))
    return report


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """With --boot-debug, open the boot of a failing test in gdb."""
    if not (isinstance(node, pytest.Item) and node.config.getoption("--boot-debug")):
        return
    trace = node.stash.get(_TRACE, None)
    if trace is None:
        return
    capture = node.config.pluginmanager.getplugin("capturemanager")
    if capture:
        capture.suspend(in_=True)
    try:
        _debug(trace)
    finally:
        if capture:
            capture.resume()


def _debug(trace: "BootTrace") -> None:
    from bootharness.debug.prepare import prepare_trace
    from bootharness.debug.run import debug
    from bootharness.host.workspace import Workspace

    try:
        with Workspace() as workspace:
            prepared = prepare_trace(trace, None, workspace.path / "disk.img")
            print()
            debug(prepared, workspace, "plain")
    except BootHarnessError as error:
        print(f"--boot-debug: {error}")


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
    from bootharness.formats.bioscall import call_lines
    from bootharness.text import first_lines, last_lines, printable

    lines = [f"{judgement.verdict.upper()} {judgement.cause or ''}".strip()]
    lines += [printable(judgement.summary)]
    if judgement.diagnosis:
        evidence = first_lines(judgement.diagnosis.evidence, _EVIDENCE_LINES)
        lines += [f"  | {line}" for line in evidence]
    lines += ["", "last BIOS calls:"]
    lines += [f"  {line}" for line in call_lines(trace.bios_calls)][-_LAST_CALLS:]
    lines += ["", "serial line:"]
    lines += [f"  {line}" for line in last_lines(trace.serial, _SERIAL_LINES) or ["(nothing)"]]
    return "\n".join(lines)


def _left(trace: "BootTrace", plan: BootPlan, folder: Path) -> str:
    """Write down what a boot has left, once, and say where that is and how to see it again."""
    from bootharness.report.again import again
    from bootharness.watch.kept import keep_account

    missing = trace.post_mortem.missing if trace.post_mortem else ()
    if not (folder / "trace.json").exists():  # another test may have failed for the same boot
        missing += keep_account(trace, plan, folder)
    lines = [f"to see it again: {again(trace, plan, '--verbose')}"]
    if not trace.network:
        lines.append(f"in gdb: {shlex.join(['bootharness', 'debug', str(folder / 'trace.json')])}")
    lines.append(f"kept in {folder}")
    return "\n".join(lines + [f"not all of it: {'; '.join(missing)}"] * bool(missing))


def _left_by_machine(machine: "Machine", folder: Path) -> str:
    """Look at a machine that a test has to itself, write down what is seen, and say where."""
    from bootharness.machine.postmortem import post_mortem
    from bootharness.watch.kept import Folder, keep_evidence

    seen = post_mortem(machine)
    missing = keep_evidence(machine, b"", folder, alive=seen is not None)
    if seen:
        texts = Folder(folder)
        texts.write("registers.txt", f"{seen.registers}\n".encode())
        texts.write("screen.txt", f"{seen.screen}\n".encode())
        missing += seen.missing + texts.problems
    lines = [f"at 0x{seen.cpu.linear:06x} in {seen.cpu.mode} mode"] if seen else ["QEMU is gone"]
    lines.append(f"kept in {folder}")
    return "\n".join(lines + [f"not all of it: {'; '.join(missing)}"] * bool(missing))
