"""Which machines are saved."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bootharness.watch.saving import Saving


class Claimed(Exception):
    """The network was about to be asked for something, and stands still for that."""


def claim() -> bool:
    raise Claimed


def saving(given_s: float) -> Saving:
    """Return what would save a machine ten seconds after its launch."""
    parts: Any = SimpleNamespace(
        now=lambda: 10.0, qemu=SimpleNamespace(save_to=Path("machine")),
        wire=SimpleNamespace(claim=claim), given_s=given_s,
    )  # fmt: skip
    return Saving(machine=parts, medium=parts, tracer=parts, loading=parts, idle=parts)


def test_a_machine_is_saved_that_had_the_host() -> None:
    with pytest.raises(Claimed):
        saving(4.0).look()


def test_a_machine_that_the_host_kept_waiting_is_not_saved() -> None:
    assert not saving(3.0).look()
