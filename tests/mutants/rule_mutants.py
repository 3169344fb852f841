"""The mutants of the rules: every function changed in every way that mutmut knows."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import takewhile
from pathlib import Path
from types import CodeType

from msgspec import Struct
from mutmut.mutation.file_mutation import MutatedFile, mutate_file_contents

__all__ = ["Mutated", "RuleMutant", "read_rules"]

_ROOT = Path("harness/bootharness")


class RuleMutant(Struct, frozen=True):
    """A function with one expression changed.

    ``key`` names it for mutmut, ``label`` has its file and its function, ``source`` the lines as
    they were, ``change`` says what became what. ``lines`` are those of the statement that was
    changed, as they are numbered in what `Mutated` loads from ``path``.
    """

    key: str
    path: str
    lines: range
    label: str
    source: str
    change: str

    @property
    def name(self) -> str:
        """What is changed and how, in one line."""
        return f"{self.label}: {self.source}: {self.change}"

    @property
    def file(self) -> str:
        """The file that the function is in, as `read_rules` has it."""
        return self.label.partition(" ")[0]


class Mutated(MetaPathFinder):
    """Lets modules be imported with all their mutants in them; one is chosen later, or none."""

    def __init__(self) -> None:
        self._modules: dict[str, SourceFileLoader] = {}

    def add(self, module: str, path: Path, code: str) -> None:
        """Take the code of a module for what is in its file."""
        self._modules[module] = _Loader(module, path, code)

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        """Return how such a module is loaded, None for others."""
        loader = self._modules.get(fullname)
        return spec_from_file_location(fullname, loader.path, loader=loader) if loader else None


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: Path, code: str) -> None:
        super().__init__(name, str(path))
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._code, self.get_filename(fullname), "exec", dont_inherit=True)


def read_rules(patterns: Iterable[str]) -> tuple[Mutated, list[RuleMutant]]:
    """Return the mutants of all files that match, file by file, and what to import them with."""
    modules, every = Mutated(), list[RuleMutant]()
    for path in (path for pattern in patterns for path in sorted(_ROOT.glob(pattern))):
        parts = path.relative_to(_ROOT.parent).with_suffix("").parts
        module = ".".join(parts).removesuffix(".__init__")
        mutated = mutate_file_contents(str(path), path.read_text())
        modules.add(module, path.resolve(), mutated.code)
        every.extend(_mutants(path, module, mutated))
    return modules, every


def _mutants(path: Path, module: str, mutated: MutatedFile) -> Iterator[RuleMutant]:
    lines, statements = mutated.code.splitlines(), _statements(mutated.code)
    seen: Counter[tuple[str, str, str]] = Counter()

    def body(name: str) -> list[str]:
        span = mutated.line_span_by_function_name[name]
        return [line.replace(name, "") for line in lines[span.start - 1 : span.end]]

    for name in mutated.mutant_names:
        function = name.partition("__mutmut_")[0]
        original = f"{function}__mutmut_orig"
        before, after = body(original), body(name)
        differ = [each for each in SequenceMatcher(None, before, after).get_opcodes()
                  if each[0] != "equal"]  # fmt: skip
        old = " ".join(
            " ".join(line for each in differ for line in before[each[1] : each[2]]).split()
        )
        new = " ".join(
            " ".join(line for each in differ for line in after[each[3] : each[4]]).split()
        )
        label = f"{path.relative_to(_ROOT)} {function[2:].replace('ǁ', '.')}"
        change = _change(old, new)
        seen[label, old, change] += 1
        if (times := seen[label, old, change]) > 1:
            change += f" ({times})"
        line = mutated.line_span_by_function_name[original].start + differ[0][1]
        around = min((each for each in statements if line in each), key=len)
        yield RuleMutant(f"{module}.{name}", str(path.resolve()), around, label, old, change)


def _statements(code: str) -> list[range]:
    """Return the lines of every statement; of one with others in it, those before them. Of a
    function they are all, for its first line runs only once."""
    found = []
    for each in ast.walk(ast.parse(code)):
        if isinstance(each, ast.stmt):
            end = (each.end_lineno or each.lineno) + 1
            inside = getattr(each, "body", None)
            if inside and not isinstance(each, ast.FunctionDef):
                end = max(inside[0].lineno, each.lineno + 1)
            found.append(range(each.lineno, end))
    return found


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
