"""What an executor of somebody's own does not boot is lost, whatever it does instead."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from bootharness.diagnosis.verdict import Verdict
from bootharness.plan import BootPlan
from bootharness.runs.cell import Cell
from bootharness.runs.remote.any_executor import AnyExecutor
from bootharness.runs.runner import run_cells

CELL = Cell("selfcheck:65536", BootPlan(route="direct", until="setup"))


class Does(Executor):
    """Does with a call what it is told to."""

    def __init__(self, what: Callable[..., Any]) -> None:
        self._what = what

    def submit(self, function: Callable[..., Any], /, *args: Any, **_: Any) -> Any:
        return self._what(function, *args)


def done(result: object) -> "Future[object]":
    future: Future[object] = Future()
    future.set_result(result)
    return future


def broken(*_: object) -> "Future[object]":
    future: Future[object] = Future()
    future.set_exception(KeyError("the queue"))
    return future


def refuses(*_: object) -> None:
    raise RuntimeError("no nodes\nare left")


def answers_alone(function: Callable[..., Any], *args: Any) -> "Future[object]":
    return done(42 if function.__name__ == "boot_here" else function(*args))


@pytest.mark.parametrize(("what", "said"), [
    (lambda *_: done("nonsense"), "another thing than was made: 'nonsense'"),
    (answers_alone, "another thing than was made: 42"),
    (lambda *_: 7, "AttributeError"),
    (broken, "KeyError: 'the queue'"),
    (refuses, "RuntimeError: no nodes"),
])  # fmt: skip
def test_what_it_does_not_boot_is_lost(what: Callable[..., Any], said: str) -> None:
    [result] = run_cells([CELL], AnyExecutor(Does(what), "mine:boots", print), None)
    assert (result.verdict, result.decisive.cause) == (Verdict.SKIP, "machine-lost")
    assert result.decisive.sentence.startswith("mine:boots: the boot was lost: ")
    assert said in result.decisive.sentence
    assert "\n" not in result.decisive.sentence
