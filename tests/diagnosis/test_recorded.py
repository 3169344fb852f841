"""The rules on traces of real boots: every word of each judgement.

The boots are recorded by `python -m tests.support.record`. Where a sentence was changed on
purpose, `pytest tests/diagnosis --snapshot-update` writes the new
ones, to be read in the diff.
"""

from functools import cache

import pytest
from syrupy.assertion import SnapshotAssertion

from bootharness.diagnosis import judge
from bootharness.report.document import read_trace
from bootharness.trace.boot_trace import BootTrace
from tests.support.judgements import told
from tests.support.record import recorded

BOOTS = recorded()


@cache
def trace(name: str) -> BootTrace:
    return read_trace(BOOTS[name])


@pytest.mark.parametrize("name", BOOTS)
def test_every_word_of_a_judgement(name: str, snapshot: SnapshotAssertion) -> None:
    assert told(judge(trace(name))) == snapshot
