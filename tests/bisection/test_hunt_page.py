"""A hunt's page in a browser, as wide as a desk and as a phone."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.bisection.report.html import hunt_html
from bootharness.bisection.search import Found
from bootharness.diagnosis.verdict import Verdict
from tests.bisection.test_hunt_answer import ANSWER, result, seen
from tests.support.browser import WIDER_THAN_THE_WINDOW, browser


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A hunt of thirty boots, most of them next to the boundary."""
    boots = [
        seen(
            at, Verdict.BAD if at >= 500 else Verdict.GOOD, f"{at:04}-linux-6.6.{at}-gcc-12.2", size
        )
        for at in (0, 1000, *range(486, 514))
        for size in (14_000_000 + at * 16,)
    ]
    answer = replace(ANSWER, found=Found(499, 500, 0.99, 0, ()), limit=14_007_990)
    file = tmp_path / "hunt.html"
    file.write_text(hunt_html(result("1,001 kernels", boots, answer)))
    return file


# of words that are turned, those that are a line apart do not touch
APART = """
(() => {
  const labels = [...document.querySelectorAll("figure svg text")]
    .filter((each) => each.getBoundingClientRect().width && each.textContent.includes("gcc"));
  const ends = labels.map((each) => each.getBoundingClientRect().right).sort((a, b) => a - b);
  return [labels.length, Math.min(...ends.slice(1).map((end, at) => end - ends[at]))];
})()
"""


@pytest.mark.parametrize("width", [390, 1280])
def test_labels_next_to_the_boundary_are_apart(page: Path, tmp_path: Path, width: int) -> None:
    with browser(tmp_path / "profile", width) as opened:
        opened.open(page.as_uri())
        assert opened.value(WIDER_THAN_THE_WINDOW) == []
        labels, apart = opened.value(APART)
        assert labels >= 7
        assert apart > 20


def test_the_command_of_the_first_bad_one_is_copied(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as opened:
        opened.open(page.as_uri())
        opened.value("document.querySelector('.copy').focus()")
        opened.press("Enter")
        said = opened.value(
            "new Promise((done) => { const look = () => { const said = document.querySelector("
            "'.copied').textContent; said ? done(said) : setTimeout(look, 20); }; look(); })"
        )
        assert said == "copied"
