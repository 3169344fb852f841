"""The connection to a Dask scheduler, and through it to the workers: what is lost there is told as
lost, whatever Dask calls it."""

import asyncio
import logging
import uuid
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

import dask
from distributed import Client, Security
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker
from distributed.versions import VersionMismatchWarning

from bootharness.errors import BootHarnessError, MachineLost, NoWorker

__all__ = ["Connection"]

_CLIENT: Any = Client  # both are without types
_SECURITY: Any = Security
_CONNECT_S, _AT_MOST_S, _ASK_S, _END_S = 3.0, 4.0, 60.0, 5.0
_REFUSED_S = 0.5
_NO_ANSWER = (OSError, TimeoutError, CommClosedError, ValueError)


class Connection:
    """What is asked of a cluster, within one event loop."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    async def to(cls, address: str, security: Any) -> "Connection":
        """Return a connection; without a ``security`` by Dask's own configuration. Raises NoWorker
        where nobody answers."""
        # what it would log is told otherwise
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", category=VersionMismatchWarning)
        try:
            with dask.config.set({"distributed.comm.timeouts.connect": f"{_CONNECT_S}s"}):
                client = _CLIENT(
                    address, asynchronous=True, set_as_default=False, timeout=_CONNECT_S,
                    security=security or _SECURITY(),
                )  # fmt: skip
                reached = cls(client)
                try:
                    await asyncio.wait_for(client, _AT_MOST_S)
                except Exception:
                    await reached.close(used=False)
                    raise
                return reached
        except Exception as error:  # of TLS that is not set up it has errors of any kind
            raise NoWorker(
                f"{address}: no Dask scheduler answers there: {_why_not(address, error)}"
            ) from error

    @property
    def open(self) -> bool:
        """Whether the scheduler is there now."""
        return bool(self._client.status == "running")

    @property
    def closed(self) -> bool:
        """Whether the scheduler is gone, and has not come back for a while."""
        return bool(self._client.status == "closed")

    async def slots(self) -> dict[str, int] | None:
        """Return how many calls each worker does at once, by its address; None where nobody says
        so now."""
        with suppress(Exception):  # what a client that is closed raises is of any kind
            found: dict[str, int] = await asyncio.wait_for(self._client.nthreads(), _ASK_S)
            return found
        return None

    async def ask(self, address: str, function: Callable[..., Any], *args: Any) -> Any:
        """Return what a coroutine function says on a worker, whatever else that does. Raises
        NoWorker where it says nothing."""
        try:
            answers = await asyncio.wait_for(
                self._client.run(function, *args, workers=[address], on_error="return"), _ASK_S
            )
        except _NO_ANSWER as error:
            why = str(error) or f"nothing came within {_ASK_S:g} s"
            raise NoWorker(f"the worker does not answer: {why}") from error
        said = answers.get(address, NoWorker("it is gone"))
        if isinstance(said, ImportError | AttributeError):
            raise NoWorker(f"it has no bootharness, or another: {said}")
        if isinstance(said, Exception):
            raise NoWorker(f"the worker does not answer: {type(said).__name__}: {said}")
        return said

    async def call(
        self, address: str, limit_s: float, function: Callable[..., Any], *args: Any
    ) -> Any:
        """Return what a call comes to that takes one of a worker's slots.

        Raises what it raises of our errors, and MachineLost for all else that keeps it from an end.
        """
        task = None
        try:
            task = self._client.submit(
                function, *args, key=f"boot-{uuid.uuid4().hex}", workers=[address],
                allow_other_workers=False, pure=False,
            )  # fmt: skip
            return await asyncio.wait_for(task.result(), limit_s)
        except TimeoutError:
            raise MachineLost(f"nothing came of it within {limit_s:,.0f} s") from None
        except (KilledWorker, CancelledError, CommClosedError, OSError) as error:
            raise MachineLost(f"it was lost in the middle of it: {error}") from error
        except BootHarnessError:
            raise
        except Exception as error:
            raise MachineLost(f"it could not do it: {type(error).__name__}: {error}") from error
        finally:
            if task:
                task.release()

    async def tell(
        self, addresses: Iterable[str], function: Callable[..., Any], *args: Any
    ) -> None:
        """Call a coroutine function on workers, and wait for a moment until it is done."""
        with suppress(Exception):
            told = self._client.run(function, *args, workers=[*addresses], on_error="ignore")
            await asyncio.wait_for(told, _END_S / 2)

    async def close(self, *, used: bool = True) -> None:
        """End the connection; one that was not used is not waited for."""
        with suppress(Exception):
            await asyncio.wait_for(self._client.close(), _END_S if used else _REFUSED_S)


def _why_not(address: str, error: Exception) -> str:
    """Say why nobody can be reached."""
    said = str(error).partition("\n")[0]
    match error:
        case _ if address.startswith("tls://") and "ssl_context" in said:
            return "TLS is not set up here: docs/scale.md says how Dask is told of certificates"
        case CommClosedError():
            return "it ends the connection at once, as one does that speaks TLS alone"
        case OSError():
            return said or f"nothing came within {_AT_MOST_S:g} s"
    return "what answers speaks otherwise"
