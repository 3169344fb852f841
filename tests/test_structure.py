"""The house: a folder imports only from those below it, and every `__all__` is sorted and true."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path("harness/bootharness")
# from the bottom up; what stands in one line does not import each other
FLOORS = (
    ("errors", "text"),
    ("formats", "plan"),
    ("host",),
    ("trace",),
    ("kernels", "diagnosis"),
    ("network", "machine", "initramfs"),
    ("report",),
    ("routes",),
    ("recording",),
    ("watch",),
    ("hardware",),
    ("one_boot", "predictor", "guests"),
    ("runs",),
    ("gate", "bisection", "factors", "debug", "checking"),
    ("cli", "plugin"),
)
MOST_BESIDE_THE_FOLDERS = 8
INSIDE_GDB = ("machine.gdb_tracer", "debug.bootgdb", "debug.efigdb")


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


MODULES = modules()


def folders() -> set[str]:
    return {name.partition(".")[0] for name in MODULES}


def floor(folder: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if folder in names)


def imported(path: Path) -> Iterator[str]:
    """Yield the folder of everything of ours that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            if package == "bootharness" and rest:
                yield rest.partition(".")[0]


@pytest.mark.parametrize("folder", sorted(folders() - {"__main__"}))
def test_a_folder_imports_only_from_those_below_it(folder: str) -> None:
    own = [path for name, path in MODULES.items() if name.partition(".")[0] == folder]
    others = {other for path in own for other in imported(path)} - {folder}
    assert not {other for other in others if floor(other) >= floor(folder)}


def test_few_modules_lie_beside_the_folders() -> None:
    assert len([*PACKAGE.glob("*.py")]) <= MOST_BESIDE_THE_FOLDERS


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith(INSIDE_GDB)])
def test_all_is_sorted_and_true(name: str) -> None:
    if name == "__main__":
        return
    module = importlib.import_module(f"bootharness.{name}")
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
