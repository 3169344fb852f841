"""Any executor of somebody's own, which boots where files have the names that they have here."""

from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, ParamSpec, TypeVar

from bootharness.errors import BootHarnessError, MachineLost
from bootharness.runs.cell import Cell
from bootharness.runs.remote import at_worker
from bootharness.runs.remote.sealed import Sealed
from bootharness.runs.remote.version import installed_version
from bootharness.runs.runner import limit_s
from bootharness.runs.work import boot_cell
from bootharness.runs.workers import Workers

__all__ = ["AnyExecutor"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_PATIENCE_S = 10.0


class AnyExecutor(Workers):
    """An executor whose failures are those of the computer that boots.

    ``name`` is what a person calls it, and ``told`` is given each sentence about what it does.
    """

    def __init__(self, executor: Executor, name: str, told: Callable[[str], None]) -> None:
        self._executor, self._name, self._told = executor, name, told
        self._answers: dict[tuple[Any, ...], Any] = {}

    @property
    def slots(self) -> int:
        """How many calls go on at once, where it says so."""
        return int(getattr(self._executor, "_max_workers", None) or 1)

    def ask(self, what: Hashable, function: Callable[..., _T], *asked: Any) -> _T:
        """Return what a function says at one of its workers: they have to be alike."""
        if (function, asked) not in self._answers:
            call = self._submit(
                at_worker.answer_here, installed_version(), function, asked, wanted=at_worker.Answer
            )
            try:
                answered = call.result(_PATIENCE_S)
            except NotYet:
                self._told(
                    f"{self._name}: no worker has answered within {_PATIENCE_S:g} s; waiting"
                )
                answered = call.result()
            self._answers[function, asked] = answered.said
        answer: _T = self._answers[function, asked]
        return answer

    def submit(
        self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> "Future[_T]":
        assert not kwargs
        if function is boot_cell and isinstance(cell := args[0], Cell):
            return self._submit(
                at_worker.boot_here, installed_version(), cell, limit_s([cell]), wanted=Sealed
            )
        return self._submit(function, *args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the executor."""
        self._executor.shutdown(wait, cancel_futures=cancel_futures)

    def _submit(
        self, function: Callable[..., Any], *args: Any, wanted: type = object
    ) -> "Future[Any]":
        """Make a call that returns what is ``wanted``."""
        ours: Future[Any] = Future()
        ours.set_running_or_notify_cancel()
        try:
            call = self._executor.submit(function, *args)
            call.add_done_callback(lambda done: self._pass_on(done, ours, wanted))
        except Exception as error:
            ours.set_exception(self._plain(error))
        return ours

    def _pass_on(self, done: "Future[Any]", ours: "Future[Any]", wanted: type) -> None:
        try:
            result = done.result()
            if not isinstance(result, wanted):
                raise TypeError(f"it gives back another thing than was made: {result!r:.60}")
            ours.set_result(result.opened() if isinstance(result, Sealed) else result)
        except (Exception, CancelledError) as error:
            ours.set_exception(self._plain(error))

    def _plain(self, error: BaseException) -> BaseException:
        if isinstance(error, BootHarnessError):
            return error
        said = str(error).partition("\n")[0]
        return MachineLost(f"{self._name}: the boot was lost: {type(error).__name__}: {said}")
