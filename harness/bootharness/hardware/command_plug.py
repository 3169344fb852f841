"""A plug that commands of the person's own switch."""

import shlex
import subprocess

from bootharness.errors import PlugFailed, UsageError
from bootharness.text import printable

__all__ = ["CommandPlug"]

_DONE_S = 30.0


class CommandPlug:
    """``ON,OFF``, or ``ON,OFF,STATE``, where the third ends with 0 for on and 1 for off; no shell
    reads them. Raises UsageError for what is none."""

    def __init__(self, commands: str) -> None:
        self.name = f"command:{commands}"
        try:
            parts = [shlex.split(each) for each in commands.split(",")]
        except ValueError as error:
            raise UsageError(f"{self.name}: {error}") from error
        if len(parts) not in (2, 3) or not all(parts):
            raise UsageError(f"{self.name}: it is command:ON,OFF or command:ON,OFF,STATE")
        self._on, self._off = parts[:2]
        self._state = parts[2] if len(parts) == 3 else None

    def set(self, on: bool) -> None:
        """Switch on or off. Raises PlugFailed where the command fails."""
        words = self._on if on else self._off
        if (status := self._run(words)[0]) != 0:
            said = self._run_said
            raise PlugFailed(f"{shlex.join(words)}: it ended with {status}{said}")

    def state(self) -> bool | None:
        """Return whether it is on, None without a command that says it."""
        if self._state is None:
            return None
        status, _ = self._run(self._state)
        if status not in (0, 1):
            raise PlugFailed(
                f"{shlex.join(self._state)}: it ended with {status}{self._run_said}, and says on "
                "by 0 and off by 1"
            )
        return status == 0

    def watts(self) -> float | None:
        """Return nothing: it does not say."""
        return None

    def _run(self, words: list[str]) -> tuple[int, str]:
        self._run_said = ""
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_DONE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PlugFailed(
                f"{shlex.join(words)}: it has not ended within {_DONE_S:.0f} s"
            ) from error
        except OSError as error:
            raise PlugFailed(f"{words[0]}: {error.strerror}") from error
        text = printable(done.stdout[-400:].decode("utf-8", "replace").strip())
        self._run_said = f': "{text}"' if text else ""
        return done.returncode, text
