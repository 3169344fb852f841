"""Configurations: how they are read, ordered, and divided; nothing is built or booted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootharness.bisection.config_answer import (
    ConfigAnswer,
    Growth,
    config_conclusion,
    growths,
    guilty_of,
    unknown_symbols,
)
from bootharness.bisection.config_between import between, needed
from bootharness.bisection.kconfig import (
    Config,
    Declared,
    config_text,
    declared,
    differing,
    read_config,
)
from bootharness.errors import UsageError

Close = Callable[[Config], Config]
PLAIN = {f"S{number}": "y" for number in range(8)}


def as_asked(config: Config) -> Config:
    """Close a configuration whose symbols do not know each other."""
    return {name: value for name, value in config.items() if value != "n"}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    config = {"A": "y", "B": "n", "NAME": '"with = and # in it"', "HEX": "0x10"}
    (tmp_path / ".config").write_text(f"# a comment\n{config_text(config)}\n")
    assert read_config(tmp_path / ".config") == config


def test_a_file_without_symbols_is_no_config(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("buy milk\n")
    with pytest.raises(UsageError, match=r"notes: no line is CONFIG_NAME=VALUE"):
        read_config(tmp_path / "notes")


def test_symbols_of_the_good_one_alone_stay_behind_their_neighbours() -> None:
    good = {"A": "y", "GONE": "y", "B": "y", "FIRST_GONE": "n"}
    bad = {"NEW": "y", "A": "y", "B": "n"}
    assert differing(good, bad) == ("NEW", "GONE", "B")


def test_kconfig_files_tell_prompts_places_and_choices(tmp_path: Path) -> None:
    (tmp_path / "Kconfig").write_text(
        'config A\n\ttristate "an A"\n\tdepends on NET && !B\n\nchoice\n\tprompt "which"\n\n'
        'config B\n\tbool "a B"\n\n'
        'config C\n\tbool "a C"\n\nendchoice\nmenuconfig D\n\tprompt "a D"\n\tbool\n'
    )
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "Kconfig.more").write_text("config E\n\tdef_bool y\n")
    assert declared(tmp_path) == {
        "A": Declared("Kconfig:1", "an A", "", ("NET", "B")),
        "B": Declared("Kconfig:8", "a B", "Kconfig:5"),
        "C": Declared("Kconfig:11", "a C", "Kconfig:5"),
        "D": Declared("Kconfig:15", "a D"),
        "E": Declared("sub/Kconfig.more:1"),
    }


def divided(good: Config, bad: Config, share: float, close: Close) -> tuple[int, int]:
    """Return in how many symbols what lies between two differs from the one, and the other."""
    found = between(good, bad, share, close)
    assert found is not None
    return len(differing(good, found)), len(differing(found, bad))


@pytest.mark.parametrize("changed", range(1, 8))
def test_symbols_that_do_not_know_each_other_are_divided_anywhere(changed: int) -> None:
    assert divided({}, PLAIN, changed / 8, as_asked) == (changed, 8 - changed)


def test_what_depends_on_a_later_symbol_is_divided_from_the_other_end() -> None:
    def close(config: Config) -> Config:  # S7 is what all others depend on
        return as_asked(config) if config.get("S7") == "y" else {}

    assert divided({}, PLAIN, 0.5, close) == (4, 4)


def test_the_difference_is_halved_and_not_the_symbols() -> None:
    """As a menu's symbol does, the 3rd of 8 brings 60 others, unless they are said not to be."""
    more = {f"T{number}": "y" for number in range(60)}

    def close(config: Config) -> Config:
        kept = {name: "y" for name in PLAIN if config.get(name) == "y"}
        under = {name: "y" for name in more if config.get(name, "y") == "y"}
        return kept | under if "S2" in kept else kept

    of_good, of_bad = divided({}, PLAIN | more, 0.5, close)
    assert of_good + of_bad == 68
    assert abs(of_good - of_bad) <= 0.2 * 68


def test_a_choice_cannot_be_divided() -> None:
    def close(config: Config) -> Config:
        chosen = [name for name in ("LZ4", "GZIP") if config.get(name) == "y"]
        return {(chosen or ["GZIP"])[-1]: "y"}

    assert between({"GZIP": "y"}, {"LZ4": "y"}, 0.5, close) is None
    assert between({}, {"ONE": "y"}, 0.5, as_asked) is None


def test_a_symbol_that_divides_is_found_where_nothing_else_does() -> None:
    def close(config: Config) -> Config:
        asked = as_asked(config)
        return asked if asked == {"S3": "y"} or len(asked) == 8 else {}

    assert between({}, PLAIN, 0.5, close) == {"S3": "y"}


def test_what_a_symbol_depends_on_is_found() -> None:
    def close(config: Config) -> Config:
        closed = dict(as_asked(config))
        if closed.get("S1") != "y" or closed.get("S6") != "y":
            closed.pop("S4", None)
        return closed

    assert needed({}, PLAIN, ("S4",), close) == ("S1", "S6")
    asked: list[Config] = []

    def noted(config: Config) -> Config:
        asked.append(config)
        return close(config)

    near = {"S4": ("S1", "S2"), "S2": ("S6", "S5", "OTHER")}
    assert needed({}, PLAIN, ("S4",), noted, lambda name: near.get(name, ())) == ("S1", "S6")
    assert all(config.get("S0", "n") == config.get("S7", "n") == "n" for config in asked)
    # what it seems to depend on is not all
    near = {"S4": ("S1",)}
    assert needed({}, PLAIN, ("S4",), close, lambda name: near.get(name, ())) == ("S1", "S6")
    assert needed({}, PLAIN, ("S3",), close) == ()


def test_what_others_forbid_is_not_looked_for_without_end() -> None:
    assert needed({}, PLAIN, ("S4",), lambda _: {}) is None


def test_growth_is_between_neighbours_and_the_most_comes_first() -> None:
    assert growths([(("A",), 10), (("B", "C"), 290), (("D",), -10)]) == (
        Growth("B", "C", 2, 290),
        Growth("A", "A", 1, 10),
        Growth("D", "D", 1, -10),
    )


def test_unknown_symbols_are_those_that_are_set() -> None:
    assert unknown_symbols({"A": "y", "B": "n", "C": "m"}, {"A": Declared("")}) == ("C",)


def _answer(*names: str, **more: object) -> ConfigAnswer:
    guilty = guilty_of(names, {}, dict.fromkeys(names, "y"), {})
    return ConfigAnswer("g", "b", 9, 5, guilty, **more)  # type: ignore[arg-type]


def test_sentences_say_what_was_tried_and_no_more() -> None:
    def said(answer: ConfigAnswer, set_back: bool | None, alone: bool | None) -> str:
        return config_conclusion(answer, "hang", set_back=set_back, alone=alone)

    assert said(_answer("A"), True, True) == (
        "what makes it fail (hang) is A; b boots with it as in g; g fails with it as in b"
    )
    assert said(_answer("A"), None, None) == "what makes it fail (hang) is A"
    assert said(_answer("A"), False, None).endswith("; with it as in g, b fails all the same")
    more = said(_answer("A"), None, False)
    assert more.endswith("; g with it as in b boots, so that it takes more")
    together = said(_answer("A", "B", together=True), True, True)
    assert "are these 2 symbols, which Kconfig changes only together: A, B; b boots with them" in (
        together
    )
    untold = said(_answer("A", "B", untold=True), True, None)
    assert "is among these 2 symbols, no part of which told anything: A, B; b boots" in untold
    both = said(_answer("A", others=(guilty_of(("B",), {}, {"B": "y"}, {}),)), True, True)
    assert "without it, B makes it fail as well; b boots only with all of these as in g" in both


def test_of_symbols_that_change_together_the_one_that_can_be_set_is_named() -> None:
    """As BINFMT_ELF, which selects ELFCORE."""
    known = {"A": Declared("K:1", "A it is"), "B": Declared("K:2")}
    guilty = guilty_of(("A", "B"), {"A": "y", "B": "y"}, {}, known)
    answer = ConfigAnswer("g", "b", 9, 5, guilty, together=True)
    assert config_conclusion(answer, "hang", set_back=True, alone=True) == (
        "what makes it fail (hang) is A, with which Kconfig changes B; b boots with it as in g; "
        "g fails with it as in b"
    )


def test_symbols_of_one_choice_are_called_so() -> None:
    known = {name: Declared("K:1", name, "K:9") for name in ("A", "B")}
    guilty = guilty_of(("A", "B"), {"A": "y"}, {"B": "y"}, known)
    answer = ConfigAnswer("g", "b", 9, 5, guilty, together=True)
    assert "are these 2 symbols of one choice: A, B" in config_conclusion(
        answer, "hang", set_back=None, alone=None
    )


def test_where_the_cause_is_a_size_nobody_is_blamed() -> None:
    answer = _answer("A", growth=(Growth("B", "B", 1, 300), Growth("C", "D", 2, 7)))
    assert config_conclusion(answer, "destination-wrapped", set_back=None, alone=None) == (
        "no single symbol is guilty: the payload grows by 307 bytes over 9 symbols, and A=y is "
        "only where it crosses the limit"
    )
