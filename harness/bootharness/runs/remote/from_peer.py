"""A worker has files from another, by Dask's own connection between the two."""

import asyncio
from typing import Any

from distributed.protocol import pickle

from bootharness.errors import CouldNotFindOut
from bootharness.runs.remote.store import Store

__all__ = ["PIECE_BYTES", "fetch", "piece"]

_DUMPS: Any = pickle.dumps  # it is without types
PIECE_BYTES = 4 << 20
"""So much is sent at a time."""


async def fetch(digest: str, part: str, size: int, source: str, dask_worker: Any) -> str:
    """Take a content from the worker at an address; return why it cannot be had or kept, empty
    where it is."""
    at = 0
    try:
        other = dask_worker.rpc(source)
        while True:
            answer = await other.run(
                function=_DUMPS(piece), args=_DUMPS((digest, at)), kwargs=_DUMPS({}), wait=True
            )
            came = answer["result"]
            await asyncio.to_thread(Store().put, digest, part, at, came, size)
            at += len(came)
            if at >= size or not came:
                return ""
    except CouldNotFindOut as error:
        return str(error)
    except Exception as error:  # of a connection that is lost there are many kinds
        return f"{source}: {type(error).__name__}: {error}"


async def piece(digest: str, at: int) -> bytes:
    """Return some of a content that is here."""
    return await asyncio.to_thread(_read, digest, at)


def _read(digest: str, at: int) -> bytes:
    with (Store().folder / digest).open("rb") as file:
        file.seek(at)
        return file.read(PIECE_BYTES)
