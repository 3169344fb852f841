"""Imports run downhill, and every `__all__` is sorted and true."""

import ast
import importlib
from pathlib import Path

import pytest

PACKAGE = Path("harness")
# from the bottom up; a name stands for the module or for everything in the package
LAYERS = (
    ("errors", "closing", "deadline", "text", "formats"),
    (
        "cache", "content", "elf", "assembler", "plan", "kernel", "selfcheck", "deb", "source",
        "loader", "disk", "initrd", "layout", "bioses", "trace", "facts", "proof",
        "milestones", "agreement", "signs", "observer", "network", "netimage", "certainty",
        "direct", "grub", "bootable",
        "handoff", "emulator", "toolchain",
    ),
    ("machine", "netboot"),
    (
        "idle", "hang", "tracers", "watch", "session", "rerun", "kept", "boot", "diagnosis",
        "limits", "headroom", "report", "tools", "cells", "gate", "debug", "console",
        "tty", "bisector", "cases", "factors",
    ),
    ("cli", "plugin", "gate_items", "bench", "mutants"),
)  # fmt: skip
PURE = ("diagnosis", "report")
IMPURE = ("machine", "netboot", "boot", "session", "watch", "tracers", "handoff", "idle")
IMPURE_CELLS = ("cells.history", "cells.runner", "cells.work", "cells.worker", "cells.workers")
INSIDE_GDB = ("machine.gdb_tracer", "debug.bootgdb")


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


MODULES = modules()


def layer(name: str) -> int:
    top = name.partition(".")[0]
    return next(index for index, names in enumerate(LAYERS) if top in names)


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("harness."):
            module = node.module.removeprefix("harness.")
            inside = {f"{module}.{each.name}" for each in node.names} & set(MODULES)
            names |= inside or {module}
        elif isinstance(node, ast.Import):
            names |= {
                each.name.removeprefix("harness.")
                for each in node.names
                if each.name.startswith("harness.")
            }
    return names


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_downhill(name: str) -> None:
    uphill = {other for other in imports(MODULES[name]) if layer(other) > layer(name)}
    assert not uphill


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] in PURE])
def test_judging_and_reporting_need_no_machine(name: str) -> None:
    others = imports(MODULES[name])
    assert not {other for other in others if other.split(".")[0] in IMPURE}
    assert not others & {*IMPURE_CELLS}


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {name: imports(path) & set(MODULES) for name, path in MODULES.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith(INSIDE_GDB)])
def test_all_is_sorted_and_true(name: str) -> None:
    module = importlib.import_module(f"harness.{name}")
    exported = getattr(module, "__all__", None)
    if exported is None:
        return
    constants = [each for each in exported if each.isupper()]
    classes = [each for each in exported if each[0].isupper() and not each.isupper()]
    rest = [each for each in exported if each[0].islower()]
    assert exported == [*sorted(constants), *sorted(classes), *sorted(rest)]
    for each in exported:
        assert getattr(module, each).__module__ if each in classes else hasattr(module, each)


@pytest.mark.parametrize("name", MODULES)
def test_module_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[name].read_text()))
