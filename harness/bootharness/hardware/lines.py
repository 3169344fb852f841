"""Lines by the names that people give them: one entry for each kind."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from bootharness.errors import UsageError
from bootharness.hardware.addresses import host_and_port

if TYPE_CHECKING:
    from bootharness.hardware.line import Line
    from bootharness.hardware.machines import HardwareMachine

__all__ = ["LINES", "check_line", "open_line"]


def _ssh(rest: str, machine: "HardwareMachine") -> "Line":
    from bootharness.hardware.ssh_line import ssh_line

    return ssh_line(rest, machine.line, machine.ssh_config)


def _tcp(rest: str, machine: "HardwareMachine") -> "Line":
    from bootharness.hardware.tcp_line import tcp_line

    return tcp_line(rest, machine.line)


def _rfc2217(rest: str, machine: "HardwareMachine") -> "Line":
    from bootharness.hardware.rfc2217_line import Rfc2217Line

    return Rfc2217Line(rest, machine.line, machine.baud)


def _labgrid(rest: str, machine: "HardwareMachine") -> "Line":
    from bootharness.hardware.labgrid import LabgridLine

    return LabgridLine(rest)


LINES: "dict[str, Callable[[str, HardwareMachine], Line]]" = {
    "ssh": _ssh,
    "tcp": _tcp,
    "rfc2217": _rfc2217,
    "labgrid": _labgrid,
}
"""By what stands before the first colon; else it is a serial port of this computer."""


def check_line(spec: str) -> None:
    """Raise UsageError for what cannot be a line; nothing is opened."""
    scheme, colon, rest = spec.partition(":")
    known = spec.startswith("/dev/") or (colon and scheme in LINES and rest)
    if not known or not spec.isprintable():
        kinds = "ssh:USER@HOST:PORT, tcp:HOST:PORT, rfc2217:HOST:PORT, labgrid:ENV.yaml[:TARGET]"
        raise UsageError(f"{spec!r} is no line: a line is {kinds} or /dev/tty...")
    if scheme == "ssh":
        from bootharness.hardware.ssh_line import ssh_address

        ssh_address(rest, spec)
    elif scheme in ("tcp", "rfc2217"):
        host_and_port(rest, spec)


def open_line(machine: "HardwareMachine") -> "Line":
    """Open a machine's line. Raises LineLost where it cannot be had, ToolMissing without what it
    takes, UsageError for what is none."""
    check_line(machine.line)
    if machine.line.startswith("/dev/"):
        from bootharness.hardware.tty_line import tty_line

        return tty_line(machine.line, machine.baud)
    scheme, _, rest = machine.line.partition(":")
    return LINES[scheme](rest, machine)
