"""How far a boot has to come: to a milestone, until the guest switches off, or to a pattern.

The name of a milestone stays one; anything else is a pattern, searched for on the serial line. What
is nearly such a name is taken for a mistake: a bracket makes a pattern of it, as ``[b]anner``.
"""

import re

from bootharness.errors import UsageError
from bootharness.plan.pattern import check_pattern

__all__ = ["AUTO", "BEFORE_USERSPACE", "SCREEN", "SHUTDOWN", "UNTIL", "check_until", "is_pattern"]

AUTO = "auto"
"""As the kernel, the route or the host has it."""
BEFORE_USERSPACE = ("setup", "protected-mode", "banner")
UNTIL = (*BEFORE_USERSPACE, "init")
"""The milestones that a boot can have to come to."""
SHUTDOWN = "shutdown"
"""Until the guest switches the machine off."""
SCREEN = "screen"
"""Until a pattern is on the screen, which another option has."""
_WORDS = (AUTO, *UNTIL, SHUTDOWN, SCREEN)
# milestones of a boot to which nobody has it come, and what is meant by them
_MEANT = {
    "stage1": "setup",
    "setup-loaded": "setup",
    "kernel-loaded": "setup",
    "setup-entered": "setup",
    "kernel-entered": "setup",
    "protected": "protected-mode",
    "userspace": "init",
    "poweroff": SHUTDOWN,
    "power-off": SHUTDOWN,
}
_NAME = re.compile(r"[a-z0-9-]+", re.IGNORECASE)
_NEAR = 0.75


def is_pattern(until: str) -> bool:
    """Return whether what was wanted is a pattern on the serial line."""
    return until not in _WORDS


def check_until(until: str) -> None:
    """Raise UsageError for what is neither a name nor a pattern, or nearly a name."""
    if not is_pattern(until):
        return
    if _NAME.fullmatch(until) and (meant := _meant(until.lower())):
        raise UsageError(
            f"{until!r}: did you mean {meant}? If it is a pattern, write [{until[0]}]{until[1:]}"
        )
    check_pattern(until)


def _meant(name: str) -> str | None:
    import difflib  # few mistake a name

    near = difflib.get_close_matches(name, [*_WORDS, *_MEANT], 1, _NEAR)
    return _MEANT.get(near[0], near[0]) if near else None
