"""Text that comes from elsewhere, in Markdown."""

import pytest

from bootharness.report.markdown import block, code, escaped


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b*c|d[e]`f`", "a\\_b\\*c\\|d\\[e\\]\\`f\\`"),
        ("@somebody #1 & <b>", "\\@somebody \\#1 &amp; &lt;b>"),
        ("C:\\", "C:\\\\"),
    ],
)
def test_what_markdown_heeds_is_shown_as_it_is(text: str, written: str) -> None:
    assert escaped(text) == written


def test_code_and_blocks_lie_between_more_backticks_than_are_in_them() -> None:
    assert code("ls") == "`ls`"
    assert code("a ``b`` c") == "``` a ``b`` c ```"
    assert block(["ls", "```", "x"]) == ["````", "ls", "```", "x", "````"]
    assert block(["ls"]) == ["```", "ls", "```"]


def test_what_a_terminal_would_obey_is_shown() -> None:
    for written in (escaped("\x1b[2J"), code("\x1b"), *block(["\x1b"])):
        assert "\x1b" not in written
