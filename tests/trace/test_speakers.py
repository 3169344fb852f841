"""Whose way it is to tell of an error so."""

import pytest

from bootharness.trace.signs import speaker


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("Failed to load image: Security Policy Violation", "shim"),
        ("Failed to load image grubx64.efi: Unsupported", "shim"),
        ("start_image() returned Not Found", "shim"),
        ("Failed to load ldlinux.c32", "PXELINUX"),
        ("Unable to locate configuration file", "PXELINUX"),
        ("nosuch... No such file or directory (https://ipxe.org/2d12603b)", "iPXE"),
        ("BdsDxe: failed to load Boot0001 from PciRoot: Not Found", "the UEFI"),
        ("something else", ""),
    ],
)
def test_an_error_has_a_speaker(said: str, who: str) -> None:
    assert speaker(said) == who
