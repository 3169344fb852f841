"""Where no scheduler answers it is said what is there, and soon."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

pytest.importorskip("distributed")

from bootharness.errors import NoWorker
from bootharness.runs.remote.connection import Connection

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def says(words: bytes) -> Answer:
    async def answer(_: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        to.write(words)
        await to.drain()
        to.close()

    return answer


@pytest.mark.parametrize(("answer", "why"), [
    (says(b"HTTP/1.0 400 Bad Request\r\n\r\nof a web server\n"), "what answers speaks otherwise"),
    (says(b"\1" + bytes(7) + b"\x20" + bytes(7) + b"x" * 64), "what answers speaks otherwise"),
    (says(b""), "it ends the connection at once"),
])  # fmt: skip
def test_who_answers_and_is_no_scheduler_is_told_as_that(answer: Answer, why: str) -> None:
    async def reach() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            await Connection.to(f"tcp://127.0.0.1:{port}", None)
        finally:
            server.close()

    with pytest.raises(NoWorker, match=f"no Dask scheduler answers there: {why}"):
        asyncio.run(reach())
