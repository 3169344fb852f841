"""JSON values whose lists of like things are written by columns, numbers as what they differ by.

A list of a thousand BIOS calls says a thousand times how its fields are called, and in most of
them what the call before had. Written so, a compressor has little left to do.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

__all__ = ["from_columns", "to_columns"]

_FEW = 4
"""So many things are written one by one."""
_MOST_SHAPES = 8
_MICRO = 1e6
_EXACT = 1 << 52
_LAGS = (0, 1, 2)
_NUMBER = re.compile(r"0x[0-9a-f]{1,12}|[0-9]{1,12}")


def to_columns(value: Any) -> Any:
    """Return plain values, as JSON has them, in another form; each list is a pair then, of how it
    is written and what."""
    match value:
        case dict():
            return {name: to_columns(each) for name, each in value.items()}
        case list():
            return _column(value)
    return value


def from_columns(written: Any) -> Any:
    """Return the values that `to_columns` was given, to the last digit."""
    match written:
        case dict():
            return {name: from_columns(each) for name, each in written.items()}
        case list():
            return _things(*written)
    return written


def _column(things: list[Any]) -> list[Any]:
    if len(things) < _FEW:
        return ["each", [to_columns(each) for each in things]]
    kinds = set(map(type, things))
    if len(kinds) == 1 and (kind := kinds.pop()) in _SCALARS:
        return _SCALARS[kind](things)
    shapes = list(map(_shape, things))
    known = list(dict.fromkeys(shapes))
    if len(known) > _MOST_SHAPES or known == [list]:
        return ["each", [to_columns(each) for each in things]]
    if len(known) > 1:
        order = [known.index(each) for each in shapes]
        parts = [_column([each for each, its in zip(things, shapes, strict=True) if its == shape])
                 for shape in known]  # fmt: skip
        return ["mixed", [_numbers(order), parts]]
    if isinstance(fields := known[0], tuple):
        columns = {name: _column([each[name] for each in things]) for name in fields}
        return ["fields", [len(things), columns]]
    return ["rows", [_column([*each]) for each in zip(*things, strict=True)]]


def _shape(thing: Any) -> Any:
    """Return what things of one column have in common: their fields, how many they are, or their
    type."""
    kind = type(thing)
    if kind is dict:
        return tuple(thing)
    return len(thing) if kind is list and thing else kind


def _numbers(things: Sequence[int]) -> list[Any]:
    if max(map(abs, things)) >= _EXACT:
        return ["each", things]
    if min(things) == max(things):
        return ["same", [len(things), things[0]]]
    return ["steps", min((_steps(things, lag) for lag in _LAGS), key=_size)]


def _steps(things: Sequence[int], lag: int) -> list[Any]:
    """Return numbers as what each has more than the one so many before it."""
    if not lag:
        return [0, things]
    pairs = zip(things[lag:], things[:-lag], strict=True)
    return [lag, [*things[:lag], *(each - before for each, before in pairs)]]


def _size(steps: list[Any]) -> int:
    return len(msgspec.msgpack.encode(steps))


def _fractions(things: list[float]) -> list[Any]:
    """Return seconds, which are measured in microseconds, as numbers of those."""
    if any(not abs(each) < _EXACT / _MICRO for each in things):
        return ["each", things]
    micros = [round(each * _MICRO) for each in things]
    exact = all(repr(each / _MICRO) == repr(its) for each, its in zip(micros, things, strict=True))
    return ["millionths", _numbers(micros)] if exact else ["each", things]


def _texts(things: list[str]) -> list[Any]:
    known = {text: number for number, text in enumerate(dict.fromkeys(things))}
    if 2 * len(known) <= len(things):
        return ["among", [[*known], _numbers([known[each] for each in things])]]
    forms = [_NUMBER.sub(_form, each.replace("%", "%%")) for each in things]
    if 2 * len(set(forms)) > len(things):
        return ["each", things]
    numbers = defaultdict[str, list[list[int]]](list)
    for form, each in zip(forms, things, strict=True):
        numbers[form].append([int(its, 0 if "x" in its else 10) for its in _NUMBER.findall(each)])
    return ["formed", [_texts(forms), [_column(each) for each in numbers.values()]]]


def _form(number: re.Match[str]) -> str:
    """Return a number's place in a text, as Python formats it."""
    digits = number[0].removeprefix("0x")
    return f"%0{len(digits)}d" if digits == number[0] else f"0x%0{len(digits)}x"


def _same(things: list[Any]) -> list[Any]:
    return ["same", [len(things), things[0]]]


def _each(things: list[Any]) -> list[Any]:
    return ["each", things]


_SCALARS: dict[type, Callable[[Any], list[Any]]] = {
    int: _numbers, float: _fractions, str: _texts, bool: _each, type(None): _same,
}  # fmt: skip


def _things(how: str, written: Any) -> list[Any]:
    match how:
        case "same":
            return [written[1]] * written[0]
        case "steps":
            lag, steps = written
            return _summed(steps, lag) if lag else steps
        case "millionths":
            return [each / _MICRO for each in _things(*written)]
        case "among":
            texts, order = written
            return [texts[each] for each in _things(*order)]
        case "fields":
            count, columns = written
            return _rows(count, {name: _things(*each) for name, each in columns.items()})
        case "rows":
            return [[*each] for each in zip(*(_things(*each) for each in written), strict=True)]
        case "mixed":
            order, parts = written
            left = [iter(_things(*part)) for part in parts]
            return [next(left[number]) for number in _things(*order)]
        case "formed":
            forms = _things(*written[0])
            numbers = [iter(_things(*each)) for each in written[1]]
            left_of = dict(zip(dict.fromkeys(forms), numbers, strict=True))
            return [form % tuple(next(left_of[form])) for form in forms]
    return [from_columns(each) for each in written]


def _summed(steps: list[int], lag: int) -> list[int]:
    things = steps[:lag]
    for number, step in enumerate(steps[lag:]):
        things.append(things[number] + step)
    return things


def _rows(count: int, columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    if not columns:
        return [{} for _ in range(count)]
    names = [*columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
