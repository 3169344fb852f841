"""`python -m bootharness`: the command."""

from bootharness.cli import main

if __name__ == "__main__":
    main()
