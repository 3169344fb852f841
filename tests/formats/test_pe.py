"""What a UEFI program is for."""

import pytest

from bootharness.formats.pe import machine_of, subsystem_of
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
