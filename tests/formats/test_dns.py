"""DNS messages against scapy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootharness.errors import FormatError
from bootharness.formats.dns import DnsQuestion

layers = pytest.importorskip("scapy.all", reason="scapy is not installed")
ADDRESS = bytes((10, 0, 2, 1))


def question(name: str, kind: str = "A") -> bytes:
    return bytes(layers.DNS(id=7, rd=1, qd=layers.DNSQR(qname=name, qtype=kind)))


def test_every_name_has_the_address() -> None:
    asked = DnsQuestion.parse(question("boot.example.org"))
    assert asked
    assert asked.name == "boot.example.org"
    said = layers.DNS(asked.answer(ADDRESS))
    assert (said.id, said.qr, said.rd, said.ra, said.rcode) == (7, 1, 1, 1, 0)
    assert said.qd[0].qname == b"boot.example.org."
    assert (said.an[0].rrname, said.an[0].rdata) == (b"boot.example.org.", "10.0.2.1")


def test_address_of_another_kind_is_none_and_no_error() -> None:
    asked = DnsQuestion.parse(question("boot.example.org", "AAAA"))
    assert asked
    said = layers.DNS(asked.answer(ADDRESS))
    assert (said.rcode, said.ancount) == (0, 0)


def test_what_asks_for_no_name_is_not_answered() -> None:
    assert DnsQuestion.parse(bytes(12)) is None
    assert DnsQuestion.parse(bytes(layers.DNS(qr=1, qd=layers.DNSQR(qname="a")))) is None


@settings(max_examples=200)
@given(st.binary(max_size=600))
def test_no_message_does_harm(message: bytes) -> None:
    for each in (message, question("a.b")[:12] + message):
        try:
            asked = DnsQuestion.parse(each)
        except FormatError:
            continue
        assert asked is None or len(asked.answer(ADDRESS)) <= len(each) + 16
