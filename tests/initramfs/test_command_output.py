"""A command's output out of all that is on the line, however it comes in pieces."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bootharness.initramfs.command_output import CommandOutput, ended

TOKEN = "0123456789abcdef"
KERNEL = b"[    1.0] booting\r\nbootharness: init reached\r\n"
BEGIN = f"\nbootharness: begin {TOKEN}\n".encode()
END = f"\r\nbootharness: exit {TOKEN} 7\n".encode()


def heard(pieces: list[bytes]) -> tuple[bytes, CommandOutput]:
    written: list[bytes] = []
    output = CommandOutput(written.append)
    for piece in pieces:
        output.serial(piece)
    return b"".join(written), output


@given(st.binary(max_size=200), st.lists(st.integers(0, 400), max_size=12))
def test_output_is_what_it_was_to_the_byte(said: bytes, cuts: list[int]) -> None:
    line = KERNEL + BEGIN + said + END + b"[    9.0] the end\n"
    at = [0, *sorted(min(each, len(line)) for each in cuts), len(line)]
    pieces = [line[first:last] for first, last in pairwise(at)]
    assert heard(pieces)[0] == said
    assert heard(pieces)[1].status == 7


def test_lines_of_another_token_are_output() -> None:
    other = b"\nbootharness: exit ffffffffffffffff 0\n"
    written, output = heard([KERNEL + BEGIN + b"a" + other, b"c"])
    assert written == b"a" + other + b"c"
    assert (output.began, output.status) == (True, None)


def test_what_is_said_is_passed_on_at_once() -> None:
    assert heard([BEGIN + b"prompt> "])[0] == b"prompt> "
    assert heard([BEGIN + b"a line\n"])[0] == b"a line\n"


def test_of_a_command_that_never_began_nothing_is_output() -> None:
    written, output = heard([KERNEL * 100])
    assert (written, output.began) == (b"", False)


def test_pattern_is_that_of_the_line() -> None:
    assert re.search(ended(TOKEN), END.decode(), re.MULTILINE)
