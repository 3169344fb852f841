"""Where a boot by a UEFI is stopped first, and what gdb has of the recorder's log."""

import json
import struct

import pytest

from bootharness.debug.efi_log import as_json
from bootharness.debug.uefi import commands_at
from bootharness.errors import UsageError
from bootharness.trace.uefi_calls import UefiCall

LOADS = (UefiCall("LoadImage", 1.0, path="HD(1)/\\EFI\\BOOT\\BOOTX64.EFI"),)


@pytest.mark.parametrize(
    ("at", "commands"),
    [
        ("firmware", ()),
        ("image:bootx64.efi", ("until-image bootx64.efi",)),
        ("image:\\EFI\\BOOT\\BOOTX64.EFI", ("until-image \\EFI\\BOOT\\BOOTX64.EFI",)),
        ("exit-boot-services", ("until-exit-boot-services",)),
        ("kernel", ("until-exit-boot-services", "until-kernel")),
    ],
)
def test_a_place_is_what_gdb_is_told(at: str, commands: tuple[str, ...]) -> None:
    assert commands_at(at, LOADS, 0x1000) == commands


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("image:shim", r"--at image:shim: that boot loaded no such image; it loaded .*BOOTX64.EFI"),
        ("image:", "of a UEFI's boot it is firmware, image:NAME, exit-boot-services, kernel"),
        ("handoff", "--at handoff: of a UEFI's boot it is"),
        ("exit-boot-services", "that boot did not end the boot services"),
    ],
)
def test_a_place_that_a_boot_does_not_come_to_is_told(at: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        commands_at(at, LOADS, None)


def test_a_log_is_read_as_far_as_it_has_come() -> None:
    name = "\\vmlinuz".encode("utf-16-le") + bytes(2)
    frame = struct.pack("<BBHIQQQ5Q8s", 0xEB, ord("O"), len(name), 0xFFFFFFFF, 256, 7, 1 << 63 | 14,
                        0, 5, 0, 0, 0, b"UEFIcall")  # fmt: skip
    (call,) = json.loads(as_json(frame + name + frame[:20]))
    assert (call["service"], call["path"], call["error"], call["caller"]) == (
        "Open", "\\vmlinuz", "Not Found", 7,
    )  # fmt: skip
    assert json.loads(as_json(b"")) == []
