"""What is typed where a guest asks for it, declared in one line: ``PATTERN=>TEXT``.

    boot:=>rescue<enter>                  text, and the key Enter
    GNU GRUB=><down><enter>               the second entry of a menu
    login:=>root<enter>
    menu.png=><down><enter>               when that picture is on the screen

A key that is no letter stands in ``<>``. Nothing is typed but what is there: no Enter either.
"""

import re
from typing import Self

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.plan.pattern import check_on_screen
from bootharness.text import hint

__all__ = ["KEYS", "Prompt", "check_prompt"]

_ARROW = "=>"
KEYS = (
    "enter", "esc", "tab", "backspace", "up", "down", "left", "right", "home", "end", "pgup",
    "pgdn", "delete", "lt", *(f"f{number}" for number in range(1, 13)),
)  # fmt: skip
"""Keys that are no letters; ``lt`` is ``<``, which begins a key."""
_CONTROL = re.compile(r"ctrl-[a-z]")
_KEY = re.compile(r"<([^<>]{0,20})>|([^<])|(<)")
_MOST_KEYS = 500


class Prompt(Struct, frozen=True):
    """A pattern or a picture to wait for, and the keys to type then: letters, or names of
    `KEYS`."""

    pattern: str
    text: str
    keys: tuple[str, ...]

    @classmethod
    def parse(cls, given: str) -> Self:
        """Read a prompt as a person writes it. Raises UsageError, saying what can be written."""
        pattern, _, text = given.partition(_ARROW)
        if not text:
            raise UsageError(f"{given!r}: it is PATTERN=>TEXT, as 'boot:=>rescue<enter>'")
        check_on_screen(pattern)
        keys = tuple(_key(given, *found.groups()) for found in _KEY.finditer(text))
        if len(keys) > _MOST_KEYS:
            raise UsageError(
                f"{given[:40]!r}...: these are {len(keys):,} keys, and {_MOST_KEYS} do"
            )
        return cls(pattern, text, keys)


def _key(given: str, name: str | None, letter: str | None, bare: str | None) -> str:
    if bare:
        raise UsageError(f"{given!r}: a < that begins no key is written <lt>")
    if name is not None:
        if name not in KEYS and not _CONTROL.fullmatch(name):
            near = hint(name, (*KEYS, "ctrl-c"), otherwise=f"keys are {', '.join(KEYS)}, ctrl-c")
            raise UsageError(f"{given!r}: <{name}> is no key; {near}")
        return "<" if name == "lt" else name
    assert letter
    if not (letter.isascii() and letter.isprintable()):
        raise UsageError(f"{given!r}: {letter!a} is on no key; Enter is <enter>, Tab <tab>")
    return letter


def check_prompt(given: str) -> None:
    """Raise UsageError for what is no prompt."""
    Prompt.parse(given)
