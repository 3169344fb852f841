"""What goes over the wire, in a file that every network tool reads, written as it goes."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import dpkt

__all__ = ["Capture"]


class Capture:
    """A pcap file; times are seconds since the epoch.

    One that cannot be written is given up: no boot depends on it. ``lost`` says why, else it is
    empty.
    """

    def __init__(self, path: Path) -> None:
        self.lost = ""
        self._path = path
        self._file: BinaryIO = path.open("wb")
        self._writer = dpkt.pcap.Writer(self._file, snaplen=65535)

    def write(self, frame: bytes, at: float) -> None:
        """Add a frame."""
        if self.lost:
            return
        try:
            self._writer.writepkt_time(frame, at)
        except (OSError, struct.error) as error:  # a full disk; a clock that a pcap has no room for
            self._give_up(error)

    def flush(self) -> None:
        """Write what is left."""
        if self.lost:
            return
        try:
            self._file.flush()
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Write what is left and close the file."""
        try:
            self._file.close()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) else error
        self.lost = f"{self._path.name} is not there, it could not be written: {reason}"
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)  # half of a file looks like all of it
