"""Calls printed while a machine runs."""

import io

from bootharness.formats.bioscall import BiosCall
from bootharness.report.live import CallPrinter
from tests.support.traces import registers


def written(text: str) -> tuple[BiosCall, ...]:
    called = [registers(eax=0x0E00 | ord(each)) for each in text]
    return tuple(BiosCall(0x10, 0x0E, each, each, 0.1, 0.1) for each in called)


def test_a_line_of_the_bios_waits_for_the_end_of_the_screens() -> None:
    output = io.StringIO()
    printer = CallPrinter(output)
    calls = written("Booting...\r\nWait")
    printer.calls(calls[:4])
    printer.bios("enter handle_19:\nNULL\n")
    printer.calls(calls[:12])
    printer.bios("Booting from 0000:7c00\n")
    printer.calls(calls)
    printer.finish()
    lines = [line.split("INT 10h ")[-1].strip() for line in output.getvalue().splitlines()]
    assert lines == [
        "AH=0eh teletype output('Booting...\\r\\n')",
        "BIOS enter handle_19:",
        "BIOS NULL",
        "BIOS Booting from 0000:7c00",
        "AH=0eh teletype output('Wait')",
    ]
