"""Lines on a terminal of any width, and in a pipe."""

import io
import re

import pytest

from bootharness.report.lines import say, say_rows

LONG = (
    "destination-wrapped: block move 242 went to 0x001c00 instead of 0x1001c00 by "
    "/a/path/that-is-longer-than-a-line-has-columns"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(output: io.StringIO) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", output.getvalue()).splitlines()


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_words_stay_whole_and_none_is_lost(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    output = Terminal()
    say(output, ("BAD", {"fg": "red"}), LONG)
    lines = shown(output)
    assert " ".join(line.strip() for line in lines) == f"BAD {LONG}"
    assert all(len(line) <= columns or len(line.split()) == 1 for line in lines)
    assert all(line.startswith("     ") for line in lines[1:])


def test_in_a_pipe_a_sentence_is_one_line() -> None:
    output = io.StringIO()
    say(output, ("BAD", {"fg": "red"}), LONG, indent=5)
    assert output.getvalue() == f"     BAD {LONG}\n"


ROWS = [
    ["GOOD", "vmlinuz-6.1", "", "14,127,616", "banner 3.39 s"],
    ["BAD", "vmlinuz-6.12", "", "17,000,000", ""],
]


def test_table_that_fits_is_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    output = Terminal()
    say_rows(output, ROWS, lead=2, right=(3,))
    assert shown(output) == [
        "GOOD  vmlinuz-6.1   14,127,616  banner 3.39 s",
        "BAD   vmlinuz-6.12  17,000,000",
    ]


def test_table_that_does_not_fit_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "36")
    output = Terminal()
    say_rows(output, ROWS, lead=2, right=(3,))
    assert shown(output) == [
        "GOOD  vmlinuz-6.1",
        "     14,127,616  banner 3.39 s",
        "BAD  vmlinuz-6.12",
        "     17,000,000",
    ]


def test_table_in_a_pipe_is_not_padded() -> None:
    output = io.StringIO()
    say_rows(output, ROWS, lead=2, right=(3,))
    assert output.getvalue() == (
        "GOOD  vmlinuz-6.1  14,127,616  banner 3.39 s\nBAD  vmlinuz-6.12  17,000,000\n"
    )
