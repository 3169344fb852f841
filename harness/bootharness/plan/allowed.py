"""Whether the values of a plan are such as its options take."""

import re
from pathlib import Path
from typing import Any

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.plan.fault_line import FaultList
from bootharness.plan.option import Option, options_of

__all__ = ["check_values"]

_SHOWN = 40


def check_values(part: Struct) -> None:
    """Raise UsageError for a value that an option cannot have."""
    for each in options_of(type(part)):
        value = getattr(part, each.name)
        if value is None and each.default is None:
            continue
        _check_choice(each, value)
        if each.kind is bool and not isinstance(value, bool):
            raise UsageError(f"{each.title} {value!r}: true or false is wanted ({each.name})")
        if each.kind in (int, float) and type(value) not in (int, each.kind):
            raise UsageError(f"{each.title} {value!r}: a number is wanted ({each.name})")
        if each.least is not None and not value >= each.least:  # what is no number is less
            raise UsageError(f"{each.title} {value}: it has to be at least {each.least:g}")
        if each.most is not None and value > each.most:
            shown = str(value)[:_SHOWN]
            raise UsageError(f"{each.title} {shown}: it can be at most {each.most:,.0f}")
        if each.kind in (str, Path) and not (each.repeated or isinstance(value, str)):
            raise UsageError(f"{each.title} {value!r}: text is wanted")
        if each.kind is str and isinstance(value, str) and not value.isascii():
            _check_text(each, value)
        if each.pattern and not re.fullmatch(each.pattern, value):
            raise UsageError(f"{each.title} {value!r}: it has to be like {each.pattern}")
        if each.check is not None:
            _check_each(each, value)


def _check_choice(option: Option, value: Any) -> None:
    """Raise UsageError for what is no list where there may be several, and for a choice that is
    not known."""
    if option.repeated and option.check is None and not isinstance(value, tuple | FaultList):
        what = "files" if option.kind is Path else "names"
        raise UsageError(f"{option.title} {value!r}: a list of {what} is wanted")
    for each in (value if option.repeated else (value,)) if option.choices else ():
        if each not in option.choices:
            raise UsageError(f"{option.title} {each!r}: known are {', '.join(option.choices)}")


def _check_each(option: Option, value: Any) -> None:
    """Raise UsageError for what is no text, or not one that an option takes."""
    assert option.check
    several = value if option.repeated else (value,)
    if not isinstance(several, tuple) or not all(isinstance(text, str) for text in several):
        raise UsageError(f"{option.title} {value!r}: text is wanted")
    for text in several:
        try:
            _check_text(option, text)
            option.check(text)
        except UsageError as error:
            said = str(error).removeprefix(f"{option.title} ")
            raise UsageError(f"{option.title} {said}") from None


def _check_text(option: Option, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:  # Python has bytes that are no text as halves of letters
        raise UsageError(f"{option.title} {value!a}: it is not UTF-8") from error
