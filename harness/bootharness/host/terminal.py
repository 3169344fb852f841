"""The terminal that a person sits at: lent to a program, or passed through key by key."""

import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["as_it_was", "raw"]


@contextmanager
def as_it_was() -> Iterator[None]:
    """Set the terminal back at the end: whoever was killed on it could not."""
    try:
        settings = termios.tcgetattr(sys.stdin)
    except (termios.error, OSError, ValueError):  # not a terminal
        yield
        return
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, settings)


@contextmanager
def raw() -> Iterator[None]:
    """Pass every key through, Ctrl-C as well. What is no terminal stays as it is."""
    with as_it_was():
        if sys.stdin.isatty():
            tty.setraw(sys.stdin)
        yield
