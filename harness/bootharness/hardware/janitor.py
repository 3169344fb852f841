"""The process that switches a machine off when the run that had it is over, however it ended.

It reads what plug it is about from its standard input, for passwords are nobody else's to see, and
waits. At the end of its input it switches off: the run is over, or dead. It holds the machine's
lock until then.
"""

import select
import subprocess
import sys
from contextlib import suppress

from bootharness.errors import BootHarnessError, PlugFailed
from bootharness.hardware.plugs import open_plug, switch
from bootharness.hardware.taken import Taken
from bootharness.host.closing import Closing

__all__ = ["Janitor"]

_OVER = b"over\n"
_READY_S, _OFF_S = 20.0, 60.0


class Janitor(Closing):
    """Power off, at the latest when this process is gone. Raises PlugFailed where it cannot be
    started."""

    def __init__(self, plug: str, taken: Taken) -> None:
        # a session of its own: what ends our terminal, or our process group, spares it
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bootharness.hardware.janitor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=taken.fds,
        )
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{plug}\n".encode())
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], _READY_S)[0] or (
            not self._process.stdout.readline()
        ):
            self._process.kill()
            self._process.wait()
            raise PlugFailed("the process that switches off when a run is killed did not start")

    def close(self) -> None:
        """Let it go: the machine is off."""
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.write(_OVER)
            self._process.stdin.close()
        try:
            self._process.wait(_OFF_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def _main() -> None:
    said = sys.stdin.buffer
    name = said.readline().decode().strip()
    print("ready", flush=True)
    if said.read() == _OVER:
        return
    with suppress(BootHarnessError):
        switch(open_plug(name), name, on=False)


if __name__ == "__main__":
    _main()
