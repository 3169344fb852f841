"""Where a guest is kept waiting that is about to ask the network for something.

What it sends before is what any host sends that comes up: ICMPv6, to find routers and to tell of
its address, which is answered at once. The first frame of another kind is the first packet of the
boot: it waits here, and all that follow, until the machine has been saved.
"""

from msgspec import Struct, field

from bootharness.formats.ethernet import IPV6, ethertype

__all__ = ["Answered", "Threshold", "asks"]

_NEXT_HEADER_AT = 20
_HOP_BY_HOP, _ICMPV6 = 0, 58
_WAIT_S = 0.3
"""Before iPXE asks again; then the machine is not saved, and the boot is like any other."""


def asks(frame: bytes) -> bool:
    """Return whether a frame is more than a host's coming up."""
    if ethertype(frame) != IPV6 or len(frame) <= _NEXT_HEADER_AT:
        return True
    return frame[_NEXT_HEADER_AT] not in (_HOP_BY_HOP, _ICMPV6)


class Answered(Struct, frozen=True):
    """A frame that was answered at once, when, in seconds since launch, and with what."""

    at: float
    frame: bytes
    answers: tuple[bytes, ...]


class Threshold(Struct):
    """The frames of one guest up to where it is kept waiting."""

    early: list[Answered] = field(default_factory=list)
    asking: list[bytes] = field(default_factory=list)
    since: float | None = None
    claimed: bool = False

    def keeps(self, frame: bytes, now: float) -> bool:
        """Return whether a frame has to wait, which is kept then."""
        if self.since is None and not asks(frame):
            return False
        if self.since is None:
            self.since = now
        self.asking.append(frame)
        return True

    def given_up(self, now: float) -> bool:
        """Return whether it has waited for too long, and nobody is at it."""
        return self.since is not None and not self.claimed and now - self.since > _WAIT_S
