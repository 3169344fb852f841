"""What separates good kernels from bad ones: pure functions, and the command on their files."""

import json
import os
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from random import Random

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.diagnosis import judge
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.factors.cases import cases, read_features
from bootharness.factors.document import factors_schema
from bootharness.factors.find import find_factors
from bootharness.factors.plot import factors_plot, margin
from bootharness.factors.report import by_chance, print_factors, sentence
from bootharness.factors.results import Known, read_results
from bootharness.factors.rules import Case, Chance, Condition
from bootharness.factors.values import Value
from bootharness.gate.outcome import Entry, GateOutcome
from bootharness.gate.report.document import gate_document
from bootharness.report.document import document, encode
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.result import Attempt, BootFacts, CellResult
from tests.support.processes import environment, run
from tests.support.traces import loading_trace

LIMIT = 15_735_808


def story() -> list[Case]:
    """The hunt of 32 days: sizes cross a limit, while compiler and config change as well."""
    found = []
    for version in range(1, 13):
        for compiler in ("gcc-8", "gcc-10"):
            for protector in ("y", "n"):
                payload = 15_400_000 + version * 32_768
                payload += 65_536 * (compiler == "gcc-10") + 20_480 * (protector == "y")
                features = {
                    "payload_bytes": payload, "compiler": compiler, "version": version,
                    "CONFIG_STACKPROTECTOR": protector, "compression": "zstd",
                }  # fmt: skip
                name = f"6.{version} {compiler} {protector}"
                found.append(Case(name, payload > LIMIT, features))
    return found


def said_of(found: list[Case]) -> str:
    output = StringIO()
    print_factors(find_factors(found), output)
    return output.getvalue()


def test_the_size_is_told_from_what_looks_guilty() -> None:
    factors = find_factors(story())
    (condition,) = factors.rule.conditions
    assert (condition.feature, condition.relation) == ("payload_bytes", ">")
    assert isinstance(condition.below, int)
    assert isinstance(condition.above, int)
    assert condition.below <= LIMIT < condition.above
    assert factors.rule.wrong == ()
    assert not factors.equal
    assert factors.chance == Chance(200, 0, len(story()))
    rivals = {rule.conditions[0].feature: rule for rule in factors.rivals if rule.wrong}
    assert "version" in rivals
    assert "CONFIG_STACKPROTECTOR" not in rivals  # no better than calling all of them good
    assert all(rule.wrong for rule in factors.rivals)
    assert sentence(factors).startswith(f"a kernel is bad if payload_bytes > {condition.below:,}")
    assert factors.nearest[0].endswith("good")
    assert factors.nearest[1].endswith("bad")


def test_chance_is_named_where_it_explains_all() -> None:
    few = [Case(str(size), size > 2, {"payload_bytes": size}) for size in (1, 2, 3)]
    factors = find_factors(few)
    assert not factors.found
    assert sentence(factors) == (
        "no rule: chance alone tells 3 kernels, 1 bad and 2 good, apart as well"
    )
    assert "a kernel is bad if" not in said_of(few)
    assert "next to it" not in said_of(few)
    assert (
        "     the best is: bad if payload_bytes > 2\n     these are too few kernels: boot more"
        in (said_of(few))
    )
    assert by_chance(factors).endswith("shuffles of the verdicts have a rule as good")
    assert "     0 of 200 shuffles of the verdicts have a rule as good\n" in said_of(story())


@pytest.mark.parametrize(("as_good", "enough"), [(0, False), (9, False), (10, True), (200, True)])
def test_chance_explains_what_more_than_one_shuffle_in_twenty_has(
    as_good: int, enough: bool
) -> None:
    assert Chance(200, as_good, 40).enough is enough


def test_the_same_verdicts_are_told_the_same_chance() -> None:
    assert find_factors(story()) == find_factors(story())


def test_random_columns_explain_nothing() -> None:
    random = Random(11)
    bad = set(Random(1000).sample(range(40), 16))
    found = [
        Case(f"k{at}", at in bad,
             {f"f{number}": random.randrange(100_000) if number % 2 else random.choice("abcd")
              for number in range(10)})
        for at in range(40)
    ]  # fmt: skip
    assert not find_factors(found).found


def test_a_rule_that_one_flipped_kernel_breaks_is_a_rule() -> None:
    found = [msgspec.structs.replace(case, bad=case.bad is not (at == 5))
             for at, case in enumerate(story())]  # fmt: skip
    factors = find_factors(found)
    assert factors.found
    assert [each.feature for each in factors.rule.conditions] == ["payload_bytes"]
    assert factors.rule.wrong == (found[5].name,)


def in_many_ways(
    kernels: int, bad: Callable[[int, str], bool], loaders: tuple[str, ...] = tuple("abcdefgh")
) -> list[Case]:
    return [
        Case(f"k{at} ({loader})", bad(at, loader), {"payload_bytes": at, "loader": loader},
             kernel=f"k{at}")
        for at in range(kernels) for loader in loaders
    ]  # fmt: skip


def test_a_kernel_that_is_bad_in_many_ways_is_one_witness() -> None:
    few = find_factors(in_many_ways(5, lambda at, _: at == 4))
    assert str(few.rule) == "payload_bytes > 3"
    assert not few.rule.wrong
    assert not few.found
    assert sentence(few) == (
        "no rule: chance alone tells 40 boots of 5 kernels, 8 bad and 32 good, apart as well"
    )
    many = find_factors(in_many_ways(20, lambda at, _: at > 12))
    assert many.found
    assert by_chance(many) == (
        "0 of 200 shuffles of the verdicts, each kernel as a whole, have a rule as good"
    )
    assert "so it is for all 160 boots of 20 kernels, 56 bad and 104 good" in sentence(many)


def test_a_loader_is_told_by_what_the_same_kernels_do_with_others() -> None:
    factors = find_factors(in_many_ways(5, lambda _, loader: loader == "c"))
    assert factors.found
    assert str(factors.rule) == "loader is c"
    both = find_factors(in_many_ways(20, lambda at, loader: loader == "c" and at > 9))
    assert both.found
    assert {str(each) for each in both.rule.conditions} == {"loader is c", "payload_bytes > 9"}
    one = find_factors(in_many_ways(5, lambda at, loader: loader == "c" and at > 3))
    assert not one.found


def test_two_conditions_are_found_exactly_among_thousands_of_kernels() -> None:
    random = Random(1)
    found = []
    for at in range(2_000):
        size, loader = random.randrange(10**7), random.choice("abc")
        found.append(Case(f"k{at}", size > 6_000_000 and loader == "a",
                          {"payload_bytes": size, "other": random.randrange(10**7),
                           "loader": loader}))  # fmt: skip
    factors = find_factors(found)
    assert factors.rule.wrong == ()
    assert {each.feature for each in factors.rule.conditions} == {"loader", "payload_bytes"}


def two_conditions() -> list[Case]:
    return [
        Case(f"{number} {compiler} {protector}", compiler == "gcc-10" and protector == "y",
             {"compiler": compiler, "CONFIG_STACKPROTECTOR": protector, "number": number})
        for number, (compiler, protector) in enumerate(
            (each, other) for _ in range(6) for each in ("gcc-8", "gcc-9", "gcc-10")
            for other in ("y", "n")
        )
    ]  # fmt: skip


def test_two_conditions_where_one_will_not_do() -> None:
    factors = find_factors(two_conditions())
    assert factors.found
    assert factors.rule.wrong == ()
    said = {str(each) for each in factors.rule.conditions}
    assert (said, factors.rule.joined) == (
        {"compiler is gcc-10", "CONFIG_STACKPROTECTOR is y"}, "and",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ((2,), {"payload_bytes > 15,727,680"}),
        ((2, 3, 4, 5, 6), {"payload_bytes > 15,727,680", "compiler is gcc-9"}),
    ],
)
def test_a_second_condition_has_to_explain_more_than_one_kernel(
    odd: tuple[int, ...], said: set[str]
) -> None:
    found = story()
    for at in odd:
        features = {**found[at].features, "compiler": "gcc-9"}
        found[at] = msgspec.structs.replace(found[at], bad=True, features=features)
    factors = find_factors(found)
    assert {str(each) for each in factors.rule.conditions} == said
    assert factors.rule.wrong == (tuple(found[at].name for at in odd) if len(said) == 1 else ())


def test_features_that_move_together_take_one_line() -> None:
    found = [
        msgspec.structs.replace(case, features={
            **case.features,
            "file_bytes": int(case.features["payload_bytes"]) + 20_480,
            "init_size": 2 * int(case.features["payload_bytes"]),
        })
        for case in story()
    ]  # fmt: skip
    said = said_of(found)
    assert "     payload_bytes, init_size and file_bytes move together\n" in said
    assert "cannot tell it from" not in said
    _, _, misses = said.partition("near misses:\n")
    assert "version" in misses
    assert not {"init_size", "file_bytes", "payload_bytes"} & {*misses.split()}


def test_what_tells_these_kernels_apart_as_well_is_said() -> None:
    """A compiler came when the size crossed the limit, but has nothing to do with sizes."""
    found = [
        msgspec.structs.replace(case, features={
            **case.features, "bundled": "new" if case.bad else "old",
        })
        for case in story()
    ]  # fmt: skip
    assert "these kernels cannot tell it from:\n     bundled is new\n" in said_of(found)


def test_many_rules_that_are_as_good_are_counted() -> None:
    random = Random(1)
    found = [
        msgspec.structs.replace(case, features={
            **case.features,
            **{f"f{at:02}": random.randrange(100) + 100 * case.bad for at in range(20)},
        })
        for case in story()
    ]  # fmt: skip
    factors = find_factors(found)
    assert len(factors.equal) == 20
    said = said_of(found)
    assert "     f07 > 99" in said or "     f07 > 9" in said
    assert "     and 12 more\n" in said


def test_versions_stand_in_their_order() -> None:
    names = ["6.6", "6.7", "6.8", "6.9", "6.10-rc1", "6.10", "6.11", "6.12"] * 3
    found = [
        Case(f"{at} {name}", name not in ("6.6", "6.7", "6.8", "6.9"), {"release": name})
        for at, name in enumerate(names)
    ]
    factors = find_factors(found)
    assert factors.found
    assert str(factors.rule) == "release > 6.9"
    (condition,) = factors.rule.conditions
    assert (condition.kind, condition.above) == ("version", "6.10-rc1")
    assert "next to it: 4 6.10-rc1: release 6.10-rc1, bad" in said_of(found)


def test_one_text_among_numbers_is_said_and_they_stay_numbers() -> None:
    found = [Case(f"k{at}", at > 20, {"age": at if at != 3 else "n/a"}) for at in range(40)]
    factors = find_factors(found)
    assert str(factors.rule) == "age > 20"
    assert factors.rule.wrong == ("k3",)
    assert factors.notes == ("age has numbers: 'n/a' is none, and counts as unknown",)
    assert "age has numbers: 'n/a' is none, and counts as unknown" in said_of(found)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=12))
def test_no_single_threshold_is_better_than_the_one_that_is_found(
    values: list[tuple[int, bool]],
) -> None:
    found = [Case(str(at), bad, {"size": value}) for at, (value, bad) in enumerate(values)]
    if len({bad for _, bad in values}) < 2 or len({value for value, _ in values}) < 2:
        with pytest.raises(UsageError):
            find_factors(found)
        return
    factors = find_factors(found)
    for limit in range(20):
        for above in (True, False):
            wrong = sum((value > limit) is not (bad is above) for value, bad in values)
            alone = wrong < len(values) and any(value > limit for value, _ in values)
            if alone and any(value <= limit for value, _ in values):
                assert len(factors.rule.wrong) <= wrong


def test_what_is_not_known_of_a_kernel_counts_as_wrong() -> None:
    found = [Case("a", False, {"x": 1}), Case("b", True, {"x": 2}), Case("c", True, {})]
    assert find_factors(found).rule.wrong == ("c",)


@pytest.mark.parametrize("bad", [True, False])
def test_good_and_bad_ones_are_needed(bad: bool) -> None:
    with pytest.raises(UsageError, match="it takes good ones and bad ones"):
        find_factors([Case("a", bad, {"x": 1}), Case("b", bad, {"x": 2})])


def test_cause_that_no_kernel_has_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    known = [*read_results([hunt_file(tmp_path)], None)]
    words = "--cause wraped: none of these kernels is bad with it; did you mean wrapped?"
    with pytest.raises(UsageError, match=re.escape(words)):
        cases(known, cause="wraped", more={})
    good = [each for each in known if each.verdict == "good"]
    with pytest.raises(UsageError, match="none is bad at all"):
        cases(good, cause="wrapped", more={})


def hunt_file(folder: Path) -> Path:
    facts = {"release": "6.1", "file_bytes": 1, "setup_sects": 8}
    boots = [
        {
            "label": f"k{size}",
            "source": str(folder / f"k{size}"),
            "facts": facts | {"payload_bytes": size, "sha256": str(size)},
            "verdict": "bad" if size > 30 else "good",
            "cause": "no-init" if size == 50 else "wrapped" if size > 30 else None,
        }
        for size in range(1, 61)
    ]
    boots.append({"label": "x", "source": "x", "facts": {}, "verdict": "skip", "cause": "x"})
    path = folder / "hunt.json"
    path.write_text(json.dumps({"boots": boots}))
    return path


def test_configuration_beside_a_kernel_and_features_of_a_file_count(tmp_path: Path) -> None:
    for size in (10, 20):
        (tmp_path / f"k{size}").touch()
    (tmp_path / "k10.config").write_text("# CONFIG_A is not set\nCONFIG_B=m\nCONFIG_C=0x10\n")
    (tmp_path / "more.csv").write_text("kernel,compiler,age,version\nk20,gcc-10,3,6.10\n")
    more = read_features(tmp_path / "more.csv")
    known = [*read_results([hunt_file(tmp_path)], None)]
    found = {case.name: case for case in cases(known, cause=None, more=more)}
    assert "x" not in found
    assert found["k10"].features["CONFIG_A"] == "n"
    assert found["k10"].features["CONFIG_B"] == "m"
    assert found["k20"].features["compiler"] == "gcc-10"
    assert found["k20"].features["age"] == 3
    assert found["k20"].features["version"] == "6.10"
    assert found["k20"].features["release"] == "6.1"
    assert "k50" not in {case.name for case in cases(known, cause="wrapped", more={})}


@pytest.mark.parametrize(
    ("kind", "begin"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_plot_shows_every_kernel(kind: str, begin: bytes) -> None:
    drawn = factors_plot(find_factors(story()), story(), kind)
    assert drawn.startswith(begin)
    if kind == "svg":
        assert drawn.count(b"<use ") >= len(story())


def test_plot_shows_the_margin_and_versions_by_their_names() -> None:
    names = [f"6.{minor}" for minor in range(6, 13)] * 3
    found = [Case(f"{at}", int(name[2:]) > 9, {"release": name}) for at, name in enumerate(names)]
    drawn = factors_plot(find_factors(found), found, "svg").decode()
    assert "margin: between 6.9 and 6.10" in drawn
    shown = [name for name in names[:7] if f"<!-- {name} -->" in drawn]
    assert shown == names[:7]
    sizes = factors_plot(find_factors(story()), story(), "svg").decode()
    assert "margin: 20,480 between 15,727,680 and 15,748,160" in sizes
    few = [Case(str(size), size > 2, {"payload_bytes": size}) for size in (1, 2, 3)]
    assert "margin" not in factors_plot(find_factors(few), few, "svg").decode()


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (15_691_776, 15_757_312, "65,536 between 15,691,776 and 15,757,312"),
        (0.1, 0.3, "0.2 between 0.1 and 0.3"),
        ("6.9", "6.10", "between 6.9 and 6.10"),
        (None, None, ""),
    ],
)
def test_margin_is_how_far_the_neighbours_are_apart(
    low: Value | None, high: Value | None, words: str
) -> None:
    assert margin(Condition("x", "number", ">", 1, low, high)) == words


def test_names_with_a_dollar_are_no_formula() -> None:
    found = [Case(f"k{at}", at > 20, {"$\\bad$": at}) for at in range(40)]
    assert factors_plot(find_factors(found), found, "svg").startswith(b"<?xml")


def boot(name: str, verdict: str, cause: str | None = None, **features: Value) -> Known:
    return Known(name, name, verdict, cause, features, f"sha of {name}")


def test_repeated_boots_are_one_kernel_that_is_what_most_of_them_were() -> None:
    known = [boot("a", "bad", "wrapped", x=1)] * 3 + [boot("a", "good", x=1)]
    known += [boot("b", "good", x=2)] * 2 + [boot("b", "skip", x=2), boot("b", "bad", "hang", x=2)]
    known += [boot("even", "bad", "wrapped", x=3), boot("even", "good", x=3)]
    found = {case.name: case for case in cases(known, cause=None, more={})}
    assert [(case.name, case.bad, case.bad_boots, case.boots) for case in found.values()] == [
        ("a", True, 3, 4), ("b", False, 1, 3), ("even", True, 1, 2),
    ]  # fmt: skip
    one_cause = {case.name: case for case in cases(known, cause="wrapped", more={})}
    assert (one_cause["b"].bad_boots, one_cause["b"].flaky) == (0, False)
    assert (
        "not always alike: a (bad in 3 of 4 boots), b (bad in 1 of 3 boots), even (bad in 1 of 2 "
        "boots); what most boots of a kernel were counts, bad where it is even"
    ) in said_of([*found.values()])


def test_a_file_that_was_built_again_is_another_kernel() -> None:
    known = [boot("vmlinuz", "good", x=1), boot("vmlinuz", "bad", x=2)]
    assert [case.bad for case in cases(known, cause=None, more={})] == [False, True]


def test_the_compiler_in_one_banner_is_that_of_every_boot_of_the_kernel() -> None:
    heard = boot("a", "good", loader="stage1", compiler="gcc-12")
    silent = boot("a", "bad", "wrapped", loader="no-carry")
    found = cases([silent, heard, boot("b", "bad")], cause=None, more={})
    assert [case.features.get("compiler") for case in found] == ["gcc-12", "gcc-12", None]


def test_a_trace_says_release_compiler_and_sizes(tmp_path: Path) -> None:
    trace = loading_trace(
        1024, [], serial="Linux version 6.1 (u@h) (gcc-12 (Debian) 12.2.0, GNU ld 2.40) #1\n"
    )
    assert trace.kernel
    path = tmp_path / "boot.json"
    path.write_bytes(encode(document(trace, judge(trace))))
    (known,) = read_results([path], None)
    assert known.sha256 == trace.kernel.sha256
    assert known.features["release"] == trace.kernel.release
    assert known.features["payload_bytes"] == trace.kernel.payload_bytes
    assert known.features["setup_sects"] == trace.kernel.header.setup_sects
    assert known.features["compiler"] == "gcc-12"


def test_every_attempt_of_a_gate_counts_with_its_way(tmp_path: Path) -> None:
    facts = BootFacts("6.1", "0" * 64, 16, 15, compiler="gcc-12 12.2.0")
    attempts = tuple(
        Attempt(verdict, None, "", facts=facts)
        for verdict in (Verdict.BAD, Verdict.GOOD, Verdict.GOOD)
    )
    result = CellResult(Cell("x"), "", attempts)
    path = tmp_path / "gate.json"
    path.write_text(json.dumps(gate_document(GateOutcome((Entry(result, "way"),)))))
    (found,) = cases(read_results([path], None), cause=None, more={})
    assert (found.bad, found.bad_boots, found.boots) == (False, 1, 3)
    assert found.features["compiler"] == "gcc-12"
    assert found.features["compiler version"] == "12.2.0"
    assert (found.features["route"], found.features["memory_mib"]) == ("mbr", 512)
    with History(tmp_path / "history") as history:
        history.add(result, harness="0")
    (past,) = cases(read_results([], tmp_path / "history"), cause=None, more={})
    assert (past.bad_boots, past.boots, past.features) == (1, 3, found.features)


def test_what_a_person_drew_is_not_written_over(tmp_path: Path) -> None:
    plot = tmp_path / "plot.svg"
    plot.write_text("my drawing")
    done = run("factors", hunt_file(tmp_path), "--plot", plot)
    assert done.returncode == 129
    assert "not a plot file of ours" in done.stderr
    assert plot.read_text() == "my drawing"


def test_command_says_the_rule(tmp_path: Path) -> None:
    done = run("factors", hunt_file(tmp_path), "--plot", tmp_path / "plot.svg", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert "a kernel is bad if payload_bytes > 30: so it is for all 60 kernels" in done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, factors_schema())
    assert document["found"] is True
    assert document["factors"]["rule"]["conditions"][0]["below"] == 30
    assert (tmp_path / "plot.svg").exists()


def test_command_has_no_answer_where_chance_has_one(tmp_path: Path) -> None:
    hunt = json.loads(hunt_file(tmp_path).read_text())
    few = tmp_path / "few.json"
    few.write_text(json.dumps({"boots": hunt["boots"][28:32]}))
    done = run("factors", few)
    assert done.returncode == 125
    assert done.stdout.startswith("no rule: chance alone tells 4 kernels, 2 bad and 2 good, apart")


def test_schema_in_the_documentation_is_this_one() -> None:
    written = json.loads(Path("docs/factors.schema.json").read_text())
    assert written == json.loads(json.dumps(factors_schema()))


def test_rule_is_told_where_no_plot_can_be_drawn(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "matplotlib.py").write_text("raise ModuleNotFoundError(__name__)\n")
    path = f"{hidden}{os.pathsep}{environment()['PYTHONPATH']}"
    plot = tmp_path / "plot.svg"
    done = run("factors", hunt_file(tmp_path), "--plot", plot, PYTHONPATH=path)
    assert done.returncode == 125
    assert "a kernel is bad if payload_bytes > 30" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("bootharness: tool-missing: a chart is drawn by matplotlib")
    assert line.endswith("pip install 'bootharness[plots]' brings it")
    assert not plot.exists()


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        ("no JSON", (), "not a JSON file of results"),
        ('{"a": 1}', (), "not what boot, gate or bisect --json writes"),
        ('{"boots": []}', (), "there are no results: give what"),
        (
            '{"boots": [{"label": "x", "source": null, "verdict": "bad", "facts": {}}]}',
            (),
            "not what boot, gate or bisect --json writes",
        ),
        ('{"kernel": "x", "serial": "", "loader": null, "source": "x"}', (), "not what boot, gate"),
        ("[" * 5000 + "]" * 5000, (), "not a JSON file of results"),
        ("\udcff", (), "not a JSON file of results"),
        ('{"boots": []}', ("--plot", "x.doc"), "a plot is one of"),
    ],
)
def test_wrong_usage(tmp_path: Path, content: str, more: tuple[str, ...], words: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(content, errors="surrogateescape")
    done = run("factors", path, *more)
    assert done.returncode == 129
    assert words in done.stderr
