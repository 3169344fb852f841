"""What a boot has to come to: names, patterns, and what is nearly a name."""

from typing import Any

import pytest

from bootharness.errors import UsageError
from bootharness.plan import SCREEN, UNTIL, BootPlan, choose
from bootharness.plan.goal import check_until
from bootharness.plan.pattern import check_on_screen, check_pattern, is_needle
from bootharness.routes.table import route_of


@pytest.mark.parametrize(
    "until", [*UNTIL, "shutdown", "login:", r"\[  OK  \]", "[b]anner", "ready", "started", "target"]
)
def test_names_and_patterns_are_taken(until: str) -> None:
    assert BootPlan(until=until).until == until


@pytest.mark.parametrize(
    ("until", "meant"),
    [
        ("bannr", "banner"),
        ("Init", "init"),
        ("BANNER", "banner"),
        ("scren", "screen"),
        ("stage1", "setup"),
        ("setup-loaded", "setup"),
        ("setup-entered", "setup"),
        ("protected_mode", None),
        ("protected", "protected-mode"),
        ("userspace", "init"),
        ("poweroff", "shutdown"),
        ("power-off", "shutdown"),
        ("kernel-loaded", "setup"),
        ("kernel-entered", "setup"),
        # typed in a hurry
        ("stge", "setup"),
        ("setu-loa", "setup"),
        ("setu-ent", "setup"),
        ("kern-lod", "setup"),
        ("kern-ente", "setup"),
        ("protec", "protected-mode"),
        ("usrspc", "init"),
        ("power", "shutdown"),
        ("powr-f", "shutdown"),
    ],
)
def test_what_is_nearly_a_name_is_asked_about(until: str, meant: str | None) -> None:
    if meant is None:
        assert BootPlan(until=until)
        return
    with pytest.raises(UsageError, match=f"did you mean {meant}\\?.* write \\[") as refused:
        BootPlan(until=until)
    pattern = str(refused.value).rpartition(" ")[2]
    assert BootPlan(until=pattern).until == pattern


def test_what_is_asked_is_one_sentence() -> None:
    with pytest.raises(UsageError) as refused:
        check_until("bannr")
    assert str(refused.value) == ("'bannr': did you mean banner? If it is a pattern, write [b]annr")


def test_what_is_no_pattern_is_said_whole() -> None:
    long = "ab" * 501
    for pattern, said in (
        (long, f"{long[:40]!r}... has 1,002 characters; a pattern has at most 1,000"),
        ("x*", "'x*': it is found in an empty line, so it would tell nothing"),
        ("(", "'(' is no regular expression: missing ) at position 1; a \\ before ( [ . * + ? "
         "makes it a letter"),
    ):  # fmt: skip
        with pytest.raises(UsageError) as refused:
            check_pattern(pattern)
        assert str(refused.value) == said


@pytest.mark.parametrize(
    ("given", "needle"),
    [("menu.png", True), ("a(/MENU.PNG", True), ("menu[.]png", False), ("png", False)],
)
def test_the_name_of_a_picture_is_no_pattern(given: str, needle: bool) -> None:
    assert is_needle(given) is needle
    check_on_screen(given)


def test_what_is_no_name_of_a_picture_has_to_be_a_pattern() -> None:
    with pytest.raises(UsageError, match="no regular expression"):
        check_on_screen("menu(")


def test_the_longest_pattern_is_taken() -> None:
    check_pattern("x" * 1000)


@pytest.mark.parametrize(
    ("name", "pattern", "said"),
    [
        ("until", "log(in", "is no regular expression: missing"),
        ("until", "*", "is no regular expression: nothing to repeat"),
        ("until", "a{99999999999}", "is no regular expression"),
        ("until", "x*", "found in an empty line"),
        ("until", "", "found in an empty line"),
        ("until", "^$", "found in an empty line"),
        ("until", "x" * 1001, "at most 1,000"),
        ("until", "\udcff:", "not UTF-8"),
        ("until_screen", "[", "is no regular expression"),
        ("fail_on", "WARN(", "is no regular expression"),
        ("fail_on", ["fine", "WARN("], "is no regular expression"),
        ("fail_on", [7], "text is wanted"),
        ("fail_on", 7, "text is wanted"),
        ("until_screen", 7, "text is wanted"),
    ],
)
def test_what_is_no_pattern_is_one_sentence(name: str, pattern: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        choose(BootPlan(), {name: pattern})
    assert str(refused.value).startswith(name.replace("_", " "))
    assert "\n" not in str(refused.value)


def test_a_boot_has_one_goal() -> None:
    with pytest.raises(UsageError, match="one goal"):
        BootPlan(until="banner", until_screen="login:")
    with pytest.raises(UsageError, match="--until-screen PATTERN"):
        BootPlan(until=SCREEN)
    settled = route_of(BootPlan()).settled(BootPlan(until_screen="login:"))
    assert settled.until == SCREEN


def test_one_pattern_is_as_good_as_a_list_of_it() -> None:
    assert choose(BootPlan(), {"fail_on": "WARNING"}) == choose(
        BootPlan(), {"fail_on": ["WARNING"]}
    )


@pytest.mark.parametrize(
    ("until", "wants"),
    [("setup", False), ("banner", False), ("init", True), ("shutdown", True), ("login:", True)],
)
def test_what_comes_behind_the_banner_wants_a_userspace(until: str, wants: bool) -> None:
    assert BootPlan(until=until).wants_userspace is wants
