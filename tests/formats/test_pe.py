"""What a UEFI program is for."""

import pytest

from bootharness.formats.pe import flaw_of, machine_of, subsystem_of
from bootharness.formats.uki import unified
from tests.support.uefi_programs import AARCH64, I386, for_machine, program

WHOLE = program(b"\xc3")


@pytest.mark.parametrize(
    ("content", "machine"),
    [
        (WHOLE, "x64"),
        (for_machine(WHOLE, I386), "i386"),
        (for_machine(WHOLE, AARCH64), "arm64"),
        (for_machine(WHOLE, 0x1234), "machine 0x1234"),
        (b"", ""),
        (b"#!/bin/sh\n" * 100, ""),
        (WHOLE[:0x80], ""),
        (b"MZ" + bytes(100), ""),
    ],
)
def test_its_machine_is_named(content: bytes, machine: str) -> None:
    assert machine_of(content) == machine


def test_its_kind_is_named() -> None:
    assert subsystem_of(WHOLE) == "application"
    assert subsystem_of(program(b"\xc3", subsystem=11)) == "driver"
    assert subsystem_of(program(b"\xc3", subsystem=3)) == "program of subsystem 3, not of UEFI's"
    assert subsystem_of(b"MZ") == ""


def test_sections_that_lie_on_each_other_or_behind_the_end_are_told() -> None:
    image = unified(WHOLE.ljust(0x2000, b"\0"), {".cmdline": bytes(9000), ".linux": bytes(700)})
    assert flaw_of(image) == ""
    assert flaw_of(WHOLE) == ""
    at = image.index(b".linux") + 12
    moved = image[:at] + (0x3000).to_bytes(4, "little") + image[at + 4 :]
    assert flaw_of(moved) == "its sections .cmdline and .linux lie on each other in memory"
    assert flaw_of(image[:-512]) == (
        f"its section .linux ends at {len(image):,} bytes, its file has {len(image) - 512:,}"
    )
    assert flaw_of(image[:0x90]) == "it ends in its headers"
