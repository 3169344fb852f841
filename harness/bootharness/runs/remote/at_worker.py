"""What is done on a worker: it says what it is, takes files, and boots.

What goes wrong here and is not the kernel's fault comes back as a skipped attempt.
"""

import asyncio
import os
import platform
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import BootHarnessError, CouldNotFindOut, NoWorker
from bootharness.host.tool import QEMU_32, QEMU_64
from bootharness.runs.cell import Cell
from bootharness.runs.remote.files import renamed
from bootharness.runs.remote.parcel import Parcel
from bootharness.runs.remote.sealed import Sealed
from bootharness.runs.remote.store import Store
from bootharness.runs.remote.version import installed_version
from bootharness.runs.remote.words import Words
from bootharness.runs.where import this_host
from bootharness.runs.work import boot_cell, skipped
from bootharness.runs.workers import Processes

__all__ = ["Answer", "Missing", "answer", "answer_here", "boot", "boot_here", "call", "describe",
           "described", "drop", "lacking", "put", "stop"]  # fmt: skip


class Missing(Struct, frozen=True):
    """What has to be sent before a cell can be booted."""

    digests: tuple[str, ...]


class Answer(Struct, frozen=True):
    """What a function says here: by its type what comes back is told from what is none."""

    said: Any


async def describe() -> dict[str, Any]:
    """Return what this worker is: a plain table, which other versions can read."""
    return await asyncio.to_thread(described)


async def answer(function: Callable[..., Any], asked: tuple[Any, ...]) -> tuple[bool, Any]:
    """Return whether a function has an answer here, and it, or why not."""
    try:
        return True, await asyncio.to_thread(function, *asked)
    except CouldNotFindOut as error:
        return False, str(error)


async def lacking(digests: Sequence[str]) -> tuple[str, ...]:
    """Return those of contents that are not here."""
    return await asyncio.to_thread(lambda: tuple(each for each in digests if not Store().has(each)))


async def put(digest: str, part: str, at: int, piece: bytes, size: int) -> str:
    """Take a piece of a content; return why it cannot be kept, empty where it is."""
    try:
        await asyncio.to_thread(Store().put, digest, part, at, piece, size)
    except CouldNotFindOut as error:
        return str(error)
    return ""


async def drop(digest: str, part: str) -> None:
    """Forget a content of which no more will come."""
    await asyncio.to_thread(Store().drop, digest, part)


async def stop(whose: str) -> None:
    """End what goes on for somebody."""
    await asyncio.to_thread(_processes().stop, whose)


def call(function: Callable[..., Any], arguments: tuple[Any, ...], limit_s: float,
         whose: str) -> Any:  # fmt: skip
    """Make a call in a process of its own."""
    return _processes().call(function, arguments, limit_s, whose=whose)


def boot_here(version: str, cell: Cell, limit_s: float) -> Sealed:
    """Boot a cell whose files are here under the names that it gives. Raises NoWorker where that
    is asked by another version."""
    _check_version(version)
    sealed = boot(cell, (), limit_s, "")
    assert isinstance(sealed, Sealed), "nothing was to be sent"
    return sealed


def answer_here(version: str, function: Callable[..., Any], asked: tuple[Any, ...]) -> Answer:
    """Return what a function says here, otherwise as `boot_here`."""
    _check_version(version)
    return Answer(function(*asked))


def boot(cell: Cell, parcels: tuple[Parcel, ...], limit_s: float, whose: str) -> Sealed | Missing:
    """Boot a cell with what was sent of its files. Raises UsageError for what cannot be built."""
    try:
        with ExitStack() as stack:
            store, missing, places = Store(), list[str](), dict[Parcel, Path]()
            for each in parcels:
                places[each], absent = stack.enter_context(store.taken(each))
                missing += absent
            if missing:
                return Missing(tuple(missing))
            words = Words.of(places)
            here = renamed(cell, {each.named: str(path) for each, path in places.items()})
            return _processes().call(_booted, (here, words), limit_s, whose=whose)
    except CouldNotFindOut as error:
        return Sealed.of(replace(skipped(error), host=this_host()))


def _check_version(version: str) -> None:
    if version != installed_version():
        raise NoWorker(
            f"the worker on {this_host().name} has bootharness {installed_version()}, and "
            f"{version} asks it: install the same"
        )


def _booted(cell: Cell, words: Words) -> Sealed:
    """Boot in a process of its own, and tell of it with the names that the person knows."""
    try:
        return Sealed.of(words.attempt(boot_cell(cell)))
    except BootHarnessError as error:
        error.args = tuple(words.text(str(each)) for each in error.args)
        raise


@cache
def _processes() -> Processes:
    return Processes()


@cache
def described() -> dict[str, Any]:
    """Return what this worker is, found out once."""
    try:
        store = Store().id
    except CouldNotFindOut as error:
        store = str(error)
    return {
        "version": installed_version(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "host": this_host().name,
        "cpu": this_host().cpu,
        "qemu": [each.said_version() if each.here else None for each in (QEMU_64, QEMU_32)],
        "store": store,
        "pid": os.getpid(),
    }
