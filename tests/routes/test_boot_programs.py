"""What boot programs say when they give up, and what they say in passing."""

import pytest

from bootharness.trace.signs import program_error, program_sign

GIVES_UP = (
    "Could not boot image: Exec format error (http://ipxe.org/2e022081)",
    "tftp://10.0.2.1/vmlinuz... No such file or directory (http://ipxe.org/2d12603b)",
    "http://10.0.2.100/boot.ipxe... Connection reset (http://ipxe.org/0f0a6039)",
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
)


@pytest.mark.parametrize("line", GIVES_UP)
def test_ipxe_gives_up(line: str) -> None:
    text = "\r\n".join([*IN_PASSING, line, "No more network devices", ""])
    assert program_error(text) == line
    found = program_sign().pattern.search(text.encode())
    assert found
    assert found[1].decode() == line


@pytest.mark.parametrize("line", GIVES_UP_ON_SCREEN)
def test_syslinux_gives_up(line: str) -> None:
    assert program_error(f"PXELINUX 6.04\r\n{line}\r\nboot: ") == line


def test_what_is_said_in_passing_is_no_error() -> None:
    text = "\r\n".join([*IN_PASSING, ""])
    assert program_error(text) is None
    assert program_sign().pattern.search(text.encode()) is None


def test_line_that_has_not_ended_is_waited_for() -> None:
    assert program_error("Loading vmlinuz... failed: No such") is None


def test_no_text_takes_long() -> None:
    assert program_error("(http://ipxe.org/" * 20_000) is None
    assert program_error("failed:" * 50_000) is None
