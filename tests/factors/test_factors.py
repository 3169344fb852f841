"""What separates good kernels from bad ones: pure functions, and the command on their files."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.errors import UsageError
from bootharness.factors.cases import cases, read_features, read_results
from bootharness.factors.report import by_accident, factors_plot, sentence
from bootharness.factors.rules import Case, find_factors
from tests.support.processes import environment, run

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


def test_the_size_is_told_from_what_looks_guilty() -> None:
    factors = find_factors(story())
    (condition,) = factors.rule.conditions
    assert (condition.feature, condition.relation) == ("payload_bytes", ">")
    assert condition.below <= LIMIT < condition.above
    assert factors.rule.wrong == ()
    assert not factors.equal
    assert factors.chance < 1e-6
    rivals = {rule.conditions[0].feature: rule for rule in factors.rivals if rule.wrong}
    assert "version" in rivals
    assert "CONFIG_STACKPROTECTOR" not in rivals  # no better than calling all of them good
    assert all(rule.wrong for rule in factors.rivals)
    assert sentence(factors).startswith(
        f"a kernel is bad if payload_bytes > {int(condition.below):,}"
    )
    assert factors.nearest[0].endswith("good")
    assert factors.nearest[1].endswith("bad")


def test_chance_is_named_where_it_explains_all() -> None:
    few = [Case(str(size), size > 2, {"payload_bytes": size}) for size in (1, 2, 3)]
    assert by_accident(find_factors(few)) == (
        "3 kernels (1 bad) are too few: chance alone would do it"
    )
    assert by_accident(find_factors(story())).startswith("by accident: under 1 in a million")


def test_two_conditions_where_one_will_not_do() -> None:
    found = [
        Case(f"{compiler} {protector}", compiler == "gcc-10" and protector == "y",
             {"compiler": compiler, "CONFIG_STACKPROTECTOR": protector, "number": number})
        for number, (compiler, protector) in enumerate(
            (each, other) for each in ("gcc-8", "gcc-9", "gcc-10") for other in ("y", "n")
        )
    ]  # fmt: skip
    factors = find_factors(found)
    assert factors.rule.wrong == ()
    assert len(factors.rule.conditions) == 2
    said = {str(rule) for rule in (factors.rule, *factors.equal)}
    assert "compiler is gcc-10 and CONFIG_STACKPROTECTOR is y" in said


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


def hunt_file(folder: Path) -> Path:
    facts = {"sha256": "0", "release": "6.1", "file_bytes": 1, "setup_sects": 8}
    boots = [
        {
            "label": f"k{size}",
            "source": str(folder / f"k{size}"),
            "facts": facts | {"payload_bytes": size},
            "verdict": "bad" if size > 30 else "good",
            "cause": "no-init" if size == 50 else None,
        }
        for size in (10, 20, 30, 40, 50)
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
    assert "k50" not in {case.name for case in cases(known, cause="wrapped", more={})}


@pytest.mark.parametrize(
    ("kind", "begin"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_plot_shows_every_kernel(kind: str, begin: bytes) -> None:
    drawn = factors_plot(find_factors(story()), story(), kind)
    assert drawn.startswith(begin)
    if kind == "svg":
        assert drawn.count(b"<use ") >= len(story())


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
    assert "a kernel is bad if payload_bytes > 30: so it is for all 5 kernels" in done.stderr
    document = json.loads(done.stdout)
    assert document["factors"]["rule"]["conditions"][0]["below"] == 30
    assert (tmp_path / "plot.svg").exists()


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
        ('{"boots": []}', (), "it takes good ones and bad ones"),
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
