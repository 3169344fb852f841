"""Tables that people write, in TOML."""

from pathlib import Path
from typing import Any

from bootharness.errors import UsageError
from bootharness.host.regular import read_regular

__all__ = ["read_toml"]

# what a reader of TOML has to know (TOML 1.0, "Integer"); nobody has a longer number
_BITS = 64


def read_toml(path: Path, what: str, *, most: int) -> dict[str, Any]:
    """Return the table in a file of at most so many bytes.

    Raises UsageError, naming the file and what it should be, where there is none.
    """
    import tomllib  # the command line does without

    try:
        table = tomllib.loads(read_regular(path, most=most).decode())
        _check(table)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: not {what}: its byte {error.start:,} is not UTF-8, which TOML is written in"
        ) from error
    except (ValueError, RecursionError) as error:  # ValueError is TOML's, too
        raise UsageError(f"{path}: not {what}: {error}") from error
    return table


def _check(table: dict[str, Any]) -> None:
    """Raise ValueError for a number that is too long to be printed."""
    left: list[tuple[str, Any]] = [*table.items()]
    while left:
        field, value = left.pop()
        if isinstance(value, dict):
            left.extend(value.items())
        elif isinstance(value, list):
            left.extend((field, each) for each in value)
        elif isinstance(value, int) and value.bit_length() > _BITS:
            raise ValueError(f"{field} has {value.bit_length():,} bits, and {_BITS} are the most")
