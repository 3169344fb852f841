"""GitHub's expressions: `${{ ... }}` and `if:`, as much of them as the recipes use."""

import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["filled", "holds"]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>&&|\|\||[=!]=|[!(),]))"
)
_STATUS = ("always", "success", "failure", "cancelled")


def filled(text: str, contexts: Mapping[str, Any]) -> str:
    """Return a text with the values of its expressions in it."""
    return re.sub(
        r"\$\{\{(.*?)\}\}", lambda found: _text(_Reader(found[1], contexts).value()), text
    )


def holds(condition: str | bool | None, contexts: Mapping[str, Any], *, failed: bool) -> bool:
    """Return whether a step with that ``if:`` is run, after steps of which one has failed or not.

    Without a function that asks for the status, all before must have succeeded.
    """
    text = "success()" if condition is None else str(condition)
    text = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", text)
    if not re.search(rf"\b({'|'.join(_STATUS)})\(\)", text):
        text = f"success() && ({text})"
    status = {
        "always": lambda: True, "success": lambda: not failed,
        "failure": lambda: failed, "cancelled": lambda: False,
    }  # fmt: skip
    return bool(_Reader(text, contexts, status).value())


class _Reader:
    """One expression; what it names and nobody has raises an error, where GitHub says nothing."""

    def __init__(
        self,
        text: str,
        contexts: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self._contexts, self._functions = contexts, functions or {}
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            assert found and found.lastgroup, f"not an expression: {text[at:]!r} of {text!r}"
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._tokens.append(("end", ""))

    def value(self) -> Any:
        found = self._either()
        assert self._tokens[0][0] == "end", self._tokens
        return found

    def _next(self, *signs: str) -> str | None:
        if self._tokens[0][0] == "sign" and self._tokens[0][1] in signs:
            return self._tokens.pop(0)[1]
        return None

    def _either(self) -> Any:
        left = self._both()
        while self._next("||"):
            right = self._both()
            left = left or right
        return left

    def _both(self) -> Any:
        left = self._equal()
        while self._next("&&"):
            right = self._equal()
            left = left and right
        return left

    def _equal(self) -> Any:
        left = self._single()
        while sign := self._next("==", "!="):
            left = _same(left, self._single()) == (sign == "==")
        return left

    def _single(self) -> Any:
        if self._next("!"):
            return not self._single()
        if self._next("("):
            found = self._either()
            assert self._next(")")
            return found
        kind, word = self._tokens.pop(0)
        if kind == "text":
            return word[1:-1].replace("''", "'")
        assert kind == "name", word
        if self._next("("):
            assert self._next(")"), f"{word}: with arguments"
            return self._functions[word]()
        return _looked_up(word, self._contexts)


def _looked_up(name: str, contexts: Mapping[str, Any]) -> Any:
    first, *rest = name.split(".")
    found = contexts[first]
    for each in rest:
        # what an event or a skipped step does not have is empty; a step that is not there is a slip
        found = found[each] if first == "steps" and each == rest[0] else (found or {}).get(each)
    return found


def _same(left: Any, right: Any) -> bool:
    """Text is compared without its case; nothing is 0, and so is the empty text."""
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    return (left or 0) == (right or 0)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
