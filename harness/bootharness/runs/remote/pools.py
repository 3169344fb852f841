"""Which workers boot what: those that have the same for it, so that results can be compared."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from msgspec import Struct, field

__all__ = ["Peer", "Pool", "Question", "choose", "why_none", "why_refused"]

Question = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function that a worker answers, and what it is asked with."""
_NAMED = 3


class Peer(Struct, eq=False):
    """A worker as it is seen from here.

    ``kind`` is what makes its times comparable with others', ``store`` the name of where it keeps
    files. ``answers`` has to each question whether it can, and what it says or why not. So many
    ``failures`` in a row were its own, and ``retired`` says why it gets nothing any more.
    """

    address: str
    host: str
    slots: int
    kind: Hashable = None
    store: str = ""
    answers: dict[Question, tuple[bool, Any]] = field(default_factory=dict)
    busy: dict[Any, Any] = field(default_factory=dict)
    failures: int = 0
    retired: str = ""
    gone: bool = False

    @property
    def free(self) -> int:
        """How many calls it could begin now; less than none where one waits there already, or it
        gets no more."""
        return -1 if self.retired or self.gone else self.slots - len(self.busy)

    def __str__(self) -> str:
        return f"{self.host} ({self.address})"


class Pool:
    """The workers that answer a question alike and are of one kind, and what waits for them."""

    def __init__(self, question: Question | None, kind: Hashable, answer: Any) -> None:
        self.question, self.kind, self.answer = question, kind, answer
        self.waiting: deque[Any] = deque()
        self.peers: list[Peer] = []
        self.empty_since: float | None = None
        self._slots = 0
        self._turns: deque[Peer] = deque()
        self._full: deque[Peer] = deque()

    def fits(self, peer: Peer) -> bool:
        """Return whether a worker is one of these."""
        if self.question is None:
            return True
        return (peer.kind, peer.answers.get(self.question)) == (self.kind, (True, self.answer))

    def join(self, *peers: Peer) -> None:
        """Take in workers; each comes as often as it has slots, in turns with the others."""
        self.peers += peers
        self._slots += sum(each.slots for each in peers)
        for turn in range(max((each.slots for each in peers), default=0)):
            self._turns += [each for each in peers if turn < each.slots]

    def leave(self, peer: Peer) -> None:
        """Be without a worker."""
        if peer in self.peers:
            self.peers.remove(peer)
            self._slots -= peer.slots

    def freed(self, peer: Peer) -> None:
        """Take note that a worker has done something."""
        if peer in self.peers:
            (self._turns if peer.free > 0 else self._full).append(peer)

    def next(self, avoided: Iterable[str] = ()) -> Peer | None:
        """Return a worker that can begin now, or, as long as there is enough for all, one that then
        need not wait for what comes next; None where there is none. None is avoided where there are
        no others."""
        left_out = {*avoided}
        if left_out and {each.address for each in self.peers if not each.retired} <= left_out:
            left_out = set()
        found = _taken(self._turns, left_out, 1)
        if found is None and len(self.waiting) > self._slots:
            found = _taken(self._full, left_out, 0)
        return found


def _taken(turns: deque[Peer], left_out: set[str], least: int) -> Peer | None:
    """Take the next worker with so many free slots; what is not so any more is left out."""
    for _ in range(len(turns)):
        peer = turns.popleft()
        if peer.free < least:
            continue  # it was taken in the turn of another pool, or is gone
        if peer.address not in left_out:
            return peer
        turns.append(peer)
    return None


def choose(
    question: Question, peers: Iterable[Peer], preferred: Iterable[Hashable]
) -> tuple[Hashable, Any] | None:
    """Return the kind and the answer of those that are to boot: of a kind that boots already, the
    one that began first, or else of which there are most; None where nobody can."""
    slots: dict[str, int] = {}
    groups: dict[str, tuple[Hashable, Any]] = {}
    for each in peers:
        can, said = each.answers.get(question, (False, ""))
        if can:
            name = repr((each.kind, said))
            groups[name] = (each.kind, said)
            slots[name] = slots.get(name, 0) + each.slots
    order = {kind: number for number, kind in enumerate(preferred)}

    def rank(name: str) -> tuple[int, int, str]:
        return order.get(groups[name][0], len(order)), -slots[name], name

    return groups[min(slots, key=rank)] if slots else None


def why_none(question: Question, peers: Iterable[Peer], refused: Mapping[str, str]) -> str:
    """Say why no worker can do it."""
    whys = {str(each): each.answers[question][1] for each in peers if question in each.answers}
    return why_refused(whys | dict(refused)) or "the cluster has no worker"


def why_refused(whys: Mapping[str, str]) -> str:
    """Say why workers are given nothing, each reason once."""
    alike: dict[str, list[str]] = {}
    for who, why in whys.items():
        alike.setdefault(why, []).append(who)
    return "; ".join(f"{_several(its)}: {why}" for why, its in alike.items())


def _several(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
