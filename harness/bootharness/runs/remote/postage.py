"""What is sent to whom: each content once to each place where workers keep files.

What is large is sent from here to one, and passed on from there: each that has it gives it to one
other at a time, so that a thousand have it after ten turns.
"""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from bootharness.errors import CouldNotFindOut, LaunchFailed, UsageError
from bootharness.host.kept import digest_of
from bootharness.plan import STAGE1
from bootharness.runs.cell import Cell
from bootharness.runs.remote import at_worker
from bootharness.runs.remote.files import named_by
from bootharness.runs.remote.from_peer import PIECE_BYTES, fetch
from bootharness.runs.remote.parcel import Content, Parcel, packed, where
from bootharness.runs.remote.pools import Peer

__all__ = ["Postage"]

_Call = Callable[..., Awaitable[Any]]


class Postage:
    """Sends what workers lack, by a call that is made ``on`` one by its address."""

    def __init__(self, on: _Call) -> None:
        self._on = on
        self._there: dict[str, set[str]] = defaultdict(set)
        self._sending: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._packed: dict[tuple[Any, ...], tuple[Parcel, tuple[Content, ...]]] = {}
        self._dropping: set[asyncio.Future[None]] = set()
        self._givers: dict[str, asyncio.Queue[Peer | None]] = {}
        self.sent_bytes = self.passed_bytes = 0

    def check(self, cell: Cell) -> None:
        """Raise UsageError for a cell that cannot be booted elsewhere."""
        named_by(cell)

    async def packed(self, cell: Cell) -> dict[Parcel, tuple[Content, ...]]:
        """Return what a cell's files are elsewhere, and the contents of each. Raises UsageError for
        files that cannot be had, KernelUnavailable for a package that cannot."""
        names = named_by(cell)
        return dict(await asyncio.to_thread(lambda: [self._pack(each, cell) for each in names]))

    async def deliver(self, contents: Iterable[tuple[Content, ...]], peer: Peer) -> None:
        """Have all contents where a worker is. Raises CouldNotFindOut where it cannot keep them,
        UsageError for files that are there no more."""
        wanted = {each.digest: each for its in contents for each in its}
        there = self._there[peer.store]
        if there >= wanted.keys():
            return
        async with self._sending[peer.store]:
            asked = [each for each in wanted if each not in there]
            for digest in await self._on(peer.address, at_worker.lacking, asked):
                await self._send(wanted[digest], peer)
            there.update(wanted)

    def forget(self, peer: Peer, digests: Iterable[str]) -> None:
        """Take note that contents are gone where a worker keeps them."""
        self._there[peer.store].difference_update(digests)

    async def _send(self, content: Content, peer: Peer) -> None:
        """Have a content sent, by us or by a worker that has it, whose turn it is."""
        if content.size <= PIECE_BYTES:
            await self._send_from_here(content, peer)
            return
        if content.digest not in self._givers:
            self._givers[content.digest] = asyncio.Queue()
            self._givers[content.digest].put_nowait(None)
        givers = self._givers[content.digest]
        done = False
        while not done:
            giver = await givers.get()
            try:
                if giver is None:
                    await self._send_from_here(content, peer)
                    done = True
                else:
                    done = not giver.gone and await self._passed_on(content, giver, peer)
            finally:
                if done:
                    givers.put_nowait(peer)
                if giver is None or done:
                    givers.put_nowait(giver)

    async def _passed_on(self, content: Content, giver: Peer, peer: Peer) -> bool:
        part = uuid.uuid4().hex[:16]
        try:
            why = await self._on(peer.address, fetch, content.digest, part, content.size,
                                 giver.address)  # fmt: skip
        except CouldNotFindOut:
            why = "it is gone"
        self.passed_bytes += 0 if why else content.size
        return not why

    async def _send_from_here(self, content: Content, peer: Peer) -> None:
        part = uuid.uuid4().hex[:16]
        at = 0
        try:
            while True:
                piece = await asyncio.to_thread(content.read, at, PIECE_BYTES)
                arguments = (content.digest, part, at, piece, content.size)
                why = await self._on(peer.address, at_worker.put, *arguments)
                if why:
                    await asyncio.to_thread(self._check_same, content)
                    raise LaunchFailed(why)
                at += len(piece)
                self.sent_bytes += len(piece)
                if at >= content.size or not piece:
                    return
        except OSError as error:
            raise UsageError(f"{content.path}: {error.strerror}") from error
        except (CouldNotFindOut, asyncio.CancelledError):
            self._dropping.add(
                drop := asyncio.ensure_future(self._drop(peer, content.digest, part))
            )
            drop.add_done_callback(self._dropping.discard)
            raise

    async def _drop(self, peer: Peer, digest: str, part: str) -> None:
        with suppress(CouldNotFindOut):  # it is removed with what is old
            await self._on(peer.address, at_worker.drop, digest, part)

    def _check_same(self, content: Content) -> None:
        if content.path and digest_of(Path(content.path)) != content.digest:
            raise UsageError(f"{content.path}: it has changed while it was sent")

    def _pack(self, name: str, cell: Cell) -> tuple[Parcel, tuple[Content, ...]]:
        loader = name == cell.plan.loader != STAGE1
        path = where(name)
        if loader or not path.is_file():
            return packed(name, loader=loader)
        status = path.stat()
        same = (name, status.st_ino, status.st_mtime_ns, status.st_size)
        if same not in self._packed:
            self._packed[same] = packed(name)
        return self._packed[same]
