"""Whose way it is to tell of an error so, and what has led to one."""

import pytest

from bootharness.trace.signs import led_to, speaker


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


def test_how_a_command_is_used_stands_between_what_led_to_an_error_and_that() -> None:
    gave_up = "Could not boot image: Invalid argument (http://ipxe.org/1c162202)"
    usage = (
        "Usage:\n\n  kernel [-n|--name <name>] <uri>\n\nSee http://ipxe.org/cmd/kernel for further "
    )
    text = f'Unrecognised option "--nosuch"\n{usage}information\n{gave_up}\n'
    assert led_to(text, gave_up) == 'Unrecognised option "--nosuch"'
    assert led_to(text.replace("Usage:", "Others:"), gave_up) == ""
