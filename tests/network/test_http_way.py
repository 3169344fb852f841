"""A guest's connections to HTTP on the wire, and what is known of the responses on them."""

from collections.abc import Callable

import pytest

from bootharness.formats.ethernet import ip_bytes
from bootharness.network import http_way
from bootharness.network.files import FileTable
from bootharness.network.http_server import HttpTransfer
from bootharness.network.tcp import ACK, FIN, RESET, SYN, Head, Segment
from bootharness.network.wire import Wire
from bootharness.plan.fault import Faults
from bootharness.trace.network_facts import NetEventKind
from tests.support.netclient import SERVER_MAC, NetClient
from tests.support.tcp_service import Service

CONTENT = b"#!ipxe\n" * 4
HTTP = ip_bytes("10.0.2.100")


class Guest(NetClient):
    """A guest that opens connections to a server which has ``said`` its content already."""

    def __init__(self, *faults: str, outcome: str = "written", stays: bool = True) -> None:
        files = FileTable({"boot.ipxe": CONTENT})
        super().__init__(Wire(files, (), Faults.parse(faults), ring=8, https=True))
        self.lease()
        self.said = CONTENT
        self.transfer = self.response(1, outcome)
        self.transfers = [self.transfer]
        self.services: list[Service] = []

        def opens(number: int, over_tls: bool) -> Service:
            assert number == len(self.services) + 1
            assert over_tls == (self.said != CONTENT)
            self.services.append(Service(self.said, stays=stays))
            return self.services[-1]

        self.serve(opens)

    def serve(self, opens: Callable[[int, bool], Service]) -> None:
        self.wire.serve_http(self.port, self.transfers, opens)

    def response(self, connection: int, outcome: str = "written") -> HttpTransfer:
        made = HttpTransfer(
            "boot.ipxe", len(CONTENT), connection, 0, self.now, self.now, written=len(CONTENT),
            outcome=outcome,
        )  # fmt: skip
        made.digest.update(CONTENT)
        return made

    def tcp(
        self, flags: int, sequence: int, acknowledged: int = 0, port: int = 5000, at: int = 80
    ) -> list[Segment]:
        head = Head(SERVER_MAC + self.mac, self.address, HTTP, (port, at))
        came = self.send(head.frame(sequence, acknowledged, flags, 65535))
        return [found for each in came if (found := Segment.parse(each))]

    def connect(self, port: int = 5000, at: int = 80) -> Segment:
        """Open a connection, and return the first that comes over it."""
        (taken,) = self.tcp(SYN, 500, port=port, at=at)
        self.begins = taken.sequence + 1
        first, *_ = self.tcp(ACK, 501, self.begins, port=port, at=at)
        return first


def test_response_is_served_once_the_guest_has_it_and_no_sooner() -> None:
    guest = Guest()
    assert guest.connect().payload == CONTENT
    (file,) = guest.wire.transferred(guest.port)
    assert (file.outcome, file.intact) == ("open", False)
    guest.tcp(ACK, 501, guest.begins + len(CONTENT) - 1)
    assert not guest.events(NetEventKind.FILE_SERVED)
    guest.tcp(ACK, 501, guest.begins + len(CONTENT))
    assert [each.file for each in guest.events(NetEventKind.FILE_SERVED)] == ["boot.ipxe"]
    (file,) = guest.wire.transferred(guest.port)
    assert (file.outcome, file.intact, file.sent_bytes) == ("served", True, len(CONTENT))


@pytest.mark.parametrize("went", [False, True])
def test_response_that_all_went_over_the_wire_only_lacks_an_acknowledgement(went: bool) -> None:
    guest = Guest()
    if went:
        guest.connect()
    guest.wire.finish(guest.port, guest.now)
    (file,) = guest.wire.transferred(guest.port)
    assert (file.outcome, file.intact) == ("served" if went else "open", went)


@pytest.mark.parametrize(("bytes_", "reset"), [(5, True), (27, True), (28, False)])
def test_response_that_fits_a_segment_is_reset(bytes_: int, reset: bool) -> None:
    guest = Guest(f"http-reset:file=boot.ipxe,bytes={bytes_}")
    assert bool(guest.connect().flags & RESET) is reset
    assert guest.services[0].closed is reset
    assert [each.text for each in guest.events(NetEventKind.HTTP_CLOSED)] == (
        ["the connection was reset"] * reset
    )
    assert (guest.transfer.outcome == "reset") is reset


def test_what_the_server_says_later_goes_out_when_it_does() -> None:
    guest = Guest()
    guest.connect()
    guest.services[0].said = b"more"
    ((port, frame),) = guest.wire.say(guest.port, guest.now)
    later = Segment.parse(frame)
    assert later
    assert (port, later.payload) == (guest.port, b"more")


def test_what_is_lost_is_sent_again() -> None:
    guest = Guest()
    first = guest.connect()
    assert first in [Segment.parse(each) for each in guest.wait(0.5)]


def test_connection_is_taken_up_anew_and_an_unknown_one_is_refused() -> None:
    guest = Guest()
    (stray,) = guest.tcp(ACK, 7, 9)
    assert stray.flags & RESET
    assert not guest.tcp(RESET, 7)
    first = guest.connect()
    (again,) = guest.tcp(SYN, 900)
    assert (again.flags, again.acknowledged) == (SYN | ACK, 901)
    assert again.sequence + 1 != first.sequence
    assert guest.services[0].closed
    assert len(guest.services) == 2
    guest.wire.unplug(guest.port)
    assert guest.services[1].closed


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_way, "_CONNECTIONS", 3)
    guest = Guest()
    for port in range(3):
        guest.connect(port)
    (refused,) = guest.tcp(SYN, 500, port=9)
    assert refused.flags & RESET
    assert len(guest.services) == 3
    guest.tcp(RESET, 501, port=0)
    guest.wait(0.1)
    guest.connect(9)


def test_connection_of_no_use_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_way, "_CONNECTIONS", 2)
    guest = Guest()
    guest.connect(1)
    guest.tcp(SYN, 500, port=2)
    guest.connect(3)
    assert [each.closed for each in guest.services] == [False, True, False]


def test_syn_that_comes_again_begins_nothing_and_what_is_no_syn_neither() -> None:
    guest = Guest()
    guest.connect()
    (again,) = guest.tcp(SYN, 500)
    assert (again.flags, again.acknowledged) == (ACK, 501)
    for port, flags in enumerate((SYN | ACK, SYN | FIN)):
        (refused,) = guest.tcp(flags, 500, port=port)
        assert refused.flags & RESET
    assert not guest.tcp(SYN | RESET, 500, port=7)
    assert [each.closed for each in guest.services] == [False]


def test_what_a_guest_broke_off_is_no_part_of_what_comes_over_another_connection() -> None:
    guest = Guest()
    guest.connect()
    guest.tcp(ACK, 501, guest.begins + 3)
    guest.tcp(RESET, 501)
    guest.transfer.outcome = "aborted"
    guest.transfers.append(guest.response(2))
    guest.connect(5001)
    guest.tcp(ACK, 501, guest.begins + len(CONTENT), port=5001)
    assert [each.sent_bytes for each in guest.wire.transferred(guest.port)] == [3, len(CONTENT)]
    assert len(guest.events(NetEventKind.FILE_SERVED)) == 1


def test_response_over_tls_is_served_once_all_that_goes_for_it_has_arrived() -> None:
    guest = Guest()
    guest.said = CONTENT + b"what TLS adds"
    guest.connect(port=5000, at=443)
    guest.tcp(ACK, 501, guest.begins + len(CONTENT), at=443)
    assert not guest.events(NetEventKind.FILE_SERVED)
    guest.tcp(ACK, 501, guest.begins + len(guest.said), at=443)
    assert len(guest.events(NetEventKind.FILE_SERVED)) == 1


def test_server_that_takes_no_more_refuses() -> None:
    guest = Guest()

    def opens(_number: int, _over_tls: bool) -> Service:
        raise ConnectionRefusedError

    guest.serve(opens)
    (refused,) = guest.tcp(SYN, 500)
    assert refused.flags & RESET


def test_end_of_what_the_server_says_is_the_end_of_the_connection() -> None:
    guest = Guest(stays=False)
    guest.connect()
    end = guest.begins + len(CONTENT) + 1
    (ack,) = guest.tcp(ACK | FIN, 501, end)
    assert ack.acknowledged == 502
    assert guest.services[0].closed
    (again,) = guest.tcp(ACK | FIN, 501, end)
    assert (again.flags, again.acknowledged) == (ACK, 502), "the last acknowledgement may be lost"
    guest.wait(2.5)
    (stray,) = guest.tcp(ACK, 502, end)
    assert stray.flags & RESET
    (file,) = guest.wire.transferred(guest.port)
    assert file.outcome == "served", "what it had counts when the connection is gone"


@pytest.mark.parametrize(("said", "arrived"), [(len(CONTENT), len(CONTENT)), (3, 3), (None, 0)])
def test_who_breaks_off_may_tell_how_far_it_came(said: int | None, arrived: int) -> None:
    guest = Guest()
    guest.connect()
    guest.tcp(RESET, 501, 0 if said is None else guest.begins + said)
    (file,) = guest.wire.transferred(guest.port)
    assert file.sent_bytes == arrived
    assert bool(guest.events(NetEventKind.FILE_SERVED)) is (arrived == len(CONTENT))
