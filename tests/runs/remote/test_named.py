"""Workers as they are named: what is meant, and what is refused in a sentence."""

import sys

import pytest

from bootharness.errors import ToolMissing, UsageError
from bootharness.runs.remote.named import address_of, open_to_others, workers_named


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ("10.0.0.7", "tcp://10.0.0.7:8786"),
        ("10.0.0.7:99", "tcp://10.0.0.7:99"),
        ("tls://build.example", "tls://build.example:8786"),
        ("[::1]:99", "tcp://[::1]:99"),
    ],
)
def test_an_address_is_made_whole(given: str, whole: str) -> None:
    assert address_of(given) == whole


@pytest.mark.parametrize("given", ["", "http://a", "a:b", "tcp://", "tls://:1"])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        address_of(given)


def test_a_number_is_so_many_here() -> None:
    with workers_named("3", None, print) as (workers, jobs):
        assert (workers, jobs) == (None, 3)
    with workers_named(None, 2, print) as (workers, jobs):
        assert (workers, jobs) == (None, 2)


@pytest.mark.parametrize(
    ("name", "jobs", "said"),
    [
        ("3", 2, "say the same"),
        ("0", None, "at least 1"),
        ("mine", None, "it is a number, dask:ADDRESS, or MODULE:FACTORY"),
        ("no_such_module:make", None, "ModuleNotFoundError"),
        ("os:no_such_function", None, "AttributeError"),
        ("sys:exit", None, "SystemExit"),
        ("os:getpid", None, "an Executor of concurrent.futures is wanted"),
    ],
)
def test_what_names_no_workers_is_refused(name: str, jobs: int | None, said: str) -> None:
    with pytest.raises(UsageError, match=said), workers_named(name, jobs, print):
        pass


def test_without_dask_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    for loaded in ("dask_workers", "connection"):
        monkeypatch.delitem(sys.modules, f"bootharness.runs.remote.{loaded}", raising=False)
    with (
        pytest.raises(ToolMissing, match=r"pip install 'bootharness\[dask\]'"),
        workers_named("dask:127.0.0.1", None, print),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("tcp://10.0.0.7:8786", True),
        ("tcp://build.example:8786", True),
        ("tls://10.0.0.7:8786", False),
        ("tcp://127.0.0.1:8786", False),
        ("tcp://localhost:8786", False),
    ],
)
def test_whoever_is_reached_from_elsewhere_without_tls_is_warned_of(
    address: str, warned: bool
) -> None:
    assert bool(open_to_others(address)) is warned
