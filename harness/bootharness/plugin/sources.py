"""Which kernels the tests of a session boot: those of --kernel, else those that the project names.

Never others: who installs this package and has a test that asks for a kernel has not asked for
somebody else's.
"""

from collections import Counter
from pathlib import Path

import pytest

from bootharness.errors import BootHarnessError
from bootharness.plugin.options import plan_of

__all__ = ["NO_KERNEL", "pytest_configure", "sources"]

NO_KERNEL = (
    "no kernel to boot: give one with --kernel FILE, or name those of the project in a file "
    "kernels.toml in its root folder (the ini option kernels_toml says another place)"
)
"""What a test says that asks for a kernel where there is none."""

_TABLE = "kernels.toml"
_SOURCES = pytest.StashKey[dict[str, str]]()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Refuse kernels that cannot be, before anything is collected."""
    if config.getoption("--kernel") or _table(config):
        sources(config)


def sources(config: pytest.Config) -> dict[str, str]:
    """Return the single kernel sources by test id, none where nobody has named any.

    Raises pytest.UsageError for what is no kernel, and where it cannot be found out which kernels
    these are: then nobody knows which tests there are.
    """
    if _SOURCES not in config.stash:
        try:
            config.stash[_SOURCES] = _given(config) or _of_the_project(config)
        except BootHarnessError as error:
            raise pytest.UsageError(str(error)) from error
    return config.stash[_SOURCES]


def _given(config: pytest.Config) -> dict[str, str]:
    given: list[str] = config.getoption("--kernel")
    if not given:
        return {}
    from bootharness.routes.table import route_of

    expand = route_of(plan_of(config)).expand
    singles = [single for source in given for single in expand(source)]
    if not singles:
        raise pytest.UsageError(f"--kernel {', '.join(given)}: there is no kernel to boot")
    short = Counter(map(_id, singles))
    return {_id(each) if short[_id(each)] == 1 else each: each for each in singles}


def _of_the_project(config: pytest.Config) -> dict[str, str]:
    table = _table(config)
    if table is None:
        return {}
    from bootharness.kernels.source import known_kernels

    return {kernel.id: kernel.source for kernel in known_kernels(table)}


def _table(config: pytest.Config) -> Path | None:
    """Return the file that names the project's kernels: one that is asked for has to be there."""
    named = config.getini("kernels_toml")
    table = config.rootpath / str(named or _TABLE)
    return table if named or table.exists() else None


def _id(source: str) -> str:
    """Return a short id: the last part of a path, with what it is grown to."""
    head, separator, tail = source.rpartition("/")
    grown = head.rpartition(":")[0] if head.startswith("grow:") else ""
    return f"{grown}:{tail}" if separator and grown else tail if ":" not in head else source
