"""What a hunt is after, in words: a cause, with the pattern that a person gave it."""

from bootharness.plan import BootPlan

__all__ = ["SLOWER", "hunted"]

SLOWER = "too-slow"
"""The cause that is sought by who seeks what became slower."""


def hunted(sought: str | None, plan: BootPlan) -> str:
    """Return what is sought in boots by a plan: a cause, or None for every bad boot."""
    if sought is None:
        return "any bad boot"
    if sought == "fail-on-seen":
        return f"{sought}: {' or '.join(map(repr, plan.fail_on))}"
    if sought == "command-failed":
        return f"{sought}: {plan.guest.run!r}"
    if sought == SLOWER and plan.at_most_s is not None:
        return f"{sought}: more than {plan.at_most_s:g} s by the guest's own clock"
    if sought == "marker-not-seen":
        where = repr(plan.until)
        if plan.until_screen is not None:
            where = f"{plan.until_screen!r} on the screen"
        return f"{sought}: {where}"
    return sought
