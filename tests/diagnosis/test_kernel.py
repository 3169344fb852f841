"""A kernel that was entered and came to nothing: what it said last, and what it had to unpack."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.trace.milestones import Milestone
from tests.support.traces import handoff, loading_trace, move

pytestmark = pytest.mark.usefixtures("every_word")

ENTERED = loading_trace(
    1024, [move(0x100000, 1024)], ending="guest-reset", handoff=handoff(1),
    milestones=(Milestone("protected-mode", 0.5),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("compression", "payload", "cause"),
    [
        ("", None, None),
        ("", 0, None),
        ("", 100, "decompress-failed"),
        ("zstd", 0, "decompress-failed"),
        ("zstd", 100, "decompress-failed"),
    ],
)
def test_only_what_is_packed_can_fail_to_unpack_itself(
    compression: str, payload: int | None, cause: str | None
) -> None:
    assert ENTERED.kernel
    header = replace(ENTERED.kernel.header, payload_length=payload)
    kernel = replace(ENTERED.kernel, compression=compression, header=header)
    found = judge(replace(ENTERED, kernel=kernel)).cause
    assert (found if found == "decompress-failed" else None) == cause


def test_what_the_kernel_said_before_it_was_reset_is_evidence() -> None:
    lines = [f"line {number}" for number in range(14)]
    reset = replace(ENTERED, serial="\r\n".join(lines), milestones=(Milestone("banner", 0.75),))
    diagnosis = judge(reset).diagnosis
    assert diagnosis
    assert (diagnosis.cause, diagnosis.evidence) == ("kernel-reset", tuple(lines[2:]))
