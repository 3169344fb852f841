"""A file that stopped on its way: whose doing it was."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootharness.errors import HostBusy
from bootharness.watch.idle import Gap, IdleClock
from bootharness.watch.watch import Watch


def ended(
    *gaps: Gap, last_at: float = 6.1, faults: tuple[str, ...] = (), outcome: str = "open"
) -> None:
    """Look at a boot whose kernel came to 8,761,548 bytes."""
    file: Any = SimpleNamespace(
        name="vmlinuz", outcome=outcome, last_at=last_at, sent_bytes=8_761_548,
        file_bytes=14_149_568,
    )  # fmt: skip
    program = SimpleNamespace(on_its_way=lambda: file if outcome == "open" else None)
    course = SimpleNamespace(plan=SimpleNamespace(net=SimpleNamespace(faults=faults)))
    rest: dict[str, Any] = dict.fromkeys(
        ["machine", "tracer", "hearing", "loading", "looks", "saving"]
    )
    idle = cast(IdleClock, SimpleNamespace(gaps=list(gaps)))
    watch = Watch(cast(Any, course), **rest, idle=idle, program=cast(Any, program))
    watch._see_what_stopped_a_file()


@pytest.mark.parametrize("gap", [Gap(6.0, 8.5), Gap(4.0, 5.9), Gap(6.9, 7.4)])
def test_beside_a_gap_of_the_hosts_it_is_the_hosts(gap: Gap) -> None:
    with pytest.raises(
        HostBusy, match=r"vmlinuz stopped on its way, after 8,761,548 of 14,149,568"
    ):
        ended(Gap(1.0, 2.0), gap)


def test_else_it_is_who_takes_it() -> None:
    ended()
    ended(Gap(1.0, 5.0), Gap(7.2, 9.0))


def test_a_fault_that_was_asked_for_explains_it() -> None:
    ended(Gap(6.0, 8.5), faults=("stall:file=vmlinuz",))


def test_a_file_that_came_whole_did_not_stop() -> None:
    ended(Gap(6.0, 8.5), outcome="served")
