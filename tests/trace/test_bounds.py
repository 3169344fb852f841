"""What a trace may say of a UEFI."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.errors import FormatError
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.bounds import check_bounds
from bootharness.trace.handoff import Comparison
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_handoff import UefiHandoff

CALL = UefiCall("Read", 1.0, caller=2**64 - 1, path="\\vmlinuz", address=1 << 30, bytes=5)
HANDOFF = UefiHandoff(2.0, 1 << 30, base=1 << 29, payload=Comparison(1 << 29, 5), initrd_bytes=9)
TRACE = BootTrace("a.img", "banner", Ending("reached", 3.0), uefi_calls=(CALL,),
                  uefi_handoff=HANDOFF)  # fmt: skip


def test_a_trace_of_a_uefi_is_within_bounds() -> None:
    check_bounds(TRACE)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"address": -1}, r"uefi_calls\[1\].address: -1 is not between 0 and"),
        ({"bytes": 1 << 64}, r"uefi_calls\[1\].bytes: .* more than 64 bits"),
        ({"status": 10**3000}, r"uefi_calls\[1\].status: .* more than 64 bits"),
        ({"lba": -5}, r"uefi_calls\[1\].lba"),
        ({"service": "Format\x1b[2J"}, r"uefi_calls\[1\].service: 'Format.x1b.*' is none of"),
    ],
)
def test_a_call_that_no_uefi_had_is_told_with_its_field(change: dict[str, Any], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        check_bounds(replace(TRACE, uefi_calls=(CALL, replace(CALL, **change))))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"caller": -1}, "uefi_handoff.caller"),
        ({"base": 1 << 64}, "uefi_handoff.base"),
        ({"initrd_bytes": -1}, "uefi_handoff.initrd_bytes"),
        ({"payload": Comparison(0, 5, -5)}, "uefi_handoff.payload.differing_bytes"),
        ({"initrd": Comparison(0, 5, 1, 2, expected=256)}, "uefi_handoff.initrd.expected"),
    ],
)
def test_an_end_of_boot_services_that_no_machine_had_is_told_with_its_field(
    change: dict[str, Any], said: str
) -> None:
    with pytest.raises(FormatError, match=said):
        check_bounds(replace(TRACE, uefi_handoff=replace(HANDOFF, **change)))
