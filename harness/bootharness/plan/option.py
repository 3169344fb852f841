"""A field of a plan as people meet it: on a command line, in a marker, in a matrix, in a report."""

from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

__all__ = ["Option", "option", "options_of"]

_KEY = "option"


@dataclass(frozen=True, slots=True)
class Option:
    """How a field is spelt and what it takes; ``name`` is the field's.

    ``kind`` is the type of its value as people write it, `Path` for a file's name; ``least`` is
    the smallest number. ``title`` is what it is, to go into a sentence. Some routes make no use
    of an option that is ``by_route``. Of one that is ``repeated`` there may be several values.
    """

    spelling: str
    help: str
    name: str = ""
    title: str = ""
    default: Any = None
    kind: type = str
    choices: tuple[str, ...] = ()
    metavar: str = ""
    least: float | None = None
    by_route: bool = False
    repeated: bool = False


def option(default: Any, spelling: str, text: str, **more: Any) -> Any:
    """Return a dataclass field that is an option; ``more`` is for `Option`."""
    title = spelling.removeprefix("--").replace("-", " ")
    meaning = Option(spelling, text, default=default, **{"title": title, **more})
    return field(default=default, metadata={_KEY: meaning})


@cache
def options_of(plan: type[Any]) -> tuple[Option, ...]:
    """Return the options of a dataclass, in the order of its fields."""
    known = (each for each in fields(plan) if _KEY in each.metadata)
    return tuple(replace(each.metadata[_KEY], name=each.name) for each in known)
