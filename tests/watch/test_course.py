"""When a boot has come as far as wanted."""

from types import SimpleNamespace
from typing import Any

import pytest

from bootharness.plan import BootPlan, choose
from bootharness.watch.course import Course
from bootharness.watch.lookout import Lookout


@pytest.mark.parametrize(
    ("route", "initrd", "over"),
    [
        ("direct", None, True),
        ("ipxe", None, True),
        ("direct", "own.img", False),
        ("disk", None, False),
        ("net-root", None, False),
        ("net-server", None, False),
    ],
)
def test_only_our_init_lives_when_the_kernel_says_that_it_runs_it(
    route: str, initrd: str | None, over: bool
) -> None:
    plan = choose(BootPlan(), {"route": route, "until": "init", "initrd": initrd})
    machine = SimpleNamespace(now=lambda: 2.0)
    made: dict[str, Any] = {"machine": machine, "medium": None, "words": None}
    course = Course(plan=plan, lookout=Lookout.of(plan), **made)
    course.reach("init", 2.0)
    assert course.has_userspace
    assert bool(course.ending) == over
