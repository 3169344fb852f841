"""Workers as people name them: a number, a Dask cluster, or an executor of their own."""

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from bootharness.errors import ToolMissing, UsageError
from bootharness.runs.workers import Workers

__all__ = ["address_of", "open_to_others", "workers_named"]

_HOW = "a number, dask:ADDRESS, or MODULE:FACTORY"
_DASK_PORT = 8786
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_EXTRA = "pip install 'bootharness[dask]'"


@contextmanager
def workers_named(
    name: str | None, jobs: int | None, told: Callable[[str], None]
) -> Iterator[tuple[Executor | None, int | None]]:
    """Give the workers of a name, and how many boots may go on at once; no workers where they are
    to be started here.

    ``told`` is given each sentence about them that a person should know. Raises UsageError for what
    is no such name, ToolMissing without Dask, NoWorker where nobody answers.
    """
    if name is None or name.isdecimal():
        if name is not None and jobs:
            raise UsageError(f"--workers {name} and --jobs {jobs} say the same: give one of them")
        if name is not None and not int(name):
            raise UsageError(f"--workers {name}: at least 1 is needed")
        yield None, jobs or (int(name) if name else None)
        return
    workers = _workers(name, told)
    done = False
    try:
        yield workers, jobs
        done = True
    finally:
        workers.shutdown(cancel_futures=not done)


def _workers(name: str, told: Callable[[str], None]) -> Workers:
    kind, _, address = name.partition(":")
    if kind == "dask":
        return _of_dask(address_of(address), told)
    if not _FACTORY.fullmatch(name):
        raise UsageError(f"--workers {name}: it is {_HOW}")
    made = _made(name)
    if type(made).__module__.partition(".")[0] == "distributed":
        client = getattr(made, "_client", made)
        return _of_dask(client.scheduler.address, told, client.security)
    if not isinstance(made, Executor):
        raise UsageError(
            f"--workers {name}: it makes a {type(made).__name__}, and an Executor of "
            "concurrent.futures is wanted, or a Client of Dask"
        )
    from bootharness.runs.remote.any_executor import AnyExecutor

    return AnyExecutor(made, name, told)


def _made(name: str) -> Any:
    module, _, factory = name.partition(":")
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - where a person's own module lies
    try:
        return getattr(importlib.import_module(module), factory)()
    except (Exception, SystemExit) as error:
        said = str(error).partition("\n")[0]
        raise UsageError(f"--workers {name}: {type(error).__name__}: {said}") from error
    finally:
        sys.path.pop(0)


def _of_dask(address: str, told: Callable[[str], None], security: Any = None) -> Workers:
    try:
        from bootharness.runs.remote.dask_workers import DaskWorkers
    except ImportError as error:
        raise ToolMissing(f"Dask is not installed: `{_EXTRA}` brings it ({error})") from error
    if warning := open_to_others(address):
        told(warning)
    return DaskWorkers(address, told, security)


def open_to_others(address: str) -> str:
    """Return the warning about a scheduler that others can reach, empty where they cannot."""
    if address.startswith("tls://") or _is_here(address):
        return ""
    return (
        f"{address} is without TLS: whoever reaches its port runs commands there as its user; "
        "docs/scale.md says how to close it"
    )


def address_of(given: str) -> str:
    """Return a scheduler's address, whole. Raises UsageError for what is none."""
    whole = given if "://" in given else f"tcp://{given}"
    try:
        parts = urlsplit(whole)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise UsageError(f"{given!r}: no address of a scheduler: {error}") from error
    if not host or parts.scheme not in ("tcp", "tls"):
        raise UsageError(
            f"{given!r}: no address of a scheduler, as 10.0.0.7:8786 or tls://build.example.org"
        )
    return whole if port else f"{whole}:{_DASK_PORT}"


def _is_here(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
