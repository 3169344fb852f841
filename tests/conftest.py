"""What the fast tests share."""

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
