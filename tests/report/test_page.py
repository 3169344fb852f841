"""Pages and charts where matplotlib, which draws them, is not installed."""

import sys
import tomllib

import pytest

from bootharness.errors import ToolMissing
from bootharness.report.page import drawn, new_figure
from tests.support.processes import REPOSITORY


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("no_matplotlib")
def test_chart_that_is_asked_for_says_what_to_install() -> None:
    with pytest.raises(ToolMissing, match=r"pip install 'bootharness\[plots\]' brings it$"):
        new_figure(1, 1)


@pytest.mark.usefixtures("no_matplotlib")
def test_page_says_so_in_place_of_a_chart() -> None:
    (said,) = drawn(lambda: (str(new_figure(1, 1)),))
    assert said.startswith("<p>No chart: a chart is drawn by matplotlib, which is not installed")


def test_what_is_to_be_installed_is_an_extra() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for extra, names in (("plots", {"matplotlib"}), ("screens", {"numpy", "pillow"})):
        assert {each.partition(">")[0] for each in extras[extra]} == names
        assert not any(each.partition(">")[0] in names for each in project["dependencies"])
    (every,) = [each for each in extras["dev"] if each.startswith("bootharness[")]
    assert {"plots", "screens"} <= {*every[len("bootharness[") : -1].split(",")}
