"""Device paths, as the UEFI specification writes them as text."""

import pytest

from bootharness.formats.device_path import device_path_text, path_and_rest

END = bytes.fromhex("7fff0400")
ROOT = bytes.fromhex("02010c00d041030a00000000")
PCI = bytes.fromhex("01010600021f")
SATA = bytes.fromhex("03120a000500ffff0000")
FILE = bytes.fromhex("04041600") + "\\vmlinuz\0".encode("utf-16-le")[:18]


def test_a_disk_of_a_controller_is_as_the_firmware_writes_it() -> None:
    assert device_path_text(ROOT + PCI + SATA + END) == (
        "PciRoot(0x0)/Pci(0x1f,0x2)/Sata(0x5,0xffff,0x0)"
    )


def test_what_comes_behind_a_path_is_left() -> None:
    path, rest = path_and_rest(FILE + END + b"rest")
    assert (path, rest) == ("\\vmlinuz", b"rest")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (ROOT[:5], ""),
        (ROOT + b"\x01\x01\x02\x00", "PciRoot(0x0)"),
        (ROOT + b"\x01\x01\xff\xff", "PciRoot(0x0)"),
        (bytes.fromhex("09090500aa") + END, "Path(9,9)"),
        (bytes.fromhex("03120500aa") + END, "Path(3,18)"),
        (bytes.fromhex("04011a00") + bytes(22) + END, "Path(4,1)"),
    ],
)
def test_a_damaged_path_is_read_as_far_as_it_goes(data: bytes, text: str) -> None:
    assert device_path_text(data) == text
