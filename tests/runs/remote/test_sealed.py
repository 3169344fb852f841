"""What came of a boot arrives as it was made, and is small on its way."""

import pickle
import zlib

import msgspec
import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import FormatError
from bootharness.report.document import document, read_trace
from bootharness.runs.picture import pack, picture
from bootharness.runs.remote import sealed
from bootharness.runs.remote.sealed import Sealed
from bootharness.runs.result import Attempt
from bootharness.runs.where import Host
from bootharness.runs.work import boot_facts, pack_trace
from tests.support.record import recorded

_BOOTS = recorded()
MOST_BYTES = 15_000


def attempt_of(name: str) -> Attempt:
    trace = read_trace(_BOOTS[name])
    judgement = judge(trace)
    return Attempt(
        judgement.verdict, judgement.cause, judgement.summary, 0.5, boot_facts(trace),
        pack_trace(document(trace, judgement)), pack(picture(trace, judgement)), Host("one", "cpu"),
    )  # fmt: skip


@pytest.mark.parametrize("name", _BOOTS)
def test_a_boot_arrives_whole_and_small(name: str) -> None:
    attempt = attempt_of(name)
    sent = pickle.dumps(Sealed.of(attempt))
    assert pickle.loads(sent).opened() == attempt
    assert len(sent) <= min(MOST_BYTES, len(pickle.dumps(attempt)))


@pytest.mark.parametrize("serial", [
    "[    0.000000] Linux version 6.1\r\n[    0.000000] e820: none\r\n\r\nlogin: ",
    "[ 0.5] no stamp\r\n[12345678.123456] of a year\r\n[    0.000000]without a space\r\n",
    "[    0.100000] one line only", "\r\n" * 40, "\0\x01\ufeff %d %s 100%",
])  # fmt: skip
def test_what_was_said_arrives_to_the_letter(serial: str) -> None:
    trace = {"source": "k", "serial": serial, "handoff": None, "log": ["a"] * 9}
    drawn = {"serial": serial[-20:], "screen": "", "calls": []}
    attempt = Attempt(Verdict.GOOD, None, "\udcff", trace=pack_trace(trace), picture=pack(drawn))
    found = Sealed.of(attempt).opened()
    assert found == attempt
    assert msgspec.json.decode(zlib.decompress(found.trace)) == trace


def test_what_is_no_boot_arrives_too() -> None:
    attempt = Attempt(Verdict.SKIP, "tool-missing", "no QEMU")
    assert Sealed.of(attempt).opened() == attempt


@pytest.mark.parametrize("field", ["values", "texts"])
def test_what_unpacks_to_more_than_a_trace_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    found = Sealed.of(attempt_of(next(iter(_BOOTS))))
    for wrong in (getattr(found, field)[:-20], getattr(found, field)):
        with pytest.raises(FormatError, match="cut short, or more than"):
            replace(found, **{field: wrong}).opened()
        monkeypatch.setattr(sealed, "TRACE_BYTES", 100)
