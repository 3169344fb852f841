"""A worker process: takes calls from a socket, one after the other, until it is closed."""

import gc
import signal
import sys
from multiprocessing.connection import Connection

import bootharness.runs.work
import bootharness.watch.see  # noqa: F401 - so that no boot has to wait for it


def main(fd: int) -> None:
    """Answer every call with whether it went well, and its result or what was raised.

    A first answer that nobody has asked for says that everything is ready.
    """
    gc.freeze()
    # nobody presses Ctrl-C here, and asyncio would see to it at every wait
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calls: Connection = Connection(fd)
    calls.send((True, None))
    while True:
        try:
            function, arguments = calls.recv()
        except EOFError:
            return
        try:
            answer = True, function(*arguments)
        except Exception as error:
            answer = False, error
        calls.send(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
