"""A guest's way to HTTP: the responses that it asked for, and what of them went over the wire.

The server knows what it has written, and only the wire what has arrived.
"""

from msgspec import Struct, field

from bootharness.network.events import Journal
from bootharness.network.files import Files
from bootharness.network.http_server import HttpTransfer
from bootharness.network.tcp import Flow
from bootharness.trace.network_facts import NetEventKind, NetFile

__all__ = ["HttpWay"]

_HTTP_STALLED_S = 1.5
# a longer step was not the server's silence: the harness was stopped
_LONGEST_STEP_S = 0.2


class HttpWay(Struct):
    """What is known of a guest's HTTP: the responses, and what goes over the wire of them."""

    transfers: list[HttpTransfer]
    asked_at: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    """By the guest's port, at which address and port it asks."""
    asked_from: dict[int, bytes] = field(default_factory=dict)
    """By the guest's port, from which address of its own."""
    over_ipv6: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    """By the guest's port, the addresses of the server and of the guest where they are IPv6."""
    guest_mac: bytes = b""
    data_at: float = 0.0
    active_at: float = 0.0
    looked_at: float = 0.0
    quiet_s: float = 0.0
    flows: dict[int, Flow] = field(default_factory=dict)
    ended_bytes: int = 0
    over: int = 0
    """So many of the transfers, from the first on, are over."""

    @property
    def arrived(self) -> int:
        """How many bytes the guest has acknowledged on all connections."""
        return self.ended_bytes + sum(flow.arrived for flow in self.flows.values())

    def passed_of(self, transfer: HttpTransfer) -> int:
        """How many bytes of a response's body were on their way to the guest."""
        passed = self.ended_bytes + sum(flow.passed for flow in self.flows.values())
        return passed - transfer.begins

    def arrived_of(self, transfer: HttpTransfer) -> int:
        """How many bytes of a response's body the guest has."""
        return max(0, min(self.arrived - transfer.begins, transfer.written))

    def take_served(self, journal: Journal, now: float) -> list[str]:
        """Note the responses of which the guest has all by now, and return their names."""
        names = []
        while self.over < len(self.transfers) and self.transfers[self.over].over:
            self.over += 1
        for transfer in self.transfers[self.over :]:
            if transfer.outcome == "written" and self.arrived_of(transfer) == transfer.written:
                transfer.outcome, transfer.last_at = "served", now
                names.append(transfer.name)
                text = f"http {transfer.written:,} bytes"
                if transfer.part:
                    text += f", {transfer.part} of {transfer.file_bytes:,}"
                journal.note(now, NetEventKind.FILE_SERVED, transfer.name, text=text)
        return names

    def watch(self, journal: Journal, now: float) -> None:
        """Tell when a response stops in mid-body though the guest would take more."""
        step, self.looked_at = min(now - self.looked_at, _LONGEST_STEP_S), now
        active = max([self.data_at, *(each.last_at for each in self.transfers)])
        if active > self.active_at:
            self.active_at, self.quiet_s = active, 0.0
        else:
            self.quiet_s += step
        for transfer in list(self.transfers):
            waits = transfer.outcome == "open" and not transfer.blocked
            if waits and not transfer.stalled and self.quiet_s >= _HTTP_STALLED_S:
                transfer.stalled = True
                journal.note(
                    now,
                    NetEventKind.HTTP_STALLED,
                    transfer.name,
                    text=f"no data for {self.quiet_s:.1f} s, and the connection is open",
                )

    def snapshot(self, transfer: HttpTransfer, files: Files, mac: str) -> NetFile:
        """Return a response as it is now."""
        on_its_way = transfer.outcome == "written"
        sha256 = transfer.digest.hexdigest() if transfer.outcome == "served" else ""
        whole = "" if transfer.part else files.digest(transfer.name)
        return NetFile(
            name=transfer.name,
            protocol="http",
            mac=mac,
            file_bytes=transfer.file_bytes,
            file_sha256=whole or sha256,
            requested_at=transfer.requested_at,
            last_at=max(transfer.last_at, self.data_at) if on_its_way else transfer.last_at,
            sent_bytes=self.arrived_of(transfer),
            outcome="open" if on_its_way else transfer.outcome,
            promised_bytes=None if transfer.part else transfer.file_bytes,
            sha256=sha256,
            part=transfer.part,
        )

    def finish(self) -> None:
        """Close the books: what was all sent, and nobody broke off, only lacks its last
        acknowledgement."""
        for transfer in self.transfers:
            if transfer.outcome == "written" and self.passed_of(transfer) >= transfer.written:
                transfer.outcome = "served"
