"""`python -m bootharness`: the command."""

import gc
from typing import NoReturn

__all__ = ["main"]

_OBJECTS_BEFORE_COLLECTION = 1_000_000
"""With Python's 700 there are hundreds of collections while it imports us and takes in a
trace, and nothing for them to find."""


def main() -> NoReturn:
    """Run `bootharness` and exit with its status."""
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    from bootharness.cli import bootharness, run

    run(bootharness)


if __name__ == "__main__":
    main()
