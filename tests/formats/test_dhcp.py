"""DHCP messages against scapy, and hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.errors import FormatError
from bootharness.formats.dhcp import DISCOVER, OFFER, DhcpMessage, DhcpOption, sub_options
from bootharness.formats.ethernet import ip_bytes, mac_bytes

layers = pytest.importorskip("scapy.all", reason="scapy is not installed")

MAC = mac_bytes("52:54:00:12:34:01")


def message(**fields: object) -> DhcpMessage:
    return DhcpMessage(**{"operation": 1, "xid": 0x1234, "mac": MAC, **fields})  # type: ignore[arg-type]


def with_options(raw: bytes, **header: bytes) -> bytes:
    """Return a message whose options area is these bytes."""
    data = bytearray(message().build()[:240]) + raw
    for name, value in header.items():
        at, size = {"file": (108, 128), "name": (44, 64)}[name]
        data[at : at + size] = value.ljust(size, b"\0")
    return bytes(data)


def test_scapy_reads_what_we_build() -> None:
    built = message(
        operation=2,
        your_ip=ip_bytes("10.0.2.15"),
        next_server=ip_bytes("10.0.2.1"),
        file=b"boot.ipxe",
        options={
            DhcpOption.MESSAGE_TYPE: bytes([OFFER]),
            DhcpOption.SERVER_ID: ip_bytes("10.0.2.1"),
            DhcpOption.SUBNET_MASK: ip_bytes("255.255.255.0"),
            DhcpOption.BOOT_FILE: b"boot.ipxe",
        },
    ).build()
    assert len(built) >= 300
    seen = layers.BOOTP(built)
    assert (seen.op, seen.xid, seen.yiaddr, seen.siaddr) == (2, 0x1234, "10.0.2.15", "10.0.2.1")
    assert seen.file.rstrip(b"\0") == b"boot.ipxe"
    options = dict(each for each in seen[layers.DHCP].options if isinstance(each, tuple))
    assert options["message-type"] == OFFER
    assert options["server_id"] == "10.0.2.1"
    assert options["boot-file-name"] == b"boot.ipxe"


def test_we_read_what_scapy_builds() -> None:
    raw = bytes(
        layers.BOOTP(op=1, xid=7, chaddr=MAC, flags=0x8000)
        / layers.DHCP(
            options=[
                ("message-type", "discover"),
                ("requested_addr", "10.0.2.20"),
                ("vendor_class_id", b"PXEClient:Arch:00007:UNDI:003001"),
                (77, b"iPXE"),
                (93, b"\0\x07"),
                "end",
            ]
        )
    )
    seen = DhcpMessage.parse(raw)
    assert (seen.operation, seen.xid, seen.mac, seen.flags) == (1, 7, MAC, 0x8000)
    assert seen.kind == DISCOVER
    assert (seen.is_ipxe, seen.is_pxe, seen.architecture) == (True, True, 7)
    assert seen.options[DhcpOption.REQUESTED_IP] == ip_bytes("10.0.2.20")


@given(
    st.dictionaries(st.integers(1, 254).filter(lambda n: n != 52), st.binary(max_size=600)),
    st.binary(max_size=127).map(lambda name: name.partition(b"\0")[0]),
)
def test_every_message_comes_back(options: dict[int, bytes], file: bytes) -> None:
    sent = message(options=options, file=file)
    assert DhcpMessage.parse(sent.build()) == sent


def test_options_may_continue_in_the_file_and_name_fields() -> None:
    raw = with_options(
        b"\x34\x01\x03\x35\x01\x01\xff", file=b"\x43\x03abc\xff", name=b"\x42\x02de\xff"
    )
    seen = DhcpMessage.parse(raw)
    assert (seen.boot_file, seen.options[DhcpOption.SERVER_NAME]) == ("abc", b"de")
    assert seen.file == seen.server_name == b""


def test_user_class_with_a_length_in_front_is_ipxe_too() -> None:
    assert message(options={DhcpOption.USER_CLASS: b"\x04iPXE"}).is_ipxe
    assert not message(options={DhcpOption.USER_CLASS: b"gPXE"}).is_ipxe


def test_boot_file_comes_from_the_header_or_from_option_67() -> None:
    assert message(file=b"a").boot_file == "a"
    assert message(options={DhcpOption.BOOT_FILE: b"b\0"}).boot_file == "b"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\1" * 200,
        message().build()[:239],
        message().build()[:236] + b"none" + bytes(60),
        with_options(b"\x35"),
        with_options(b"\x35\x05\x01"),
        with_options(b"\x34\x01\x01", file=b"\x43\xff"),
    ],
)
def test_what_is_cut_short_is_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        DhcpMessage.parse(raw)


def test_overload_that_names_itself_ends() -> None:
    """The option loop: the file field says again that options go on in the file field."""
    raw = with_options(b"\x34\x01\x01\xff", file=b"\x34\x01\x01\x34\x01\x03\xff")
    DhcpMessage.parse(raw)


def test_thousands_of_pads_and_repeats_end() -> None:
    DhcpMessage.parse(with_options(bytes(60_000)))
    seen = DhcpMessage.parse(with_options(b"\x35\x00" * 30_000))
    assert seen.kind == 0


@pytest.mark.parametrize("field", ["file", "server_name"])
def test_names_too_long_for_their_fields_are_refused(field: str) -> None:
    with pytest.raises(FormatError):
        message(**{field: b"x" * 128}).build()


@given(st.binary(max_size=700))
def test_any_bytes_are_taken(data: bytes) -> None:
    for raw in (data, with_options(data), with_options(b"\x34\x01\x03" + data, file=data[:128])):
        try:
            seen = DhcpMessage.parse(raw)
        except FormatError as error:
            assert str(error)
        else:
            assert isinstance(seen.kind, int)
            assert isinstance(seen.boot_file, str)


def test_sub_options_are_numbered_and_end() -> None:
    assert sub_options({176: b"\1", 6: b"\x08"}) == b"\xb0\x01\x01\x06\x01\x08\xff"
