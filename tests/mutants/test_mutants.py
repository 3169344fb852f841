"""Mutants of stage1: they are what they say, and the score is honest."""

from pathlib import Path

import pytest
from capstone import CS_ARCH_X86, CS_MODE_16, Cs
from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.host.assembler import shipped
from bootharness.routes.loader import ORIGIN, Loader
from tests.mutants.mutate import Mutant, mutants
from tests.mutants.scenarios import SCENARIOS
from tests.mutants.score import Equivalent, Outcome, Score, read_equivalents

TABLE = shipped("mbr/equivalent.toml")


@pytest.fixture(scope="module")
def stage1() -> Loader:
    return Loader.stage1()


@pytest.fixture(scope="module")
def every(stage1: Loader) -> list[Mutant]:
    return list(mutants(stage1, shipped("mbr/stage1.asm"), end="message"))


def scenario(name: str) -> int:
    return next(at for at, each in enumerate(SCENARIOS) if each.name == name)


def test_one_instruction_differs_and_none_moves(stage1: Loader, every: list[Mutant]) -> None:
    disassembler = Cs(CS_ARCH_X86, CS_MODE_16)
    code = stage1.binary[: stage1.symbols["message"] - ORIGIN]
    sizes = {each.address: each.size for each in disassembler.disasm(code, ORIGIN)}
    assert {mutant.address for mutant in every} == set(sizes)
    for mutant in every:
        binary, start = mutant.loader.binary, mutant.address - ORIGIN
        end = start + sizes[mutant.address]
        assert binary != stage1.binary
        assert len(binary) == len(stage1.binary)
        assert binary[:start] + binary[end:] == stage1.binary[:start] + stage1.binary[end:]
        changed = list(disassembler.disasm(binary[start:end], mutant.address))
        assert sum(each.size for each in changed) == end - start


def test_mutants_are_all_different_and_know_their_line(every: list[Mutant]) -> None:
    assert len({mutant.loader.binary for mutant in every}) == len(every)
    assert len({mutant.name for mutant in every}) == len(every)
    source = shipped("mbr/stage1.asm").read_text().splitlines()
    for mutant in every:
        assert mutant.source in " ".join(source[mutant.line - 1].split())


def test_every_kind_of_change_is_made(every: list[Mutant]) -> None:
    changes = [mutant.change for mutant in every]
    for change in ("dropped", "opposite condition", "always taken", "another width"):
        assert changes.count(change) > 3
    assert changes.count("16 bits instead of 32") > 10
    assert sum("becomes" in change for change in changes) > 150


@pytest.mark.parametrize("each", SCENARIOS[:-1], ids=lambda each: each.name)
def test_stage1_keeps_every_promise(stage1: Loader, each: object) -> None:
    assert each.fault(stage1) is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("label", "change", "name", "fault"),
    [
        ("destination_carry", "dropped", "the old limit", ""),
        ("destination_carry", "dropped", "beyond the old limit", "destination-wrapped"),
        ("check_edd", "0x55aa becomes 0x0", "no initrd", "without 55AAh in BX"),
        ("read_disk", "0x5 becomes 0x4", "setup fails", "gives up after 4 attempts"),
        ("read_disk", "0x5 becomes 0x4", "setup fails once", ""),
    ],
)
def test_scenario_catches_what_it_is_for(
    every: list[Mutant], label: str, change: str, name: str, fault: str
) -> None:
    mutant = next(each for each in every if (each.label, each.change) == (label, change))
    said = SCENARIOS[scenario(name)].fault(mutant.loader)
    assert (fault in (said or "")) if fault else said is None


def test_equivalent_mutants_are_mutants_and_do_survive_a_boot(every: list[Mutant]) -> None:
    known = {(each.label, each.source, each.change): each for each in every}
    table = read_equivalents(TABLE)
    assert all(each.why for each in table)
    for key in (key for each in table for key in each.keys):
        assert SCENARIOS[0].fault(known[key].loader) is None


def outcome(every: list[Mutant], at: int, scenario: str | None) -> Outcome:
    return Outcome(every[at], scenario, scenario)


def test_score_counts_what_nobody_explains(every: list[Mutant]) -> None:
    one, other = every[0], every[1]
    table = (Equivalent(one.label, one.source, (one.change,), "it does nothing"),)
    caught = [outcome(every, at, "somehow") for at in range(2, 100)]
    score = Score((Outcome(one), Outcome(other), *caught), table)
    assert [each.mutant for each in score.survivors] == [one, other]
    assert [each.mutant for each in score.unexplained] == [other]
    assert score.percent == pytest.approx(100 * 98 / 99)
    assert score.stale == ()


def test_explanation_of_what_is_caught_is_stale(every: list[Mutant]) -> None:
    table = (
        Equivalent(every[0].label, every[0].source, (every[0].change, "no such change"), "why"),
    )
    score = Score((outcome(every, 0, "somehow"),), table)
    assert len(score.stale) == 2
    assert score.percent == 100


@pytest.mark.parametrize("text", ["", "[[equivalent]]\nlabel = 'x'\n", "equivalent = 1", "?"])
def test_table_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"table\.toml: not a table of equivalent mutants"):
        read_equivalents(path)


def test_other_loader_without_its_label_is_not_explained(every: list[Mutant]) -> None:
    mutant = replace(every[0], label="elsewhere")
    table = (Equivalent(every[0].label, every[0].source, (every[0].change,), "why"),)
    assert Score((Outcome(mutant),), table).unexplained
