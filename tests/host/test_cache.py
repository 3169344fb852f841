"""The cache: what is thrown away, and what is not."""

import fcntl
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bootharness.errors import HostBusy
from bootharness.host import cache
from bootharness.host.cache import alone_in, cache_dir, trim
from bootharness.kernels.selfcheck import selfcheck_kernel
from tests.support.processes import eventually, processes_with

DAY_S = 24 * 60 * 60


def put(folder: Path, name: str, *, read_days: float, made_days: float) -> None:
    """Make a file of 1,000 bytes that was made and last read so many days ago."""
    path = folder / name
    path.write_bytes(bytes(1000))
    now = time.time()
    os.utime(path, (now - read_days * DAY_S, now - made_days * DAY_S))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only 2,500 bytes are kept."""
    monkeypatch.setattr(cache, "_KEPT_BYTES", 2500)


@pytest.mark.usefixtures("small")
def test_what_was_not_used_for_longest_goes(tmp_path: Path) -> None:
    put(tmp_path, "old", read_days=9, made_days=9)
    put(tmp_path, "read since", read_days=2, made_days=10)
    put(tmp_path, "newer", read_days=5, made_days=5)
    put(tmp_path, "newest", read_days=0, made_days=0)
    trim(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"read since", "newest"}


@pytest.mark.usefixtures("small")
def test_what_was_used_today_stays(tmp_path: Path) -> None:
    for number in range(5):
        put(tmp_path, f"read {number}", read_days=0.9, made_days=9)
        put(tmp_path, f"made {number}", read_days=9, made_days=0.9)
    trim(tmp_path)
    assert len([*tmp_path.iterdir()]) == 10


def test_what_is_little_stays(tmp_path: Path) -> None:
    put(tmp_path, "old", read_days=99, made_days=99)
    trim(tmp_path)
    assert [*tmp_path.iterdir()]


@pytest.mark.usefixtures("small")
def test_a_new_kernel_takes_the_place_of_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path))
    for name in ("one", "two", "three"):
        put(cache_dir("selfcheck"), name, read_days=9, made_days=9)
    kernel = selfcheck_kernel(1600)
    assert set(kernel.parent.iterdir()) == {kernel}


def test_lock_that_somebody_keeps_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        with pytest.raises(HostBusy, match="another process"), alone_in(tmp_path, 0.2):
            pass


def test_lock_is_had_when_it_is_free_again(tmp_path: Path) -> None:
    order = []

    def second() -> None:
        with alone_in(tmp_path, 60):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with alone_in(tmp_path, 60):
            waits = pool.submit(second)
            eventually(lambda: [] if processes_with("flock") else ["nobody waits"])
            order.append("first")
        waits.result(60)
    assert order == ["first", "second"]
    with alone_in(tmp_path, 0.2):
        order.append("free")
