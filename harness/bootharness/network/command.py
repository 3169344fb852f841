"""A server that is started by a line for the shell."""

from bootharness.network.server_setup import ServerSetup

__all__ = ["command_setup"]


def command_setup(line: str) -> ServerSetup:
    """Return how a line is run; it learns from its environment where it is."""
    return ServerSetup(name="command", argv=("/bin/sh", "-c", line))
