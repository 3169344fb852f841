"""The benches: what is measured on each side of a pair, and what is wanted of it."""

import multiprocessing
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from bootharness.errors import LaunchFailed, ToolMissing
from bootharness.kernels.image import KernelImage
from bootharness.plan import DEFAULT_CMDLINE, BootPlan
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from tests.bench.bare import boot_bare, peak_bytes
from tests.bench.figures import Row
from tests.bench.gates import gate_benches
from tests.bench.pairs import Bench
from tests.bench.results import many_benches
from tests.bench.scene import FAILING, MOVES, Scene

__all__ = ["benches"]

_BANNER = b"Linux version"
_BOOTS = 12
_CLI_S = 120.0


def benches(scene: Scene) -> tuple[Bench, ...]:
    """Return all benches, in the order of the table."""
    banner, setup = BootPlan(until="banner"), BootPlan(until="setup")
    by_gdb = BootPlan(until="setup", tracer="gdb")
    return (
        Bench(
            "traced",
            (
                lambda: {"traced": _timed(lambda: scene.boot(scene.good, banner))},
                lambda: {"bare": boot_bare(scene.machine, scene.good.path, sign=_BANNER)},
            ),
            (
                Row("traced boot to the banner",
                    "traced", "bare", "ratio", goal=1.1),
            ),
        ),
        Bench(
            "recorder",
            (
                lambda: {
                    "recorder": boot_bare(
                        scene.machine, scene.good.path, sign=_BANNER, rom=scene.rom
                    )
                },
                lambda: {"bare": boot_bare(scene.machine, scene.good.path, sign=_BANNER)},
            ),
            (Row("recorder alone, to the banner", "recorder", "bare", "ratio", goal=1.08),),
        ),
        Bench(
            "gdb",
            (
                lambda: {"gdb": _timed(lambda: scene.boot(scene.many_moves, by_gdb))},
                lambda: {"recorder": _timed(lambda: scene.boot(scene.many_moves, setup))},
            ),
            (
                Row(f"gdb tracer, {MOVES} block moves",
                    "gdb", "recorder", "difference", goal=1.0),
            ),
        ),
        Bench(
            "failed",
            (
                lambda: {"command": _failed_boot(scene.no_carry)},
                lambda: {"bare": boot_bare(scene.machine, scene.failing.path)},
            ),
            (
                Row("failed boot, command to verdict", "command", goal=0.5),
                Row("failed boot, outside of the guest", "command", "bare", "difference"),
            ),
        ),
        Bench(
            "image",
            (partial(_image, scene),),
            (
                Row("disk image, 64 MiB kernel", "seconds", goal=0.05),
                Row("disk image, peak memory", "bytes", unit="bytes", goal=30e6),
            ),
        ),
        Bench(
            "help",
            (
                lambda: {"help": _timed(lambda: _command("--help", status=0))},
                lambda: {"python": _timed(lambda: _run([sys.executable, "-c", ""], status=0))},
            ),
            (Row("bootharness --help", "help", "python", goal=0.15),),
        ),
        Bench(
            "parallel",
            (
                lambda: {"serial": _timed(lambda: _boots(scene, setup, workers=1))},
                lambda: {"parallel": _timed(lambda: _boots(scene, setup, workers=2))},
            ),
            (
                Row(f"{_BOOTS} boots in a row, with 2 workers",
                    "serial", "parallel", "ratio", goal=1.6, at_least=True),
            ),
        ),
        *gate_benches(scene, _command),
        *many_benches(scene),
    )  # fmt: skip


def _timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _failed_boot(loader: Path) -> float:
    began = time.monotonic()
    said = _command("boot", FAILING, "--loader", str(loader), status=1)
    seconds = time.monotonic() - began
    if "destination-wrapped" not in said:
        raise LaunchFailed(f"the failing boot has another cause: {said}")
    return seconds


def _command(*arguments: str, status: int) -> str:
    command = Path(sysconfig.get_path("scripts"), "bootharness")
    if not command.exists():
        raise ToolMissing(f"{command} is missing: install the project (`make setup`)")
    return _run([str(command), *arguments], status=status)


def _run(argv: list[str], *, status: int) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_CLI_S, check=False)
    except subprocess.TimeoutExpired:
        raise LaunchFailed(f"{argv} took longer than {_CLI_S:.0f} s") from None
    if done.returncode != status:
        raise LaunchFailed(f"{argv} ended with status {done.returncode}: {done.stderr}")
    return done.stdout


def _boots(scene: Scene, plan: BootPlan, *, workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(scene.boot, scene.good, plan) for _ in range(_BOOTS)]:
            done.result()


def _image(scene: Scene) -> dict[str, float]:
    """Build the image in a process of its own, whose memory nothing else has used."""
    target = scene.folder / "large.img"
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_build, target, Loader.stage1(), scene.large).result()


def _build(target: Path, loader: Loader, kernel: KernelImage) -> dict[str, float]:
    target.unlink(missing_ok=True)
    before = peak_bytes()
    seconds = _timed(
        lambda: DiskLayout.plan(
            loader, kernel, cmdline=DEFAULT_CMDLINE, memory_bytes=512 << 20
        ).write(target)
    )
    return {"seconds": seconds, "bytes": peak_bytes() - before}
