"""Lines out of pieces."""

import pytest

from bootharness.trace.lines import LINE_BYTES, Line, Lines


def texts(*pieces: bytes) -> list[str]:
    lines = Lines()
    return [line.text for piece in pieces for line in lines.feed(piece)]


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ((b"one\r\ntwo\n",), ["one", "two"]),
        ((b"o", b"ne\r", b"\ntw", b"o\n"), ["one", "", "two"]),
        ((b"in 5 s\rin 4 s\r",), ["in 5 s", "in 4 s"]),
        ((b"\x1b[0;32m  OK  \x1b[0m Started\n",), ["  OK   Started"]),
        ((b"menu\x1b[5;1Hentry\x1b[6;1H",), ["menu", "entry"]),
        ((b"logim\bn:\n",), ["login:"]),
        ((b"gr\xc3\xbcn\xff\n",), ["gr\u00fcn\ufffd"]),
    ],
)
def test_lines_are_as_a_terminal_shows_them(pieces: tuple[bytes, ...], lines: list[str]) -> None:
    assert [text for text in texts(*pieces) if text] == [line for line in lines if line]


def test_a_line_that_has_not_ended_is_open() -> None:
    lines = Lines()
    assert lines.open is None
    assert [*lines.feed(b"one\nlog")] == [Line(0, "one")]
    assert lines.open == Line(4, "log")
    assert [*lines.feed(b"in: ")] == []
    assert lines.open == Line(4, "login: ")
    assert [*lines.feed(b"\nx\n")] == [Line(4, "login: "), Line(12, "x")]


def test_what_never_ends_comes_in_pieces_and_is_not_kept() -> None:
    lines = Lines()
    found = [line for _ in range(8) for line in lines.feed(b"x" * LINE_BYTES)]
    assert [line.at for line in found] == [LINE_BYTES * number for number in range(7)]
    assert lines.open
    assert len(lines.open.text) == LINE_BYTES


def test_pieces_of_what_never_ends_are_as_a_terminal_shows_them_and_know_their_place() -> None:
    lines = Lines()
    text = b"ab\n" + b"x" * 2047 + b"\by" + b"z" * 2047 + b"end"
    found = [*lines.feed(text)]
    assert [line.at for line in found] == [0, 3]
    assert found[1].text == "x" * 2046 + "y" + "z" * 2047
    assert lines.open == Line(3 + LINE_BYTES, "end")


def test_a_line_that_is_as_long_as_one_may_be_is_whole() -> None:
    lines = Lines()
    assert [*lines.feed(b"x" * 4096)] == []
    assert [line.text for line in lines.feed(b"\n" + b"y" * 4097 + b"\n")] == [
        "x" * 4096, "y" * 4096, "y",
    ]  # fmt: skip
