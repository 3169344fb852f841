"""Values of features: numbers, versions and texts, and the order in which they stand."""

import re
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any, Literal

__all__ = ["Kind", "Value", "kind_of", "kind_of_one", "place", "read_column", "written"]

Value = int | float | str
Kind = Literal["number", "version", "text"]

_NUMBER = re.compile(
    r"[+-]?\d{1,18}(?:\.(?P<decimals>\d{1,18}))?(?:e[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII
)
_VERSION = re.compile(
    r"v?(?P<numbers>\d{1,9}(?:\.\d{1,9})*)"
    r"(?:[-~.]?(?P<early>alpha|beta|pre|rc)[-.]?(?P<step>\d{1,9})?)?"
    r"(?P<rest>(?:[-+~._ ].{0,200})?)",
    re.IGNORECASE | re.ASCII,
)
_OF_VERSIONS = re.compile(r"version|release|kernel", re.IGNORECASE | re.ASCII)
_RELEASED = "~"  # stands behind the name of everything that comes before a release


def read_column(name: str, texts: Sequence[str]) -> list[Value]:
    """Return the values of a column of texts: numbers where they are, and 6.10 behind 6.9.

    They are versions where the column's name says so, where one of them can be nothing else, and
    where decimals end with a nought that no number would need.
    """
    numbers = [found for found in map(_NUMBER.fullmatch, texts) if found]
    others = [text for text in texts if not _NUMBER.fullmatch(text)]
    decimals = {len(found["decimals"]) for found in numbers if found["decimals"]}
    padded = any((found["decimals"] or "").endswith("0") for found in numbers)
    if (
        (_OF_VERSIONS.search(name) and decimals)
        or any(_VERSION.fullmatch(text) and "." in text for text in others)
        or (len(decimals) > 1 and padded)
    ):
        return [*texts]
    return [_number(text) if _NUMBER.fullmatch(text) else text for text in texts]


def _number(text: str) -> Value:
    number = int(text) if text.lstrip("+-").isdecimal() else float(text)
    return number if isfinite(number) else text


def kind_of(values: Iterable[Value]) -> Kind:
    """Return what a feature's values are, as most of them are; the others are not known then.

    It takes a dot somewhere to make versions.
    """
    known = [*values]
    texts = [value for value in known if isinstance(value, str)]
    if not texts:
        return "number"
    versions = [text for text in texts if _VERSION.fullmatch(text)]
    if not any("." in text for text in versions):
        versions = []
    numbers = len(known) - len(texts)
    if 2 * (numbers + len(versions)) < len(known) or not numbers + len(versions):
        return "text"
    return "version" if versions else "number"


def kind_of_one(value: Value, kind: Kind) -> bool:
    """Return whether a value is of the kind that its feature has."""
    if kind == "number":
        return not isinstance(value, str)
    return kind == "text" or _VERSION.fullmatch(str(value)) is not None


def place(value: Value, kind: Kind) -> Any:
    """Return what orders a value among others of its kind: rc's stand before their release."""
    if kind == "number":
        return value
    found = _VERSION.fullmatch(str(value))
    if kind == "text" or not found:
        return str(value)
    numbers = [int(each) for each in found["numbers"].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    early = (found["early"] or _RELEASED).lower()
    rest = tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.findall(r"[0-9]{1,18}|[^0-9]+", found["rest"])
    )
    return (tuple(numbers), early, int(found["step"] or 0), rest)


def written(value: Value) -> str:
    """Write a value for people: ``15,735,808``, ``0.25``, ``6.10``."""
    return value if isinstance(value, str) else f"{value:,}"
