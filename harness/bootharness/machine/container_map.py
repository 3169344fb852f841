"""Whether the file of a disk image in a container has all that its own tables name.

What they place behind the end of the file reads as zeros, without an error: a download that broke
off boots as far as it came.
"""

import json
import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from threading import Timer

from bootharness.formats.container import qcow2_tables_end
from bootharness.host.rights import command, own_user
from bootharness.kernels.content import file_source
from bootharness.machine.opened import node_of

__all__ = ["missing_bytes"]

_QEMU_IMG = "qemu-img"
_ANSWER_S = 10.0
_MOST_BYTES = 1 << 24
_MAPPED = re.compile(rb'"length": (\d+)[^}]*"data": true, "offset": (\d+)')
# no writer fills the last cluster up
_CLUSTER_BYTES = 1 << 16


def missing_bytes(path: Path, driver: str) -> int:
    """Return how many bytes of the image lie behind the end of its file; 0 where that is not known,
    as of one whose clusters are compressed."""
    try:
        had = path.stat()
    except OSError:
        return 0
    lacks = _end(path, driver, had.st_mtime_ns) - had.st_size
    return lacks if lacks >= _CLUSTER_BYTES else 0


@lru_cache(maxsize=16)
def _end(path: Path, driver: str, _changed: int) -> int:
    """Return where in the file the last mapped piece ends."""
    named = f"json:{json.dumps(node_of(path, driver))}"
    tables = qcow2_tables_end(file_source(path).read) if driver == "qcow2" else 0
    words = command([_QEMU_IMG, "map", "--output=json", named], own_user(os.getpid(), [path]))
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return tables
    limit = Timer(_ANSWER_S, process.kill)
    limit.start()
    with process:
        told = process.stdout.read(_MOST_BYTES) if process.stdout else b""
        process.kill()
        limit.cancel()
    return max((tables, *(int(size) + int(at) for size, at in _MAPPED.findall(told))))
