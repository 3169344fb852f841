"""The compiler in a kernel's banner, as distributions and people write it."""

import pytest

from bootharness.runs.compiler import compiler_of, console_compiler
from bootharness.runs.work import boot_facts
from tests.support.traces import loading_trace


@pytest.mark.parametrize(
    ("said", "name", "version"),
    [
        (
            "(debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld "
            "(GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1",
            "gcc-12", "12.2.0",
        ),
        (
            "(u@h) (Debian clang version 16.0.6 (15~deb12u1), Debian LLD 16.0.6) #1",
            "clang", "16.0.6",
        ),
        ("(u@h) (gcc version 8.3.0 (Debian 8.3.0-6)) #1 SMP", "gcc", "8.3.0"),
        (
            "(a@b) (x86_64-linux-gnu-gcc (GCC) 10.2.1 20210110, GNU ld 2.35) #1",
            "x86_64-linux-gnu-gcc", "10.2.1",
        ),
    ],
)  # fmt: skip
def test_compiler_is_told_from_its_package_and_the_linker(
    said: str, name: str, version: str
) -> None:
    found = console_compiler(f"SeaBIOS\r\n[    0.000] Linux version 6.1 {said}\r\nmore\r\n")
    assert compiler_of(found) == {"compiler": name, "compiler version": version}


@pytest.mark.parametrize(
    "serial", ["", "Linux version selfcheck (bootharness)\r\n", "Linux version 6.1 (a) (who 1.2)\n"]
)
def test_nothing_is_made_up(serial: str) -> None:
    assert console_compiler(serial) == ""
    assert compiler_of("") == {}


def test_a_boot_keeps_the_compiler_of_its_kernel() -> None:
    said = "Linux version 6.1 (u@h) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld 2.40) #1\n"
    assert boot_facts(loading_trace(1024, [], serial=said)).compiler == "gcc-12 12.2.0"
