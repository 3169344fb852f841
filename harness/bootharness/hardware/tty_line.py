"""A line at a serial port of this computer."""

import fcntl
import os
import termios
import tty

from bootharness.errors import LineLost, UsageError
from bootharness.hardware.descriptors import DescriptorLine

__all__ = ["speed_of", "tty_line"]


def speed_of(baud: int) -> int:
    """Return what termios calls a baud rate. Raises UsageError for one that it has not."""
    speed: int | None = getattr(termios, f"B{baud}", None)
    if speed is None:
        raise UsageError(f"{baud}: serial ports have 9600, 19200, 38400, 57600 or 115200")
    return speed


def tty_line(path: str, baud: int) -> DescriptorLine:
    """Open a serial port raw, 8 bits without parity or flow control, for us alone.

    Raises UsageError for a baud rate that there is none of, LineLost where it cannot be had.
    """
    speed = speed_of(baud)
    try:
        port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        more = ": be in its group, dialout as a rule" if isinstance(error, PermissionError) else ""
        raise LineLost(f"{path}: {error.strerror}{more}") from error
    try:
        fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.ioctl(port, termios.TIOCEXCL)
        tty.setraw(port)
        settings = termios.tcgetattr(port)
        settings[2] &= ~(termios.CSTOPB | termios.CRTSCTS)
        settings[2] |= termios.CLOCAL | termios.CREAD
        settings[4] = settings[5] = speed
        termios.tcsetattr(port, termios.TCSANOW, settings)
        termios.tcflush(port, termios.TCIFLUSH)
    except BlockingIOError as error:
        os.close(port)
        raise LineLost(f"{path}: another program has it open") from error
    except (OSError, termios.error) as error:
        os.close(port)
        raise LineLost(f"{path}: it is no serial port ({error.args[-1]})") from error
    return DescriptorLine(path, port, port, lambda: os.close(port))
