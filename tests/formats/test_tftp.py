"""TFTP packets against scapy, and hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.errors import FormatError
from bootharness.formats.tftp import (
    ERROR,
    OACK,
    TftpError,
    TftpRequest,
    build_data,
    build_error,
    build_oack,
    opcode,
    parse_ack,
)

layers = pytest.importorskip("scapy.all", reason="scapy is not installed")


def test_we_read_what_scapy_builds() -> None:
    raw = bytes(
        layers.TFTP(op=1)
        / layers.TFTP_RRQ(filename=b"vmlinuz", mode=b"octet")
        / layers.TFTP_Options(
            options=[
                layers.TFTP_Option(oname=b"BLKSIZE", value=b"1432"),
                layers.TFTP_Option(oname=b"tsize", value=b"0"),
            ]
        )
    )
    seen = TftpRequest.parse(raw)
    assert (seen.file, seen.mode) == ("vmlinuz", "octet")
    assert (seen.number("blksize"), seen.number("tsize"), seen.number("windowsize")) == (
        1432,
        0,
        None,
    )
    assert parse_ack(bytes(layers.TFTP(op=4) / layers.TFTP_ACK(block=65535))) == 65535
    error = TftpError.parse(
        bytes(layers.TFTP(op=5) / layers.TFTP_ERROR(errorcode=8, errormsg=b"no"))
    )
    assert (error.code, error.text) == (8, "no")


def test_scapy_reads_what_we_build() -> None:
    data = layers.TFTP(build_data(65537, b"abc"))
    assert (data[layers.TFTP_DATA].block, bytes(data[layers.TFTP_DATA].payload)) == (1, b"abc")
    oack = layers.TFTP(build_oack({"blksize": 1432, "tsize": 14149568}))
    assert oack.op == OACK
    options = oack[layers.TFTP_Options].options
    assert [(each.oname, each.value) for each in options] == [
        (b"blksize", b"1432"),
        (b"tsize", b"14149568"),
    ]
    error = layers.TFTP(build_error(TftpError.NOT_FOUND, "File not found"))
    assert error.op == ERROR
    assert (error[layers.TFTP_ERROR].errorcode, error[layers.TFTP_ERROR].errormsg) == (
        1,
        b"File not found",
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\1",
        b"\0\1\0",
        b"\0\1\0octet\0",
        b"\0\1vmlinuz\0",
        b"\0\1vmlinuz\0octet",
        b"\0\1vmlinuz\0mail\0",
        b"\0\2vmlinuz\0octet\0",
    ],
)
def test_what_is_no_read_request_is_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        TftpRequest.parse(raw)


@pytest.mark.parametrize("value", ["", "-1", "1e9", "0x10", "٣", "9" * 30, " 5", "5 "])
def test_odd_option_values_are_no_numbers(value: str) -> None:
    request = TftpRequest.parse(b"\0\1a\0octet\0blksize\0" + value.encode() + b"\0")
    assert request.number("blksize") is None


def test_option_without_value_is_ignored() -> None:
    assert TftpRequest.parse(b"\0\1a\0octet\0blksize\0").options == {}


@given(st.binary(max_size=600))
def test_any_bytes_are_taken(data: bytes) -> None:
    opcode(data)
    TftpError.parse(data)
    acknowledged = parse_ack(data)
    assert acknowledged is None or 0 <= acknowledged <= 0xFFFF
    for raw in (data, b"\0\1" + data, b"\0\1a\0octet\0" + data + b"\0"):
        try:
            TftpRequest.parse(raw)
        except FormatError as error:
            assert str(error)
