"""What a hunt is after, in words."""

import pytest

from bootharness.bisection.hunted import hunted
from bootharness.plan import SCREEN, BootPlan, GuestPlan


@pytest.mark.parametrize(
    ("sought", "plan", "words"),
    [
        (None, BootPlan(), "any bad boot"),
        ("destination-wrapped", BootPlan(), "destination-wrapped"),
        ("command-failed", BootPlan(guest=GuestPlan(run="true")), "command-failed: 'true'"),
        ("fail-on-seen", BootPlan(fail_on=("BUG:", "WARN")), "fail-on-seen: 'BUG:' or 'WARN'"),
        ("marker-not-seen", BootPlan(until="login:"), "marker-not-seen: 'login:'"),
        ("too-slow", BootPlan(at_most_s=1.5), "too-slow: more than 1.5 s by the guest's own clock"),
        (
            "marker-not-seen",
            BootPlan(until=SCREEN, until_screen="login:"),
            "marker-not-seen: 'login:' on the screen",
        ),
    ],
)
def test_a_pattern_is_named_with_its_cause(sought: str | None, plan: BootPlan, words: str) -> None:
    assert hunted(sought, plan) == words
