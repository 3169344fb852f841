"""What the fast tests share."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from syrupy.assertion import SnapshotAssertion

from bootharness.diagnosis import Judgement, judge
from bootharness.errors import CouldNotFindOut
from bootharness.kernels.source import fetch, known_kernels
from bootharness.trace.boot_trace import BootTrace
from tests.support.judgements import told
from tests.support.processes import KERNELS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run what is long as well")
    parser.addoption(
        "--all-rows", action="store_true", help="the same, and matrices whole, not a sample"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sample(n): of these tests of a file, run every nth")
    config.addinivalue_line("markers", "long: a long way to what a shorter test shows in part")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what is not long, and a sample of the matrices; `make long` runs the one, `make
    matrices` all of it."""
    if config.getoption("--all-rows"):
        return
    long = config.getoption("--long")
    seen: Counter[tuple[Path, int]] = Counter()
    left_out = []
    for item in items:
        if item.get_closest_marker("long") and not long:
            left_out.append(item)
        elif sample := item.get_closest_marker("sample"):
            matrix = (item.path, sample.args[0])
            if seen[matrix] % sample.args[0]:
                left_out.append(item)
            seen[matrix] += 1
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


# a busy machine is no defect
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def debian_kernel() -> Path:
    """The first of the kernels that the project tests with."""
    try:
        return fetch(known_kernels(KERNELS)[0].source).path
    except CouldNotFindOut as error:
        pytest.skip(str(error))


@pytest.fixture
def every_word(
    request: pytest.FixtureRequest, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Compare all that each judgement of a test says with what is written down."""
    said = []

    def judge_and_note(trace: BootTrace) -> Judgement:
        judgement = judge(trace)
        said.append(told(judgement))
        return judgement

    monkeypatch.setattr(request.module, "judge", judge_and_note)
    yield
    if said:
        assert said == snapshot
