"""`python -m bootharness`: the command."""

import gc
import io
import os
import sys
from typing import NoReturn

__all__ = ["main"]

_OBJECTS_BEFORE_COLLECTION = 1_000_000
"""With Python's 700 there are hundreds of collections while it imports us and takes in a
trace, and nothing for them to find."""


def _have_streams() -> None:
    """Have the three standard streams, closed ones as /dev/null: the next files that are opened
    would take their places. What a stream cannot write is written as it can be."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if name == "stdin" else "w", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            ours = "backslashreplace" if stream.encoding.lower() == "utf-8" else "replace"
            stream.reconfigure(errors=ours)


def main() -> NoReturn:
    """Run `bootharness` and exit with its status."""
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    if not os.environ.get("HOME"):  # an empty one is the root folder to whom we call
        os.environ.pop("HOME", None)
    _have_streams()
    from bootharness.cli import bootharness, run

    run(bootharness)


if __name__ == "__main__":
    main()
