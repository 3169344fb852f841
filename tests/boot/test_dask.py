"""Boots by the workers of a Dask cluster: the same as here, whatever becomes of a worker."""

import os
import shutil
import signal
import sqlite3
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

pytest.importorskip("distributed")

from bootharness.diagnosis.verdict import Verdict
from bootharness.plan import BootPlan, choose
from bootharness.routes.table import ROUTES
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.remote import errands
from bootharness.runs.remote.dask_workers import DaskWorkers
from bootharness.runs.result import CellResult
from bootharness.runs.runner import limit_s, run_cells
from bootharness.runs.workers import LocalWorkers
from tests.boot.test_net_root import folder_of
from tests.support.builders import no_carry
from tests.support.cluster import Cluster
from tests.support.processes import (
    COMMAND,
    REPOSITORY,
    environment,
    eventually,
    processes_with,
    run,
)

SETUP = BootPlan(until="setup")


def kernels(number: int) -> list[Cell]:
    return [Cell(f"selfcheck:{65536 + 16 * each}", SETUP) for each in range(number)]


pytestmark = [pytest.mark.xdist_group("dask"), pytest.mark.sample(2)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two workers, which keep what is sent in one place."""
    with Cluster() as started:
        started.worker("one", BOOTHARNESS_CACHE=str(started.folder / "cache"))
        started.worker("two", BOOTHARNESS_CACHE=str(started.folder / "cache"))
        started.has(2)
        yield started


@pytest.fixture
def dask(cluster: Cluster) -> Iterator[DaskWorkers]:
    with DaskWorkers(cluster.address) as workers:
        yield workers


def ends(results: Sequence[CellResult]) -> dict[Cell, object]:
    """Return what came of each cell, and what was said of it, without what differs from boot to
    boot."""
    return {
        each.cell: (
            each.key,
            each.verdict,
            each.decisive.cause,
            each.decisive.facts.sha256,
            # packets are not the same ones from boot to boot
            () if ROUTES[each.cell.plan.route].from_network else (*each.decisive.facts.milestones,),
            "" if each.verdict is Verdict.GOOD else each.decisive.sentence,
        )
        for each in results
    }


@pytest.mark.long
def test_every_cell_comes_to_the_same_end_as_here(
    dask: DaskWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loaders").mkdir()
    loader = no_carry(Path("loaders"))
    initrd = Path("my initrd")
    initrd.write_bytes(b"070701" + bytes(5000))
    folder_of(Path("boot server"))
    shutil.copy(REPOSITORY / "mbr/stage1.asm", "own.asm")

    def cell(kernel: str, **options: object) -> Cell:
        return Cell(kernel, choose(SETUP, options))

    cells = [
        cell("selfcheck:17000000", loader=str(loader), until="banner"),
        cell("grow:300000:boot server/boot/vmlinuz", loader="own.asm", initrd=str(initrd)),
        cell("boot server", route="net-root"),
        cell("boot server", route="net-root", bootfile="boot/vmlinuz"),
        cell(str(tmp_path / "boot server/boot/vmlinuz"), route="direct"),
        cell("boot server/boot.ipxe"),
    ]
    with LocalWorkers(1, limit_s=limit_s(cells)) as here:
        expected = ends([*run_cells(cells, here, None)])
    with History(tmp_path / "history") as history:
        results = [*run_cells(cells, dask, history)]
    found = ends(results)
    assert found == expected
    assert {verdict for _, verdict, *_ in expected.values()} == {Verdict.GOOD, Verdict.BAD}
    for trace, picture in sqlite3.connect(tmp_path / "history").execute(
        "SELECT trace, picture FROM attempt"
    ):
        for text in (zlib.decompress(each) for each in (trace, picture) if each):
            assert b"/sent/" not in text


WAYS = (
    {"route": "mbr"},
    {"route": "direct"},
    {"route": "grub"},
    {"route": "ipxe-http"},
    {"route": "mbr", "memory_mib": 16},
    {"route": "mbr", "disk_interface": "virtio"},
    {"route": "mbr", "machine_type": "q35", "smp": 2},
    {"route": "mbr", "disk_faults": "error:lba=2100"},
    {"route": "pxelinux"},
    {"route": "direct", "until": "never printed", "idle_s": 1.0},
)


@pytest.mark.long
@pytest.mark.sample(10)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))
def test_two_hundred_cells_come_to_the_same_ends(
    dask: DaskWorkers, tmp_path: Path, way: dict[str, object]
) -> None:
    plan = choose(SETUP, way)
    sizes = (65536, 1_000_000, 15_735_808, 15_735_824, 17_000_000)
    cells = [Cell(f"selfcheck:{size + 16 * each}", plan) for size in sizes for each in range(4)]
    with LocalWorkers(1, limit_s=limit_s(cells)) as here:
        expected = ends([*run_cells(cells, here, None)])
    assert ends([*run_cells(cells, dask, None)]) == expected


def verdicts(results: Sequence[CellResult]) -> list[Verdict]:
    return [each.verdict for each in results]


@pytest.mark.long
def test_what_is_sent_is_sent_once_and_again_where_it_was_damaged(
    cluster: Cluster, dask: DaskWorkers, tmp_path: Path
) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"070701" + os.urandom(9 << 20))
    cells = [replace(each, plan=choose(SETUP, {"initrd": str(initrd)})) for each in kernels(4)]
    assert verdicts([*run_cells(cells, dask, None)]) == [Verdict.GOOD] * 4
    assert dask.sent_bytes == initrd.stat().st_size
    [kept] = [each for each in (cluster.folder / "cache/sent").iterdir()
              if each.stat().st_size == initrd.stat().st_size and "-" not in each.name]  # fmt: skip
    kept.chmod(0o600)
    with kept.open("r+b") as file:
        file.write(b"another")
    assert verdicts([*run_cells(cells, dask, None)]) == [Verdict.GOOD] * 4
    assert dask.sent_bytes == 2 * initrd.stat().st_size
    with DaskWorkers(cluster.address) as later:
        assert verdicts([*run_cells(cells, later, None)]) == [Verdict.GOOD] * 4
        assert later.sent_bytes == 0


@pytest.mark.long
def test_what_is_large_is_passed_on_from_worker_to_worker(cluster: Cluster, tmp_path: Path) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"070701" + os.urandom(9 << 20))
    cells = [replace(each, plan=choose(SETUP, {"initrd": str(initrd)})) for each in kernels(6)]
    with cluster.joined(cluster.worker("three")), DaskWorkers(cluster.address) as workers:
        assert verdicts([*run_cells(cells, workers, None)]) == [Verdict.GOOD] * 6
        sent = workers.sent_bytes, workers.passed_bytes
    assert sent == (initrd.stat().st_size,) * 2


@pytest.mark.long
def test_a_killed_worker_loses_no_cell_and_doubles_none(
    cluster: Cluster, dask: DaskWorkers
) -> None:
    cells = kernels(16)
    pids = [*cluster.has(2).values()]
    results = []
    for each in run_cells(cells, dask, None):
        if not results:
            os.kill(pids[0], signal.SIGKILL)
        results.append(each)
    assert sorted(each.cell.kernel for each in results) == sorted(each.kernel for each in cells)
    assert verdicts(results) == [Verdict.GOOD] * 16
    lost = [one.sentence for each in results for one in each.attempts if one.cause]
    assert len(lost) <= 2
    assert all("is gone" in each or "was lost" in each for each in lost)


@pytest.mark.long
def test_a_worker_that_hangs_holds_nothing_up(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = [*cluster.has(2).values()]
    monkeypatch.setattr(errands, "limit_s", lambda _: 4.0)
    monkeypatch.setattr(errands, "_SPARE_S", 0.0)
    results = []
    with DaskWorkers(cluster.address) as workers:
        try:
            for each in run_cells(kernels(6), workers, None):
                if not results:
                    os.kill(pids[0], signal.SIGSTOP)
                results.append(each)
        finally:
            os.kill(pids[0], signal.SIGCONT)
    assert verdicts(results) == [Verdict.GOOD] * 6
    assert all("nothing came of" in one.sentence
               for each in results for one in each.attempts[:-1])  # fmt: skip


@pytest.mark.long
def test_what_is_stopped_leaves_no_guest_at_a_worker(cluster: Cluster) -> None:
    cluster.has(2)
    eventually(lambda: guests(cluster), 60)  # another test may have left one that is being ended
    name = f"selfcheck:{65536 + 16 * 4711}"
    argv = [*COMMAND, "gate", name, "--until", "never", "--idle", "600", "--timeout", "600",
            "--workers", f"dask:{cluster.address}"]  # fmt: skip
    marked = environment(BOOTHARNESS_HISTORY=str(cluster.folder / "history"))
    with subprocess.Popen(argv, env=marked, stderr=subprocess.PIPE, text=True) as gate:
        eventually(lambda: [] if guests(cluster) else ["no guest"], 60)
        gate.send_signal(signal.SIGINT)
        assert gate.stderr
        said = gate.stderr.read()
    assert gate.returncode == 130, said
    eventually(lambda: guests(cluster))
    with DaskWorkers(cluster.address) as workers:
        assert verdicts([*run_cells(kernels(2), workers, None)]) == [Verdict.GOOD] * 2


def guests(cluster: Cluster) -> list[str]:
    found = processes_with(str(cluster.folder))
    return [each for each in found if "qemu-system" in each.split()[1]]


@pytest.mark.long
def test_a_worker_that_cannot_boot_is_named_and_costs_no_cell(
    cluster: Cluster, tmp_path: Path
) -> None:
    shutil.copytree(REPOSITORY / "harness", tmp_path / "other")
    with (tmp_path / "other/bootharness/runs/work.py").open("a") as file:
        file.write("# another version\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    for each in Path("/usr/bin").iterdir():
        if not each.name.startswith("qemu-system"):
            (programs / each.name).symlink_to(each)
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"070701" + os.urandom(2_000_000))
    cells = [replace(each, plan=choose(SETUP, {"initrd": str(initrd)})) for each in kernels(6)]
    told: list[str] = []
    bad = (
        cluster.plain_worker("without", PATH=str(programs)),
        cluster.plain_worker("older", PYTHONPATH=str(tmp_path / "other")),
        cluster.plain_worker("full", "prlimit", "--fsize=1000000"),
    )
    with cluster.joined(*bad), DaskWorkers(cluster.address, told.append) as workers:
        results = [*run_cells(cells, workers, None)]
        said = "\n".join(told)
    assert verdicts(results) == [Verdict.GOOD] * 6
    assert "is not installed" in said
    assert "install the same" in said
    assert "File too large" in said
    assert not any(each.attempts[0].cause for each in results)


def test_when_the_scheduler_is_gone_every_cell_is_explained() -> None:
    cells = kernels(12)
    with Cluster() as started:
        started.worker("only")
        started.has(1)
        results = []
        with DaskWorkers(started.address) as workers:
            for each in run_cells(cells, workers, None):
                if not results:
                    started.scheduler.kill()
                results.append(each)
    assert sorted(each.cell.kernel for each in results) == sorted(each.kernel for each in cells)
    lost = [each.decisive.sentence for each in results if each.verdict is Verdict.SKIP]
    assert lost
    assert not [each for each in lost if not ("is gone" in each or "was lost" in each)]


@pytest.mark.long
def test_a_cluster_is_reached_by_tls_alone(tmp_path: Path) -> None:
    tls = signed(tmp_path)
    gate = ("gate", "selfcheck:65536", "--until", "setup", "--history", tmp_path / "history")
    with Cluster("tls", **tls) as started:
        started.worker("one")
        eventually(lambda: [] if "Registered to" in started.said("one") else ["not yet"], 60)
        at = ("--workers", f"dask:{started.address}")
        by_tcp = ("--workers", f"dask:{started.address.replace('tls', 'tcp')}")
        with ThreadPoolExecutor() as at_once:
            good, plain, stranger = at_once.map(lambda each: run(*gate, *each[0], **each[1]), (
                ((*at, "--json", "-"), tls), (by_tcp, tls), (at, {})))  # fmt: skip
    assert good.returncode == 0, good.stderr
    assert [plain.returncode, stranger.returncode] == [125, 125]
    assert "no Dask scheduler answers there" in plain.stderr
    assert "docs/scale.md" in stranger.stderr


def signed(folder: Path) -> dict[str, str]:
    """Return the settings with which Dask speaks TLS, by an authority of its own."""
    ca, key, cert, request = (
        str(folder / each) for each in ("ca.pem", "key.pem", "cert.pem", "request.pem")
    )
    for words in (
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{ca}.key", "-out", ca,
         "-subj", "/CN=authority"],
        ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj",
         "/CN=worker"],
        ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", f"{ca}.key", "-CAcreateserial",
         "-out", cert],
    ):  # fmt: skip
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    own = {
        f"{prefix}{who}__{what}": path
        for who in ("CLIENT", "SCHEDULER", "WORKER")
        for what, path in (("CERT", cert), ("KEY", key))
    }
    return {f"{prefix}CA_FILE": ca, "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true", **own}


@pytest.mark.long
def test_an_executor_of_ones_own_boots(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "from distributed import Client\n"
        "def pool(): return ProcessPoolExecutor(1, get_context('spawn'))\n"
        f"def client(): return Client({cluster.address!r})\n"
        "def futures(): return client().get_executor()\n"
        "def number(): return 7\n"
    )

    def gate(name: str) -> subprocess.CompletedProcess[str]:
        return run("gate", "selfcheck:65536", "selfcheck:65552", "--until", "setup", "--workers",
                   f"mine:{name}", "--history", tmp_path / name,
                   PYTHONPATH=f"{tmp_path}:{environment()['PYTHONPATH']}")  # fmt: skip

    names = ("pool", "client", "futures", "number")
    with ThreadPoolExecutor(2) as at_once:
        found = dict(zip(names, at_once.map(gate, names), strict=True))
    statuses = {name: done.returncode for name, done in found.items()}
    assert statuses == {"pool": 0, "client": 0, "futures": 0, "number": 129}, found
    assert "an Executor of concurrent.futures is wanted" in found["number"].stderr


def test_a_worker_is_started_where_something_can_be_booted(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    with ThreadPoolExecutor() as at_once:
        found = [*at_once.map(lambda each: run("worker", *each[0], **each[1]), (
            ((), {"DASK_SCHEDULER_ADDRESS": ""}), (("http://build.example",), {}),
            (("127.0.0.1:1",), {"PATH": str(tmp_path)}), (("127.0.0.1:1",), {})))]  # fmt: skip
    assert [each.returncode for each in found] == [129, 129, 125, 125]
    words = "give the ADDRESS", "no address", "is missing", "no Dask scheduler answers there"
    for each, said in zip(found, words, strict=True):
        assert said in each.stderr
        assert len(each.stderr.splitlines()) <= 2


def test_what_is_no_cluster_is_told_in_one_sentence(tmp_path: Path) -> None:
    gate = ("gate", "selfcheck:65536", "--history", tmp_path / "history", "--workers")
    with Cluster() as empty, ThreadPoolExecutor() as at_once:
        named = ("dask:127.0.0.1:1", f"dask:{empty.address}")
        nobody, without = at_once.map(lambda each: run(*gate, each), named)
    assert (nobody.returncode, without.returncode) == (125, 125)
    for said in (nobody.stderr, without.stderr):
        assert len(said.splitlines()) == 1, said
    assert "no Dask scheduler answers there" in nobody.stderr
    assert f"bootharness worker {empty.address}" in without.stderr
    names = ("0", "dask:", "dask:http://a", "none:such", "a.b")
    with ThreadPoolExecutor(2) as at_once:
        wrong = [*at_once.map(lambda each: run(*gate, each), names)]
    assert [each.returncode for each in wrong] == [129] * 5, [each.stderr for each in wrong]
    assert all(len(each.stderr.splitlines()) <= 2 for each in wrong)
