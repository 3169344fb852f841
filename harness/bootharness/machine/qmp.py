"""QMP, through qemu.qmp: commands, events, and the one place where the harness waits.

This is the only file with `await`: the rest of the harness is synchronous, and while it
waits for anything at all, it waits here.
"""

import asyncio
import logging
import socket
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from qemu.qmp import EventListener, ExecuteError, Message, QMPClient, QMPError

from bootharness.errors import LaunchFailed, MachineLost
from bootharness.host.deadline import Deadline

__all__ = ["Command", "Qmp", "hmp"]

# it logs as errors what is raised here as well, and warns of the answer to NEGOTIATION
logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)

_REPLY_S = 20.0
# of an event that a guest may cause as often as it likes
_MOST_OF_A_KIND = 1000

Command = tuple[str, dict[str, Any]]
"""A command's name and its arguments."""


def hmp(command: str) -> Command:
    """Return a command of the human monitor as one of QMP's."""
    return "human-monitor-command", {"command-line": command}


class _WorthKnowing:
    """With gdb the machine stops and goes on a thousand times; why it did is told elsewhere.

    How long it stood still is added up, by QEMU's stamps."""

    def __init__(self) -> None:
        self._of_a_kind: Counter[str] = Counter()
        self._stopped_s = 0.0
        self._since: float | None = None

    def __call__(self, event: Message) -> bool:
        name = str(event["event"])
        self._of_a_kind[name] += 1
        if name in ("STOP", "RESUME"):
            stamp: Any = event["timestamp"]
            self._note(stamp["seconds"] + stamp["microseconds"] / 1e6, stopped=name == "STOP")
        return name not in ("STOP", "RESUME") and self._of_a_kind[name] <= _MOST_OF_A_KIND

    def _note(self, at: float, *, stopped: bool) -> None:
        if self._since is not None:
            self._stopped_s += at - self._since
        self._since = at if stopped else None

    def stopped_s(self, now: float) -> float:
        """Return for how long the machine stood still until ``now``, by the wall's clock."""
        return self._stopped_s + (now - self._since if self._since is not None else 0.0)


class Qmp:
    """A QMP connection over one end of a socket pair, into which ``NEGOTIATION`` has been sent.

    Raises LaunchFailed when QEMU does not greet before the deadline.
    """

    def __init__(self, end: socket.socket, deadline: Deadline) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise LaunchFailed(
                "a boot cannot run inside an event loop: call it from a thread of its own "
                "(asyncio.to_thread)"
            )
        self._runner = asyncio.Runner()
        # what fails in the background, as after a Ctrl-C, is raised by who waits for it
        self._runner.get_loop().set_exception_handler(lambda *_: None)
        self._client = QMPClient("bootharness")
        self._client.negotiate = False  # as QEMU was started
        self._worth_knowing = _WorthKnowing()
        self._listener = EventListener(event_filter=self._worth_knowing)
        self._client.register_listener(self._listener)
        self._seen: deque[Message] = deque()
        self.reply_s = _REPLY_S
        """How long an answer may take."""
        self.silent = ""
        """What QEMU has not answered, in a sentence; empty as long as it answers."""
        try:
            self._runner.run(asyncio.wait_for(self._connect(end), deadline.remaining))
        except (QMPError, TimeoutError, OSError) as error:
            self._runner.close()
            end.close()
            raise LaunchFailed(
                f"QEMU does not answer on QMP: {str(error) or 'no greeting'}"
            ) from error

    async def _connect(self, end: socket.socket) -> None:
        """Connect, and wait until QEMU is ready: it greets before it has made all its devices."""
        try:
            await self._client.connect(end)
        except AssertionError as error:  # the library's, of a QEMU that was gone a moment later
            raise OSError("it went away") from error
        await self._client.execute("query-status")

    @property
    def qemu_version(self) -> str:
        """QEMU's version as its greeting gives it."""
        greeting = self._client.greeting
        if greeting is None:  # pragma: no cover - there is no connection without it
            return ""
        number: Any = greeting.QMP.version["qemu"]
        return f"{number['major']}.{number['minor']}.{number['micro']}"

    def execute(self, command: str, **arguments: Any) -> Any:
        """Run a command and return its result.

        Raises MachineLost when QEMU is gone, does not answer or refuses the command.
        """
        return self.execute_all((command, arguments))[0]

    def execute_all(self, *commands: Command, within_s: float | None = None) -> list[Any]:
        """Run commands, each when the one before is done, and return their results.

        That is quicker than one call for each. Raises MachineLost as `execute` does; who has not
        answered once is not asked again.
        """
        if self.silent:
            raise MachineLost(self.silent)
        try:
            limit_s = self.reply_s if within_s is None else within_s
            return self._runner.run(asyncio.wait_for(self._execute(commands), limit_s))
        except ExecuteError as error:
            raise MachineLost(f"QEMU refuses {error.sent['execute']}: {error}") from error
        except (QMPError, TimeoutError, OSError) as error:
            names = ", ".join(name for name, _ in commands)
            self.silent = f"QEMU no longer answers on QMP ({names})"
            raise MachineLost(self.silent) from error

    async def _execute(self, commands: Iterable[Command]) -> list[Any]:
        return await asyncio.gather(
            *(self._client.execute(name, arguments) for name, arguments in commands)
        )

    def lend(self, file: int, name: str) -> None:
        """Let QEMU have a file of ours, under a name. Raises MachineLost as `execute` does."""
        try:
            self._client.send_fd_scm(file)
        except (QMPError, OSError) as error:
            raise MachineLost(f"QEMU takes no file: {error}") from error
        self.execute("getfd", fdname=name)

    def monitor(self, *commands: str) -> list[str]:
        """Run commands of the human monitor, for what QMP has no command for."""
        return [str(said) for said in self.execute_all(*map(hmp, commands))]

    def stopped_s(self, now: float) -> float:
        """Return for how many seconds the machine has stood still, until ``now`` by the wall's
        clock."""
        return self._worth_knowing.stopped_s(now)

    def events(self) -> list[Message]:
        """Return the events that have arrived since the last call."""
        self._seen.extend(self._listener.clear())
        seen = list(self._seen)
        self._seen.clear()
        return seen

    def holds(self, *names: str) -> bool:
        """Return whether an event of these names has arrived and is still to be taken."""
        self._seen.extend(self._listener.clear())
        return any(message["event"] in names for message in self._seen)

    def wait(self, files: Iterable[int], deadline: Deadline) -> None:
        """Return when a file can be read, an event has arrived, or the deadline has passed."""
        if self._listener.empty() and not self._seen:
            self._runner.run(self._wait(list(files), deadline.remaining))

    async def _wait(self, files: list[int], seconds: float) -> None:
        event = asyncio.ensure_future(self._listener.get())
        try:
            await _first(files, event, seconds)
        finally:
            if event.done():
                self._seen.append(event.result())
            else:
                event.cancel()

    def keeps_silent(self, files: Iterable[int], deadline: Deadline) -> bool:
        """Return whether QEMU has not answered by the deadline; a file that can be read ends the
        wait, too."""
        return self._runner.run(self._keeps_silent(list(files), deadline.remaining))

    async def _keeps_silent(self, files: list[int], seconds: float) -> bool:
        answer = asyncio.ensure_future(self._client.execute("query-status"))
        try:
            return not await _first(files, answer, seconds)
        finally:
            answer.cancel()
            await asyncio.wait({answer})
            if not answer.cancelled():
                answer.exception()  # of a QEMU that is gone

    def close(self) -> None:
        """Close the connection, whether QEMU is still there or not."""
        try:
            self._runner.run(asyncio.wait_for(self._client.disconnect(), _REPLY_S))
        except (QMPError, TimeoutError, OSError, EOFError):
            pass
        finally:
            self._runner.close()


async def _first(files: list[int], other: asyncio.Future[Any], seconds: float) -> bool:
    """Wait until a file can be read or another thing is there; return whether that was in time."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()

    def wake() -> None:
        if not readable.done():
            readable.set_result(None)

    for file in files:
        try:
            loop.add_reader(file, wake)
        except PermissionError:  # epoll's word for a plain file, which can always be read
            wake()
    try:
        done, _ = await asyncio.wait({readable, other}, timeout=seconds,
                                     return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    finally:
        for file in files:
            loop.remove_reader(file)
    return bool(done)
