"""DHCP options, MAC and UUID as people write them."""

import pytest

from bootharness.errors import UsageError
from bootharness.plan import MachineConfig, NetPlan
from bootharness.plan.dhcp_option import check_fit, read_dhcp_option


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("66=boot.example.org", (66, b"boot.example.org")),
        ("66=192.168.1.10", (66, b"192.168.1.10")),
        ("6=10.0.2.1", (6, b"\x0a\0\2\1")),
        ("6=10.0.2.1, 10.0.2.7", (6, b"\x0a\0\2\1\x0a\0\2\7")),
        ("150=text:10.0.2.1", (150, b"10.0.2.1")),
        ("175=0xb00101", (175, b"\xb0\1\1")),
        ("175=hex:b0:01:01", (175, b"\xb0\1\1")),
        ("43=text:0x12", (43, b"0x12")),
        ("60=", (60, b"")),
        ("209=a=b", (209, b"a=b")),
    ],
)
def test_option_is_read_as_it_looks(text: str, option: tuple[int, bytes]) -> None:
    assert read_dhcp_option(text) == option
    assert NetPlan(dhcp_options=(text,)).dhcp_options == (text,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("66", "N=VALUE"),
        ("x=1", "N=VALUE"),
        ("²=1", "N=VALUE"),
        ("53=1", "the message's kind"),
        ("255=a", "the end"),
        ("300=a", "end at 254"),
        ("175=0xb0010", "two digits a byte"),
        (f"66={'a' * 256}", "256 bytes, and 255 fit"),
    ],
)
def test_what_is_no_option_is_told(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        NetPlan(dhcp_options=(text,))


def test_options_have_to_fit_an_answer() -> None:
    check_fit({66: bytes(1000)})
    with pytest.raises(UsageError, match="1,001 bytes, and 1,000 fit"):
        check_fit({66: bytes(1000), 67: b"a"})


@pytest.mark.parametrize("mac", ["01:00:00:00:00:01", "00:00:00:00:00:00", "52:54", "5254.0012"])
def test_address_that_no_card_has(mac: str) -> None:
    with pytest.raises(UsageError, match=f"MAC '{mac}'"):
        NetPlan(mac=mac)


@pytest.mark.parametrize("uuid", ["", "8e4b4c7a", "8e4b4c7a0c5e4b6f9f5e0123456789ab"])
def test_uuid_that_qemu_would_not_take(uuid: str) -> None:
    with pytest.raises(UsageError, match=f"UUID '{uuid}'"):
        MachineConfig(uuid=uuid)


def test_further_cards_are_a_list_of_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="and nic 'ne2k': known are virtio"):
        NetPlan(more_nics=("virtio", "ne2k"))
    with pytest.raises(UsageError, match="a list of names is wanted"):
        NetPlan(more_nics="virtio")  # type: ignore[arg-type]
