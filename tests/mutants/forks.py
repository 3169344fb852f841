"""Tests that are run in a fork for each mutant: those that come to what was changed."""

import gc
import os
import pickle
import resource
import signal
import tempfile
from collections.abc import Callable
from itertools import groupby
from math import ceil
from time import monotonic

import click
import pytest
from _pytest.runner import runtestprotocol
from coverage import Coverage
from msgspec import Struct
from mutmut.mutation.trampoline import set_mutant_under_test

from tests.mutants.rule_mutants import RuleMutant

__all__ = ["Caught", "InForks"]

Caught = tuple[RuleMutant, str | None]
"""A mutant, and what caught it, None where it survives."""

_BROKE_OFF = "the tests took too long, or broke off"


class _Tried(Struct):
    """What each test took, in seconds, and the tests that come to a line of a file."""

    seconds: list[float]
    at: dict[str, dict[int, list[str]]]

    def of(self, mutant: RuleMutant) -> set[int]:
        """Return the tests that come to what was changed, by their numbers."""
        lines = self.at.get(mutant.path, {})
        return {int(test) for line in mutant.lines for test in lines.get(line, ()) if test}


class InForks:
    """A plugin of pytest: in place of running the tests once, it runs them for every mutant, and
    tells what came of them file by file."""

    def __init__(self, mutants: list[RuleMutant], tell: Callable[[list[Caught]], None]) -> None:
        self._mutants = mutants
        self._tell = tell

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Let Hypothesis try the same each time, and not look for the smallest that fails."""
        from hypothesis import Phase, settings  # pytest has to be the first to import it

        settings.register_profile(
            "mutants", settings(), derandomize=True, database=None, phases=[Phase.generate]
        )
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run them; the process that they were collected in runs none itself."""
        gc.freeze()  # or each fork copies what it looks through
        items = session.items
        tried = _without_a_change(items, sorted({each.path for each in self._mutants}))
        for _, of_file in groupby(self._mutants, key=lambda each: each.file):
            caught: list[int] = []  # the last is the most likely to catch the next
            outcomes: list[Caught] = []
            for mutant in of_file:
                order = sorted(tried.of(mutant), key=lambda test: tried.seconds[test])
                order.sort(key=lambda test: test in caught and -caught.index(test) - 1)
                seconds = sum(tried.seconds[test] for test in order)
                at = _first_to_fail(mutant, [items[test] for test in order], seconds)
                if at is not None and at < len(order):
                    caught = [*(test for test in caught if test != order[at]), order[at]]
                names = [*(items[test].nodeid for test in order), _BROKE_OFF]
                outcomes.append((mutant, None if at is None else names[at]))
            self._tell(outcomes)
        return True


def _without_a_change(items: list[pytest.Item], paths: list[str]) -> _Tried:
    """Run all tests in a fork, and see to which lines each comes."""
    with tempfile.NamedTemporaryFile() as file:
        if (pid := os.fork()) == 0:
            coverage = Coverage(data_file=None, include=paths, config_file=False)
            coverage.start()
            seconds = []
            for at, item in enumerate(items):
                coverage.switch_context(str(at))
                began = monotonic()
                if _fails(item, items[at + 1 : at + 2]):
                    click.echo(f"{item.nodeid} fails without any change", err=True)
                    os._exit(1)
                seconds.append(monotonic() - began)
            coverage.stop()
            data = coverage.get_data()
            lines = {path: data.contexts_by_lineno(path) for path in paths}
            file.write(pickle.dumps((seconds, lines)))
            file.flush()
            os._exit(0)
        if os.waitpid(pid, 0)[1]:
            pytest.exit("all tests have to pass without a change", returncode=1)
        file.seek(0)
        return _Tried(*pickle.loads(file.read()))


def _first_to_fail(mutant: RuleMutant, items: list[pytest.Item], seconds: float) -> int | None:
    """Return which of the tests fails, their number if they do not end, None if none fails."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        set_mutant_under_test(mutant.key)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        limit = ceil(used + 5 + 3 * seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        signal.alarm(ceil(60 + 10 * seconds))
        fails = (at for at, item in enumerate(items) if _fails(item, items[at + 1 : at + 2]))
        os.write(write, str(next(fails, None)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return None if said == "None" else int(said or len(items))


def _fails(item: pytest.Item, following: list[pytest.Item]) -> bool:
    reports = runtestprotocol(item, log=False, nextitem=next(iter(following), None))
    return any(report.failed for report in reports)
