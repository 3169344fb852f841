"""Configurations as Kconfig writes them, and what a tree's Kconfig files say of symbols.

What symbols mean to each other is not read here: that takes the tree's own `conf`.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import UsageError

__all__ = ["Config", "Declared", "config_text", "declared", "differing", "read_config"]

Config = Mapping[str, str]
"""Values by symbol, without ``CONFIG_``; ``n`` for what is not set."""

_MOST_BYTES = 1 << 24
_LINE = re.compile(r"^(?:CONFIG_(\w+)=(.*)|# CONFIG_(\w+) is not set)$", re.MULTILINE)
_STATEMENT = re.compile(
    r"\s*(?:(?P<kind>config|menuconfig|choice|endchoice)\b\s*(?P<name>\w*)"
    r"|depends\s+on\s+(?P<depends>.+)"
    r"|(?:bool|tristate|string|int|hex|prompt)\s+(?P<quote>[\"'])(?P<prompt>.*)(?P=quote))"
)


class Declared(Struct, frozen=True):
    """What Kconfig files say of a symbol: where it is, as FILE:LINE, what it asks the person,
    where the choice begins that it is of, empty where there is none, and what its own lines say
    that it depends on."""

    where: str
    prompt: str = ""
    choice: str = ""
    depends: tuple[str, ...] = ()


def read_config(path: Path) -> dict[str, str]:
    """Return the values of a .config file. Raises UsageError for what is none."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{path}: too large for a .config of a kernel")
        text = path.read_text(errors="replace")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    values = {one[1] or one[3]: one[2] if one[1] else "n" for one in _LINE.finditer(text)}
    if not values:
        raise UsageError(f"{path}: no line is CONFIG_NAME=VALUE, so it is no .config of a kernel")
    return values


def config_text(config: Config) -> str:
    """Return a configuration as a .config file has it."""
    return "".join(
        f"# CONFIG_{name} is not set\n" if value == "n" else f"CONFIG_{name}={value}\n"
        for name, value in config.items()
    )


def differing(good: Config, bad: Config) -> tuple[str, ...]:
    """Return the symbols whose values differ, in the order in which `conf` has written them."""
    return tuple(name for name in _order(good, bad) if good.get(name, "n") != bad.get(name, "n"))


def _order(good: Config, bad: Config) -> Iterator[str]:
    """Yield the symbols of both; what only the good one has stays behind its neighbour."""
    behind: dict[str, list[str]] = {}
    neighbour = ""
    for name in good:
        if name in bad:
            neighbour = name
        else:
            behind.setdefault(neighbour, []).append(name)
    yield from behind.get("", ())
    for name in bad:
        yield name
        yield from behind.get(name, ())


def declared(tree: Path) -> dict[str, Declared]:
    """Return what the Kconfig files of a tree declare, those of every architecture."""
    found: dict[str, Declared] = {}
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(files):
            if name.startswith("Kconfig"):
                path = Path(folder, name)
                for symbol, said in _declared_in(path, str(path.relative_to(tree))):
                    before = found.get(symbol)
                    if before is None or (said.prompt and not before.prompt):
                        found[symbol] = said
    return found


def _declared_in(path: Path, called: str) -> Iterator[tuple[str, Declared]]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return
    choice, symbol, said = "", "", Declared("")
    for number, line in enumerate(lines, start=1):
        statement = _STATEMENT.match(line)
        if statement is None:
            continue
        if statement["depends"]:
            names = tuple(re.findall(r"\b[A-Z0-9_]+\b", statement["depends"]))
            said = replace(said, depends=(*said.depends, *names))
            continue
        if statement["prompt"] is not None:
            said = replace(said, prompt=said.prompt or statement["prompt"])
            continue
        if symbol:
            yield symbol, said
            symbol = ""
        match statement["kind"]:
            case "choice":
                choice, said = f"{called}:{number}", Declared("")
            case "endchoice":
                choice = ""
            case _ if statement["name"]:
                symbol, said = statement["name"], Declared(f"{called}:{number}", "", choice)
    if symbol:
        yield symbol, said
