"""What is typed, and where."""

import pytest

from bootharness.errors import UsageError
from bootharness.machine.keys import as_codes, as_sent
from bootharness.plan.prompt import KEYS, Prompt, check_prompt


@pytest.mark.parametrize(
    ("given", "pattern", "keys"),
    [
        ("boot:=>two<enter>", "boot:", ("t", "w", "o", "enter")),
        ("GRUB=><down><down><enter>", "GRUB", ("down", "down", "enter")),
        ("a=>b=>c", "a", ("b", "=", ">", "c")),
        ("$ =>x <lt> y>z<ctrl-c>", "$ ", (*"x < y>z", "ctrl-c")),
    ],
)
def test_prompts_as_people_write_them(given: str, pattern: str, keys: tuple[str, ...]) -> None:
    prompt = Prompt.parse(given)
    assert (prompt.pattern, prompt.keys) == (pattern, keys)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("boot:", "it is PATTERN=>TEXT"),
        ("boot:=>", "it is PATTERN=>TEXT"),
        ("=>x", "found in an empty line"),
        ("(=>x", "is no regular expression"),
        ("a=><entr>", "<entr> is no key; did you mean enter?"),
        ("a=><zzz>", "<zzz> is no key; keys are enter"),
        ("a=>1 < 2", "written <lt>"),
        ("a=>gr\u00fcn", "on no key"),
        ("a=>x\n", "Enter is <enter>"),
        ("a=>" + "x" * 501, "501 keys"),
        ("a=><f0>", "<f0> is no key"),
        ("a=><f13>", "<f13> is no key"),
        ("a=><ctrl-C>", "<ctrl-C> is no key; did you mean ctrl-c\\?$"),
    ],
)
def test_what_is_no_prompt_is_one_sentence(given: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        Prompt.parse(given)
    assert "\n" not in str(refused.value)


def test_what_is_wrong_is_said_whole() -> None:
    long = "a=>" + "x" * 1000
    keys = ", ".join(KEYS)
    for given, said in (
        ("boot:", "'boot:': it is PATTERN=>TEXT, as 'boot:=>rescue<enter>'"),
        ("a=>1 <", "'a=>1 <': a < that begins no key is written <lt>"),
        ("a=>\t", "'a=>\\t': '\\t' is on no key; Enter is <enter>, Tab <tab>"),
        ("a=><zzz>", f"'a=><zzz>': <zzz> is no key; keys are {keys}, ctrl-c"),
        (long, f"{long[:40]!r}...: these are 1,000 keys, and 500 do"),
    ):
        with pytest.raises(UsageError) as refused:
            check_prompt(given)
        assert str(refused.value) == said


def test_as_many_keys_as_there_may_be_are_taken() -> None:
    assert len(Prompt.parse("a=>" + "x" * 500).keys) == 500


def test_keys_have_the_names_that_stand_on_them() -> None:
    assert KEYS == (
        "enter", "esc", "tab", "backspace", "up", "down", "left", "right", "home", "end", "pgup",
        "pgdn", "delete", "lt", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11",
        "f12",
    )  # fmt: skip


def test_keys_as_a_keyboard_and_as_a_terminal_have_them() -> None:
    keys = Prompt.parse("x=>aB1!\\| <enter><down><f5><ctrl-c>").keys
    assert [*as_codes(keys)] == [
        ("a",), ("shift", "b"), ("1",), ("shift", "1"), ("backslash",), ("shift", "backslash"),
        ("spc",), ("ret",), ("down",), ("f5",), ("ctrl", "c"),
    ]  # fmt: skip
    assert as_sent(keys) == b"aB1!\\| \r\x1b[B\x1b[15~\x03"


def test_every_key_has_both() -> None:
    letters = [chr(code) for code in range(0x20, 0x7F)]
    keys = [key for key in KEYS if key != "lt"] + letters
    assert all(as_sent([key]) for key in keys)
    assert len({tuple(codes) for codes in as_codes(keys)}) == len(keys)
