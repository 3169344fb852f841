"""The tables of docs/testing.md, made of what they tell of: `make docs` fills them in."""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bootharness.diagnosis.verdict import Diagnosis, Judgement
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.gdt import SegmentDescriptor
from bootharness.kernels.image import KernelImage
from bootharness.plan import OPTIONS
from bootharness.plugin import fixtures
from bootharness.plugin.options import spelling
from bootharness.report.fields import attributes
from bootharness.trace.block_moves import BlockMove
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.booted import KernelFacts, LoaderFacts
from bootharness.trace.handoff import Comparison, Handoff
from bootharness.trace.machine_facts import MachineFacts
from bootharness.trace.milestones import MILESTONES, NET_MILESTONES, Milestone
from bootharness.trace.network_facts import NetEvent, NetFile, NetworkFacts

__all__ = ["filled"]

_PLACE = re.compile(r"(<!-- made by make docs: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """Return a page with its tables as they are now."""
    return _PLACE.sub(lambda found: f"{found[1]}\n{_TABLES[found[2]]()}\n{found[3]}", page)


def _table(*rows: tuple[str, ...]) -> str:
    head, *rest = rows
    lines = (head, ("---",) * len(head), *rest)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def _prose(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


def _fixtures() -> str:
    rows = (
        (_code(each.name), _type(each), _scope(each), _prose(ast.get_docstring(each) or ""))
        for each in ast.parse(inspect.getsource(fixtures)).body
        if isinstance(each, ast.FunctionDef) and each.decorator_list and each.name[0] != "_"
    )
    return _table(("fixture", "is a", "made", "what it is"), *rows)


def _type(fixture: ast.FunctionDef) -> str:
    written = ast.unparse(fixture.returns).replace("'", "") if fixture.returns else ""
    return _code(written.removeprefix("Iterator[").removesuffix("]"))


def _scope(fixture: ast.FunctionDef) -> str:
    whole = any("session" in ast.unparse(mark) for mark in fixture.decorator_list)
    return "once" if whole else "for each test"


def _options() -> str:
    rows = []
    for each in OPTIONS.values():
        values = ", ".join(map(_code, each.choices)) or each.metavar.replace("|", r"\|") or "VALUE"
        values = "`True`; a switch" if each.kind is bool else values
        rows.append((_code(each.name), _code(spelling(each)), values, _prose(each.help)))
    return _table(("in a marker", "option of pytest", "value", "what it is"), *rows)


def _milestones() -> str:
    lines = (("From a disk", MILESTONES), ("from a network", NET_MILESTONES))
    return "; ".join(f"{where}: {', '.join(map(_code, names))}" for where, names in lines) + ".\n"


def _values(*kinds: type) -> Callable[[], str]:
    return lambda: "\n".join(_parts(kinds))


def _parts(kinds: tuple[type, ...]) -> Iterator[str]:
    for kind in kinds:
        rows = (
            (_code(each.name), _code(each.type), _prose(each.meaning))
            for each in attributes(kind)
            if each.type not in (kind.__name__, "Self")  # a way to make another of it
        )
        said = _prose((inspect.getdoc(kind) or "").partition("\n\n")[0])
        yield f"`{kind.__name__}`: {said[0].lower()}{said[1:]}\n"
        yield _table(("attribute", "type", "what it is"), *rows)


_TABLES = {
    "fixtures": _fixtures,
    "options": _options,
    "judgement": _values(Judgement, Diagnosis),
    "trace": _values(
        BootTrace,
        Ending,
        Milestone,
        BlockMove,
        SegmentDescriptor,
        BiosCall,
        Handoff,
        Comparison,
        KernelFacts,
        LoaderFacts,
        MachineFacts,
    ),
    "milestones": _milestones,
    "network": _values(NetworkFacts, NetFile, NetEvent),
    "kernel": _values(KernelImage),
}


if __name__ == "__main__":
    _page = Path(sys.argv[1])
    _page.write_text(filled(_page.read_text()))
