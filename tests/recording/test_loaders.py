"""Loaders of other styles than stage1's, walked through in the emulator: their mistake is named.

`make faults-guilty` does the same with recordings of real boots.
"""

from pathlib import Path

import pytest

from tests.support.back_loaders import MISTAKES, Mistake, emulated, names

MUTE = ("M_TRACK", "M_SELECTOR", "M_STACK")
"""Of a division nobody knows backwards what went into it; the others show in the true machine."""


@pytest.mark.sample(3)
@pytest.mark.parametrize("mistake", [each for each in MISTAKES if each.define not in MUTE],
                         ids=lambda each: each.name)  # fmt: skip
def test_the_marked_instruction_is_named(mistake: Mistake, tmp_path: Path) -> None:
    loader = mistake.loader(tmp_path)
    cause, origin = emulated(mistake, loader)
    assert cause
    assert origin
    assert names(origin, mistake, loader), origin.sentence
