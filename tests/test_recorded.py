"""The rules on traces of real boots: every word of each judgement.

The boots are recorded by `python -m tests.boot.record`. Where a sentence was changed on
purpose, `pytest tests/test_recorded.py tests/test_judge.py --snapshot-update` writes the new
ones, to be read in the diff.
"""

from functools import cache

import pytest
from syrupy.assertion import SnapshotAssertion

from harness.diagnosis import judge
from harness.report.document import decode
from harness.trace import BootTrace
from tests.boot.record import recorded
from tests.judgements import told

BOOTS = recorded()


@cache
def trace(name: str) -> BootTrace:
    return decode(BOOTS[name])


@pytest.mark.parametrize("name", BOOTS)
def test_every_word_of_a_judgement(name: str, snapshot: SnapshotAssertion) -> None:
    assert told(judge(trace(name))) == snapshot
