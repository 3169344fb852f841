"""A client on the wire, for tests without a machine."""

from bootharness.formats.dhcp import DISCOVER, REQUEST, DhcpMessage, DhcpOption
from bootharness.formats.ethernet import BROADCAST_MAC, Datagram, build_udp, mac_bytes, parse_udp
from bootharness.formats.tftp import ACK, DATA, ERROR, OACK, opcode
from bootharness.network.boot_rule import BootRule
from bootharness.network.files import FileTable
from bootharness.network.wire import SERVER_ADDRESS, Wire
from bootharness.plan.fault import Faults
from bootharness.trace.network_facts import NetEvent, NetEventKind

__all__ = ["SERVER_MAC", "NetClient", "wire_with"]

SERVER_MAC = mac_bytes("52:55:0a:00:02:01")
_NOBODY = bytes(4)


def wire_with(
    files: dict[str, bytes], *faults: str, rules: tuple[BootRule, ...] = (BootRule("boot.ipxe"),)
) -> Wire:
    """Return a wire that serves these files, to cards with room for eight frames."""
    return Wire(FileTable(files), rules, Faults.parse(faults), ring=8)


class NetClient:
    """One guest; its clock is set by hand."""

    def __init__(self, wire: Wire, mac: str = "52:54:00:12:34:01") -> None:
        self.wire = wire
        self.mac = mac_bytes(mac)
        self.port = wire.plug()
        self.address = _NOBODY
        self.now = 1.0

    def send(self, frame: bytes) -> list[bytes]:
        """Put a frame on the wire and return what comes back to this port now."""
        return [
            out for port, out in self.wire.receive(self.port, frame, self.now) if port == self.port
        ]

    def wait(self, seconds: float) -> list[bytes]:
        """Let time pass in small steps and return what comes meanwhile."""
        came = []
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 0.05)
            came += [out for port, out in self.wire.tick(self.now) if port == self.port]
        return came

    def udp(
        self, port: int, payload: bytes, *, source: int = 2000, to: bytes = SERVER_ADDRESS
    ) -> list[Datagram]:
        """Send a datagram to the server and return the datagrams that come back."""
        mac = BROADCAST_MAC if to == b"\xff" * 4 else SERVER_MAC
        frame = build_udp(Datagram(self.mac, mac, self.address, to, source, port, payload))
        return self.datagrams(self.send(frame))

    @staticmethod
    def datagrams(frames: list[bytes]) -> list[Datagram]:
        """Return the datagrams in frames."""
        return [found for frame in frames if (found := parse_udp(frame))]

    def dhcp(self, kind: int, *, xid: int = 7, **options: bytes) -> DhcpMessage | None:
        """Send a DHCP message with options by name and return the answer."""
        named = {getattr(DhcpOption, name.upper()): value for name, value in options.items()}
        message = DhcpMessage(
            1, xid, self.mac, options={DhcpOption.MESSAGE_TYPE: bytes([kind]), **named}
        )
        answers = self.udp(67, message.build(), source=68, to=b"\xff" * 4)
        return DhcpMessage.parse(answers[0].payload) if answers else None

    def lease(self, **options: bytes) -> DhcpMessage:
        """Get an address as a client does and return the acknowledgement."""
        offer = self.dhcp(DISCOVER, **options)
        assert offer
        ack = self.dhcp(REQUEST, requested_ip=offer.your_ip, server_id=SERVER_ADDRESS, **options)
        assert ack
        self.address = ack.your_ip
        return ack

    def request(self, name: str, *, source: int = 2000, **options: int) -> list[Datagram]:
        """Ask for a file by TFTP."""
        words = "".join(f"{key}\0{value}\0" for key, value in options.items())
        return self.udp(69, f"\0\1{name}\0octet\0{words}".encode(), source=source)

    def acknowledge(self, server_port: int, block: int, *, source: int = 2000) -> list[Datagram]:
        """Acknowledge a block."""
        return self.udp(
            server_port, ACK.to_bytes(2, "big") + (block & 0xFFFF).to_bytes(2, "big"), source=source
        )

    def fetch(self, name: str, *, lose: frozenset[int] = frozenset(), **options: int) -> bytes:
        """Fetch a whole file; of the blocks in ``lose`` the first sending does not arrive."""
        block_bytes, got, expected, lost, patience, server = 512, [], 1, set(), 100, 0
        incoming = self.request(name, **options)
        for _ in range(500_000):
            if not incoming:
                patience -= 1
                assert patience, f"nothing more comes after block {expected - 1}"
                incoming = self.datagrams(self.wait(0.3)) or self.acknowledge(server, expected - 1)
                continue
            answer, *incoming = incoming
            kind, server = opcode(answer.payload), answer.source_port
            if kind == ERROR:
                raise FileNotFoundError(answer.payload[4:-1].decode())
            if kind == OACK:
                words = answer.payload[2:].decode().split("\0")
                block_bytes = int(
                    dict(zip(words[::2], words[1::2], strict=False)).get("blksize", 512)
                )
                incoming = self.acknowledge(server, 0)
                continue
            assert kind == DATA
            number = int.from_bytes(answer.payload[2:4], "big")
            if number != expected & 0xFFFF:
                continue
            if expected in lose - lost:
                lost.add(expected)
                continue
            got.append(answer.payload[4:])
            expected += 1
            done = len(got[-1]) < block_bytes
            if done or not incoming:
                incoming = self.acknowledge(server, expected - 1)
            if done:
                return b"".join(got)
        raise AssertionError("the transfer does not end")

    def events(self, kind: NetEventKind) -> list[NetEvent]:
        """Return this guest's events of a kind."""
        return [event for event in self.wire.events(self.port) if event.kind == kind]
