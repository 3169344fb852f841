"""Loaded by a worker before it says that it is there: it is ready, then, to say what it is."""

from bootharness.runs.remote import at_worker, from_peer

__all__ = ["dask_setup"]


def dask_setup(_worker: object) -> None:
    """Find out what this worker is; Dask calls it by this name."""
    assert from_peer
    at_worker.described()
