"""Numbers, versions and texts: which of them a feature has, and their order."""

import pytest

from bootharness.factors.values import Value, kind_of, place, read_column, written

ORDER = (
    "6.6", "v6.9-rc1", "6.9-rc3", "6.9~rc7-1~exp1", "6.9", "6.9.1", "6.10-rc1", "6.10.0",
    "6.10.0-9-cloud-amd64", "6.10.0-50-cloud-amd64", "6.10.1", "6.12.107+deb13-amd64", "7.0",
)  # fmt: skip


def test_versions_are_ordered_and_candidates_stand_before_their_release() -> None:
    assert sorted({*ORDER}, key=lambda text: place(text, "version")) == [*ORDER]


@pytest.mark.parametrize("same", ["6.9", "6.9.0", "v6.9"])
def test_noughts_at_the_end_make_no_other_version(same: str) -> None:
    assert place(same, "version") == place("6.9", "version")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5], "number"),
        ([1, 2, "n/a"], "number"),
        ([1, "a", "b", "c"], "text"),
        (["6.9", "6.10"], "version"),
        (["6", "6.10", 7], "version"),
        (["6.9", "6.10-rc1", "next"], "version"),
        (["6.9", "selfcheck", "selfcheck"], "text"),
        (["17", "18"], "text"),
        (["gcc-8", "gcc-10"], "text"),
        (["y", "n"], "text"),
    ],
)
def test_a_feature_is_what_most_of_its_values_are(values: list[Value], kind: str) -> None:
    assert kind_of(values) == kind


@pytest.mark.parametrize(
    ("name", "texts", "values"),
    [
        ("age", ["3", "-5", "1e3"], [3, -5, 1000.0]),
        ("age", ["3", "n/a"], [3, "n/a"]),
        ("seconds", ["0.50", "1.25"], [0.5, 1.25]),
        ("seconds", ["0.5", "1.25"], [0.5, 1.25]),
        ("x", ["6.9", "6.10"], ["6.9", "6.10"]),
        ("x", ["6.9", "6.11", "6.6.50"], ["6.9", "6.11", "6.6.50"]),
        ("x", ["6.9", "6.11-rc1"], ["6.9", "6.11-rc1"]),
        ("version", ["6.9", "6.11"], ["6.9", "6.11"]),
        ("kernel release", ["6.9", "7"], ["6.9", "7"]),
        ("version", ["1", "2"], [1, 2]),
        ("x", ["1e999", "nan", "9" * 5000], ["1e999", "nan", "9" * 5000]),
    ],
)
def test_a_column_is_read_as_a_whole(name: str, texts: list[str], values: list[Value]) -> None:
    assert read_column(name, texts) == values


@pytest.mark.parametrize(
    ("value", "words"),
    [(15_735_808, "15,735,808"), (0.25, "0.25"), (1234567.5, "1,234,567.5"), ("6.10", "6.10")],
)
def test_values_are_written_whole(value: Value, words: str) -> None:
    assert written(value) == words
