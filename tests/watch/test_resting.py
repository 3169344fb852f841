"""A boot manager that rests: what its screen shows, for how long, and whom it waits for."""

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bootharness.errors import MachineLost
from bootharness.machine.machine import Machine
from bootharness.watch import resting
from bootharness.watch.resting import Resting

PROMPT = "error: no such device: root.\n\ngrub rescue> "


class Shown:
    """A machine whose clock and whose screen a test sets; ``pictures`` is what was made of it."""

    def __init__(self, folder: Path) -> None:
        self.now_s, self.text, self.picture, self.lost = 100.0, "", b"", False
        self.looks = self.pictures = 0
        log = folder / "serial.log"
        log.write_bytes(b"")
        self.qemu = SimpleNamespace(workspace=SimpleNamespace(path=folder), serial_log=log)

    def now(self) -> float:
        return self.now_s


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shown:
    machine = Shown(tmp_path)

    def screen(_: object) -> str:
        machine.looks += 1
        if machine.lost:
            raise MachineLost("gone")
        return machine.text

    def pictured(_: object) -> bytes:
        machine.pictures += 1
        return machine.picture

    monkeypatch.setattr(resting, "screen", screen)
    monkeypatch.setattr(resting, "shown", pictured)
    return machine


def resting_on(machine: Shown) -> Resting:
    return Resting(cast(Machine, machine))


def test_a_prompt_on_the_serial_line_counts_where_the_screen_is_a_picture(shown: Shown) -> None:
    rests = resting_on(shown)
    shown.picture = b"one"
    shown.qemu.serial_log.write_bytes(b"Minimal BASH-like editing\r\n" * 300 + b"\x1b[37mgrub> ")
    rests.read()
    assert not rests.given_up
    shown.now_s += 3
    rests.read()
    assert rests.given_up
    assert len(rests.written) < 5000
    shown.text = "Booting ..."
    rests.read(at_once=True)
    shown.now_s += 3
    rests.read()
    assert not rests.given_up


def test_it_is_read_once_a_second_or_at_once(shown: Shown) -> None:
    rests = resting_on(shown)
    shown.text = "one"
    rests.read()
    shown.now_s, shown.text = 100.9, "two"
    rests.read()
    assert (shown.looks, rests.text, rests.seen) == (1, "one", "one")
    rests.read(at_once=True)
    assert (shown.looks, rests.text, rests.seen) == (2, "two", "two")
    shown.now_s, shown.text = 101.9, "three"
    rests.read()
    assert rests.text == "three"
    assert shown.pictures == 0


def test_a_prompt_that_stays_for_two_seconds_is_the_end(shown: Shown) -> None:
    rests = resting_on(shown)
    for now_s, text, given_up in (
        (100.0, "Welcome to GRUB!\n", False),
        (101.0, PROMPT, False),
        (102.0, PROMPT, False),
        (103.0, PROMPT, True),
        (104.0, PROMPT + "ls\n" + PROMPT, False),
        (106.0, PROMPT + "ls\n" + PROMPT, True),
        (107.0, "Welcome to GRUB!\n", False),
        (109.0, "Welcome to GRUB!\n", False),
    ):
        shown.now_s, shown.text = now_s, text
        rests.read()
        assert rests.given_up is given_up


def test_a_picture_changes_with_what_it_shows(shown: Shown) -> None:
    rests = resting_on(shown)
    assert not rests.for_a_person  # nobody has looked
    shown.picture = b"logo"
    rests.read()
    assert (rests.text, rests.seen) == ("", hashlib.sha256(b"logo").hexdigest())
    assert rests.for_a_person
    before = rests.seen
    shown.now_s, shown.picture = 101.0, b"menu"
    rests.read()
    assert rests.seen != before
    assert not rests.given_up


def test_a_text_waits_for_a_person_if_it_asks(shown: Shown) -> None:
    rests = resting_on(shown)
    for text, waits in (
        (PROMPT, True),
        ("Press any key", True),
        ("Loading...", False),
        ("\n", True),
    ):
        shown.now_s += 1
        shown.text = text
        rests.read()
        assert rests.for_a_person is waits


def test_a_machine_that_is_gone_shows_what_it_did(shown: Shown) -> None:
    rests = resting_on(shown)
    shown.text = PROMPT
    rests.read()
    shown.now_s, shown.lost = 103.0, True
    rests.read()
    assert (rests.text, rests.seen) == (PROMPT, PROMPT)
