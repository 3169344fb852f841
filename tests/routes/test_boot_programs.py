"""What boot programs say when they give up, and what they say in passing."""

import pytest

from bootharness.text import as_shown
from bootharness.trace.signs import firmware_signs, led_to, program_errors

GIVES_UP = (
    "Could not boot image: Exec format error (http://ipxe.org/2e022081)",
    "tftp://10.0.2.1/vmlinuz... No such file or directory (http://ipxe.org/2d12603b)",
    "http://10.0.2.100/boot.ipxe... Connection reset (http://ipxe.org/0f0a6039)",
    "Could not boot image: Exec format error (https://ipxe.org/2e022081)",
)
GIVES_UP_ON_SCREEN = (
    "Loading no-such-label... failed: No such file or directory",
    "Boot failed: press a key to retry, or wait for reset...",
    "Unable to locate configuration file",
    "Failed to load ldlinux.c32",
)
IN_PASSING = (
    "iPXE 1.0.0+git-20190125 -- Open Source Network Boot Firmware -- http://ipxe.org",
    "  [Link:down, TX:0 TXE:0 RX:0 RXE:0]",
    "  [Link status: Down (http://ipxe.org/38086101)]",
    '  [TXE: 1 x "Network unreachable (http://ipxe.org/28086011)"]',
    "Waiting for link-up on net0... Down (http://ipxe.org/38086101)",
    "vmlinuz... 41%     86%     ok",
    "autoexec.ipxe... Not found (https://ipxe.org/2d12618e)",
    "tftp://10.0.2.1/autoexec.ipxe... Not found (https://ipxe.org/2d12618e)",
)
SIGNS = {sign.name: sign.pattern for sign in firmware_signs()}


@pytest.mark.parametrize("line", GIVES_UP)
def test_ipxe_gives_up(line: str) -> None:
    text = "\r\n".join([*IN_PASSING, line, "No more network devices", ""])
    assert program_errors(text) == [line]
    found = SIGNS["boot-program"].search(text.encode())
    assert found
    assert found[1].decode() == line


@pytest.mark.parametrize("line", GIVES_UP_ON_SCREEN)
def test_syslinux_gives_up(line: str) -> None:
    assert program_errors(f"PXELINUX 6.04\r\n{line}\r\nboot: ") == [line]


@pytest.mark.parametrize("said", ["Failed to load ldlinux.e64", "Loading a... failed: No such"])
def test_a_uefi_goes_on_in_the_line_in_which_syslinux_gave_up(said: str) -> None:
    by_uefi = 'BdsDxe: failed to start Boot0001 "UEFI PXEv4 (MAC:525400123401)": Load Error'
    assert program_errors(f"PXELINUX 6.04\r\n{said}{by_uefi}\r\n") == [said, by_uefi]


def test_what_is_said_in_passing_is_no_error() -> None:
    text = "\r\n".join([*IN_PASSING, ""])
    assert program_errors(text) == []
    assert SIGNS["boot-program"].search(text.encode()) is None


def test_line_that_has_not_ended_is_waited_for() -> None:
    assert program_errors("Loading vmlinuz... failed: No such") == []


def test_no_text_takes_long() -> None:
    assert program_errors("(http://ipxe.org/" * 20_000) == []
    assert program_errors("failed:" * 50_000) == []
    assert len(as_shown("a\b" * 20_000)) == 1


def test_error_that_a_program_got_over_is_none() -> None:
    first, last = GIVES_UP[1], GIVES_UP[0]
    assert program_errors(f"{first}\r\nvmlinuz... ok\r\n") == []
    assert program_errors(f"{first}\r\nvmlinuz... ok\r\n{last}\r\n") == [last]
    assert program_errors(f"{first}\r\n{last}\r\n") == [first, last]


def test_line_that_the_cursor_went_back_over_is_read_as_it_is_seen() -> None:
    count = "".join(f"Press Ctrl-B {n}s\b\b" for n in (3, 2, 1))
    text = f"iPXE\r\n{count}\r{'x' * 14}\r{' ' * 14}\r\x1b[1m{GIVES_UP[3]}\r\n"
    assert program_errors(text) == [GIVES_UP[3]]
    assert as_shown("3s\b\b2s\b\b1s\r\nabc\rX\b") == "1s\nXbc"


def test_uefi_that_breaks_a_line_at_the_end_of_its_terminal_is_read() -> None:
    text = "iPXE\r\nCould not select: Exec format error (http://ipxe.org/2e00\r\n8081)\r\n"
    assert program_errors(text) == [
        "Could not select: Exec format error (http://ipxe.org/2e008081)"
    ]
    assert SIGNS["boot-program"].search(text.encode())


def test_what_a_uefi_says_when_it_refuses_or_crashes() -> None:
    said = (
        'BdsDxe: failed to load Boot0001 "UEFI PXEv4 (MAC:525400123401)" from '
        "PciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123401,0x1)/IPv4(0.0.0.0): Access Denied"
    )
    assert program_errors(f"\r\n{said}\r\n") == [said]
    crash = (
        b"\r\n!!!! X64 Exception Type - 06(#UD - Invalid Opcode)  CPU Apic ID - 00000000 !!!!\r\n"
    )
    found = SIGNS["firmware-crash"].search(crash)
    assert found
    assert b"06(#UD - Invalid Opcode)" in found[1]
    assert SIGNS["firmware-last-words"].search(b"!!!! Find image based on IP(0xFE9FC0A) (No PDB)")


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("kernl: command not found", "kernl: command not found"),
        ('Unrecognised option "--bogus"', 'Unrecognised option "--bogus"'),
        (
            "http://10.0.2.100/vmlinuz.............. Connection timed out "
            "(http://ipxe.org/4c0a6035)",
            "http://10.0.2.100/vmlinuz... Connection timed out (http://ipxe.org/4c0a6035)",
        ),
        ("boot.ipxe : 26 bytes [script]", ""),
        ("Welcome: this host is not found in any group", ""),
        ("colour: command not found\r\nWelcome", ""),
    ],
)
def test_step_of_a_script_that_failed_stands_right_before_the_last_words(
    line: str, step: str
) -> None:
    assert led_to(
        f"tftp://10.0.2.1/boot.ipxe... ok\r\n{line}\r\n{GIVES_UP[0]}\r\n", GIVES_UP[0]
    ) == (step)
    assert led_to(f"{line}\r\n", GIVES_UP[0]) == ""
