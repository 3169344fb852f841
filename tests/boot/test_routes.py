"""Routes as a whole: a new one is a file and a line, and each says how to boot the same again."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bootharness.gate.matrix import Matrix
from bootharness.host.cache import cache_dir
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.one_boot import boot
from bootharness.plan import STAGE1, BootPlan
from bootharness.predictor.limits import find_limits
from bootharness.predictor.predict import predict
from bootharness.routes.loader import Loader
from bootharness.routes.table import ROUTES
from tests.boot.test_debug import Terminal
from tests.support.builders import no_carry, patched_kernel
from tests.support.processes import COMMAND, REPOSITORY, run

TOY = '''\
"""The route ``late``: as mbr, with the kernel far behind its loader."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.plan import BootPlan
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import MBR
from bootharness.routes.medium import Medium

__all__ = ["LATE"]


@contextmanager
def _prepare(kernel: KernelImage, plan: BootPlan, workspace: Workspace) -> Iterator[Medium]:
    layout = DiskLayout.plan(
        Loader.named(plan.loader), kernel,
        cmdline=plan.cmdline, memory_bytes=plan.machine.memory_bytes, first_lba=40_000,
    )
    disk = layout.write(workspace.path / "disk.img")
    with Medium.of_disk(disk, plan) as medium:
        yield medium


LATE = replace(
    MBR,
    name="late",
    summary="as mbr, with the kernel far behind",
    blame="the distance",
    prepare=_prepare,
    until=lambda _plan: "setup",
    lay_out=None,
)
'''

USERS_TEST = """
def test_boots(boot_trace, boot_judgement):
    assert boot_judgement.verdict == "good", boot_judgement.summary
    assert boot_trace.route == "late"
    assert boot_trace.disk.kernel_lba > 40_000
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package that has one more route: a file, and two lines."""
    folder = tmp_path_factory.mktemp("harness")
    shutil.copytree(REPOSITORY / "harness", folder, dirs_exist_ok=True)
    shutil.copytree(REPOSITORY / "mbr", folder / "bootharness/mbr", dirs_exist_ok=True)
    shutil.copytree(REPOSITORY / "images", folder / "bootharness/images", dirs_exist_ok=True)
    (folder / "bootharness/routes/late.py").write_text(TOY)
    table = folder / "bootharness/routes/table.py"
    text = table.read_text()
    imported = "from bootharness.routes.grub import GRUB\n"
    added = text.replace(imported, f"{imported}from bootharness.routes.late import LATE\n")
    added = added.replace("DIRECT,", "DIRECT, LATE,")
    assert added.count("LATE") == 2
    table.write_text(added)
    return folder


def late(
    package: Path, folder: Path, *words: object, more: tuple[str, ...] = COMMAND
) -> subprocess.CompletedProcess[str]:
    """Run the command of that package, or another program with it, in a folder."""
    return subprocess.run(
        [*more, *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(package), "BOOTHARNESS_CACHE": str(cache_dir())},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_new_route_boots_and_says_how(package: Path, tmp_path: Path) -> None:
    listed = late(package, tmp_path, "routes").stdout
    assert re.search(r"^late +bios  as mbr, with the kernel far behind$", listed, re.MULTILINE)
    done = late(package, tmp_path, "boot", "--route", "late", "selfcheck:65536", "--json", "t.json")
    assert done.returncode == 0, done.stdout + done.stderr
    trace = json.loads((tmp_path / "t.json").read_text())
    assert (trace["route"], trace["until"]) == ("late", "setup")
    assert trace["disk"]["kernel_lba"] > 40_000
    refused = late(package, tmp_path, "boot", "--route", "late", "k", "--nic", "e1000")
    assert (refused.returncode, "the route late makes no use" in refused.stderr) == (129, True)


def test_a_new_route_is_an_axis_of_the_gate(package: Path, tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(
        'kernels = ["selfcheck:65536"]\nbaseline = "selfcheck:70000"\nuntil = "setup"\n'
        'route = ["mbr", "late"]\n'
    )
    words = ("gate", "--matrix", "gate.toml", "--history", "h", "--json", "g.json")
    done = late(package, tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    entries = json.loads((tmp_path / "g.json").read_text())["entries"]
    assert sorted(entry["way"] for entry in entries) == ["late", "late", "mbr", "mbr"]
    keys = {entry["key"] for entry in entries}
    assert len(keys) == 4
    assert "4 unchanged results reused" in late(package, tmp_path, *words).stdout


@pytest.mark.long
def test_a_new_route_is_bisected_by(package: Path, tmp_path: Path) -> None:
    loader = no_carry(tmp_path)
    done = late(
        package, tmp_path, "bisect", "grow:15735808..15735840:selfcheck:100000",
        "--route", "late", "--loader", loader, "--log", "log", "--history", "h",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15,735,824" in done.stdout
    assert "destination-wrapped" in done.stdout


def test_a_new_route_is_debugged(package: Path, tmp_path: Path) -> None:
    gdb = Terminal(
        *COMMAND, "debug", "selfcheck:65536", "--route", "late", "--at", "handoff",
        "--keep", "kept", cwd=tmp_path, PYTHONPATH=str(package),
    )  # fmt: skip
    assert "handoff" in gdb.prompt()
    gdb.leave()
    assert (tmp_path / "kept/disk.img").stat().st_size > 40_000 * 512


def test_a_new_route_is_one_of_pytests(package: Path, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(USERS_TEST)
    python = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q")
    words = ("--kernel", "selfcheck:65536", "--boot-route", "late", "--boot-until", "setup")
    done = late(package, tmp_path, *words, more=python)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def options_that_fail(route: str, folder: Path, debian: str) -> tuple[str, ...]:
    """Return a source and options with which a boot by a route is bad."""
    if route.endswith("-server"):
        silent = folder / "a silent's.conf"
        silent.write_text("port=0\nno-ping\ndhcp-range=192.168.50.10,192.168.50.20\n")
        return (f"dnsmasq:{silent}",)
    if ROUTES[route].boots_folder:
        (folder / "bootx64.efi").write_bytes(b"nothing")
        (folder / "pxelinux.0").write_bytes(b"nothing")
        return str(folder), "--net-fault", "no-filename"
    if ROUTES[route].from_network:
        source = debian if ROUTES[route].firmware == "uefi" else "selfcheck:65536"
        return source, "--net-fault", "no-filename"
    if route in ("disk", "uefi-disk"):
        blank = folder / "a blank's.img"
        blank.write_bytes(bytes(1 << 20))
        return (str(blank),)
    short = patched_kernel(
        selfcheck_kernel(4096), folder / "vmlinuz 'short'", size=4, syssize=100_000
    )
    return str(short), "--cmdline", "console=ttyS0 it's"


@pytest.mark.long
@pytest.mark.sample(8)
@pytest.mark.parametrize("route", ROUTES)
def test_a_failing_cell_of_every_route_says_how_to_boot_it_again(
    route: str, debian: str, tmp_path: Path
) -> None:
    source, *options = options_that_fail(route, tmp_path, debian)
    if route in ("disk", "uefi-disk"):
        options = []
    gate = run(
        "gate", source, "--route", route, *options, "--history", tmp_path / "h", "--attempts", 1
    )
    if "tool-missing" in gate.stdout:
        pytest.skip(gate.stdout)
    assert gate.returncode == 1, gate.stdout + gate.stderr
    [command] = re.findall(r"^ +reproduce: (.*)$", gate.stdout, re.MULTILINE)
    [cause] = re.findall(r"^     ([a-z-]+): ", gate.stdout, re.MULTILINE)[:1]
    name, *words = shlex.split(command)
    assert name == "bootharness"
    again = run(*words)
    assert again.returncode == 1, again.stdout + again.stderr
    assert again.stdout.startswith(f"BAD  {source}")
    assert f"     {cause}: " in again.stdout


@pytest.mark.parametrize(
    ("carries", "until"),
    [pytest.param(True, "init", marks=pytest.mark.long), (False, "banner")],
)
def test_all_agree_on_how_far_a_boot_must_come(carries: bool, until: str, tmp_path: Path) -> None:
    loader = STAGE1 if carries else str(no_carry(tmp_path))
    kernel, plan = "selfcheck:65536", BootPlan(loader=loader)
    assert boot(kernel, plan).until == until
    assert {cell.plan.until for cell in Matrix((kernel,), None, {"loader": (loader,)}).cells()} == {
        until
    }
    # a prediction ends at the entry; what it lays out is what a boot would
    predicted = predict(kernel, plan)
    assert predicted.disk
    assert (predicted.disk.initrd_bytes is not None) is carries
    limits = {each.part: each for each in find_limits(Loader.named(loader), parts=("initrd",))}
    assert ("initrd" in limits) is carries
