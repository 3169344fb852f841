"""A field of a plan as people meet it: on a command line, in a marker, in a matrix, in a report."""

from collections.abc import Callable
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

__all__ = ["Option", "options_of"]


class Option(Struct, frozen=True):
    """How a field is spelt and what it takes: it stands in the annotation of the field.

    ``name`` and ``default`` are the field's. ``kind`` is the type of its value as people write
    it, `Path` for a file's name, `bool` for a switch that is off without it; ``least`` and
    ``most`` are bounds of a number, ``pattern`` is what all of a text has to be like, and ``check``
    raises UsageError for another. ``title`` is what it is, to go into a sentence. Some routes make
    no use of an option that is ``by_route``. Of one that is ``repeated`` there may be several
    values.
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
    most: float | None = None
    by_route: bool = False
    repeated: bool = False
    pattern: str = ""
    check: Callable[[str], None] | None = None


@cache
def options_of(plan: type[Struct]) -> tuple[Option, ...]:
    """Return the options of a plan's class, in the order of its fields."""
    found = []
    for each in fields(plan):
        for option in getattr(plan.__annotations__[each.name], "__metadata__", ()):
            title = option.title or option.spelling.removeprefix("--").replace("-", " ")
            found.append(replace(option, name=each.name, title=title, default=each.default))
    return tuple(found)
