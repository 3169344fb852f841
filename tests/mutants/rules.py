"""`python -m tests.mutants.rules [FILE...]`: which changes of the rules no test notices.

Every rule is changed in every way that mutmut knows. The tests are collected once, in a process
that runs none of them; for each mutant, a fork of it runs the tests that call what was changed.
"""

import difflib
import gc
import os
import pickle
import re
import resource
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from itertools import groupby, takewhile
from math import ceil
from pathlib import Path
from time import monotonic
from types import CodeType
from typing import TYPE_CHECKING

import click
import pytest
from _pytest.runner import runtestprotocol
from msgspec import Struct
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

if TYPE_CHECKING:
    from tests.mutants.score import Score

_GOAL_PERCENT = 95
_ROOT = Path("harness/bootharness")
_RULES = (
    "diagnosis/*.py",
    "plan/goal.py",
    "plan/pattern.py",
    "plan/prompt.py",
    "trace/boot_managers.py",
    "trace/lines.py",
    "trace/manager_points.py",
    "watch/hang.py",
    "watch/idle.py",
    "watch/lookout.py",
    "watch/resting.py",
    "watch/work.py",
    "checking/*.py",
)
_EQUIVALENT = Path("tests/mutants/rules.toml")
_OPTIONS = (
    "-q",
    "--no-header",
    "--boot-strict",
    "--snapshot-warn-unused",
    "--assert=plain",
    "--tb=native",
)
_BROKE_OFF = "the tests took too long, or broke off"


def _tests_of(file: str) -> tuple[str, ...]:
    if file.startswith("checking/"):  # they emulate so much that nothing else is tried with them
        return ("tests/checking/",)
    return ("tests/diagnosis/", "tests/plan/", "tests/trace/", "tests/watch/")


class RuleMutant(Struct, frozen=True):
    """A function with one expression changed.

    ``key`` names it for mutmut, ``label`` has its file and its function, ``source`` the lines as
    they were, ``change`` says what became what.
    """

    key: str
    label: str
    source: str
    change: str

    @property
    def name(self) -> str:
        """What is changed and how, in one line."""
        return f"{self.label}: {self.source}: {self.change}"

    @property
    def function(self) -> str:
        """The function as mutmut counts who calls it."""
        return self.key.partition("__mutmut_")[0]

    @property
    def file(self) -> str:
        """The file that the function is in."""
        return self.label.partition(" ")[0]


_Outcome = tuple[RuleMutant, str | None]
"""A mutant, and what caught it, None where it survives."""


class _Mutated(SourceFileLoader):
    """Loads a module that has all its mutants in it, and behaves as ever until one is chosen."""

    def __init__(self, name: str, path: Path, code: str) -> None:
        super().__init__(name, str(path))
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._code, self.get_filename(fullname), "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, modules: dict[str, _Mutated]) -> None:
        self._modules = modules

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        loader = self._modules.get(fullname)
        return spec_from_loader(fullname, loader, origin=loader.path) if loader else None


class _Tried(Struct):
    """What each test took, in seconds, and the tests that call a function, by their numbers."""

    seconds: list[float]
    callers: dict[str, set[int]]


class _InForks:
    """In place of running the tests once, runs them for every mutant, and tells file by file."""

    def __init__(self, mutants: list[RuleMutant], tell: Callable[[list[_Outcome]], None]) -> None:
        self._mutants = mutants
        self._tell = tell

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        from hypothesis import Phase, settings  # pytest has to be the first to import it

        settings.register_profile(
            "mutants", settings(), derandomize=True, database=None, phases=[Phase.generate]
        )
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.freeze()  # or each fork copies what it looks through
        tried = _without_a_change(session.items)
        for file, of_file in groupby(self._mutants, key=lambda each: each.file):
            tests = [at for at, item in enumerate(session.items)
                     if item.nodeid.startswith(_tests_of(file))]  # fmt: skip
            caught: list[int] = []  # the last is the most likely to catch the next
            outcomes: list[_Outcome] = []
            for mutant in of_file:
                order = sorted(
                    tried.callers.get(mutant.function, set()).intersection(tests),
                    key=lambda test: (
                        test in caught and -caught.index(test) - 1,
                        tried.seconds[test],
                    ),
                )
                seconds = sum(tried.seconds[test] for test in order)
                at = _first_to_fail(mutant, [session.items[test] for test in order], seconds)
                if at is not None and at < len(order):
                    caught = [*(test for test in caught if test != order[at]), order[at]]
                names = [*(session.items[test].nodeid for test in order), _BROKE_OFF]
                outcomes.append((mutant, None if at is None else names[at]))
            self._tell(outcomes)
        return True


def _without_a_change(items: list[pytest.Item]) -> _Tried:
    """Run all tests in a fork, and see which functions each calls."""
    with tempfile.NamedTemporaryFile() as file:
        if (pid := os.fork()) == 0:
            set_mutant_under_test("stats")
            seconds: list[float] = []
            callers: dict[str, set[int]] = {}
            for at, item in enumerate(items):
                began = monotonic()
                if _fails(item, items[at + 1 : at + 2]):
                    click.echo(f"{item.nodeid} fails without any change", err=True)
                    os._exit(1)
                seconds.append(monotonic() - began)
                for function in state()._stats:
                    callers.setdefault(function, set()).add(at)
                state()._stats.clear()
            file.write(pickle.dumps((seconds, callers)))
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


def _mutants(path: Path, module: str) -> tuple[_Mutated, list[RuleMutant]]:
    mutated = mutate_file_contents(str(path), path.read_text())
    lines = mutated.code.splitlines()
    seen: Counter[tuple[str, str, str]] = Counter()
    mutants = []

    def text(name: str) -> list[str]:
        span = mutated.line_span_by_function_name[name]
        return [line.replace(name, "") for line in lines[span.start - 1 : span.end]]

    for name in mutated.mutant_names:
        function = name.partition("__mutmut_")[0]
        differ = list(difflib.ndiff(text(f"{function}__mutmut_orig"), text(name)))
        old, new = (" ".join(" ".join(line[2:] for line in differ if line[0] == sign).split())
                    for sign in "-+")  # fmt: skip
        label = f"{path.relative_to(_ROOT)} {function[2:].replace('ǁ', '.')}"
        change = _change(old, new)
        seen[label, old, change] += 1
        if (times := seen[label, old, change]) > 1:
            change += f" ({times})"
        mutants.append(RuleMutant(f"{module}.{name}", label, old, change))
    return _Mutated(module, path, mutated.code), mutants


def _change(old: str, new: str) -> str:
    """Return the words that differ between two lines."""
    before, after = (re.findall(r"\w+|\W", text) for text in (old, new))
    begin = _alike(before, after)
    end = _alike(before[begin:][::-1], after[begin:][::-1])
    was, becomes = ("".join(words[begin : len(words) - end]).strip() for words in (before, after))
    if not was:
        return f"{becomes} added"
    return f"{was} becomes {becomes}" if becomes else f"{was} dropped"


def _alike(one: list[str], other: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _read(patterns: Iterable[str]) -> tuple[dict[str, _Mutated], list[RuleMutant]]:
    modules, every = {}, []
    for path in (path for pattern in patterns for path in sorted(_ROOT.glob(pattern))):
        parts = path.relative_to(_ROOT.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        modules[name], mutants = _mutants(path, name)
        every += mutants
    return modules, every


@click.command()
@click.argument("files", nargs=-1)
@click.option("-v", "--verbose", is_flag=True, help="Print what caught each mutant.")
def main(files: tuple[str, ...], *, verbose: bool) -> None:
    """Change every rule in every way, and see which test notices.

    FILES are some of the rules, as diagnosis/kernel.py; without any, all of them.
    """
    modules, every = _read(files or _RULES)
    sys.meta_path.insert(0, _Finder(modules))
    every_outcome: list[_Outcome] = []

    def tell(outcomes: list[_Outcome]) -> None:
        every_outcome.extend(outcomes)
        for mutant, by in outcomes if verbose else ():
            if by:
                click.echo(f"caught    {mutant.name} | {by}")
        score = _score(outcomes)
        for each in score.unexplained:
            click.echo(f"{click.style('SURVIVES', fg='red', bold=True)}  {each.mutant.name}")
        for label, source, change in score.stale:
            click.echo(f"{click.style('STALE', fg='red')}  {label}: {source}: {change} is caught")
        click.echo(f"{outcomes[0][0].file}: {score.told}")

    tests = dict.fromkeys(folder for each in every for folder in _tests_of(each.file))
    if code := pytest.main([*_OPTIONS, *tests], plugins=[_InForks(every, tell)]):
        sys.exit(code)
    score = _score(every_outcome)
    click.echo(f"{len(every)} mutants: {score.told} (goal {_GOAL_PERCENT} %)")
    sys.exit(1 if score.percent < _GOAL_PERCENT or score.stale else 0)


def _score(outcomes: list[_Outcome]) -> "Score":
    from tests.mutants.score import Outcome, Score, read_equivalents  # it imports the rules

    files = {mutant.file for mutant, _ in outcomes}
    table = (each for each in read_equivalents(_EQUIVALENT) if each.label.split()[0] in files)
    return Score(tuple(Outcome(mutant, by) for mutant, by in outcomes), tuple(table))


if __name__ == "__main__":
    main()
