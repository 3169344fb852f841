"""What goes over the wire, in a file that every network tool reads, written as it goes."""

from pathlib import Path
from typing import BinaryIO

import dpkt

__all__ = ["Capture"]


class Capture:
    """A pcap file; times are seconds since the epoch."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb")
        self._writer = dpkt.pcap.Writer(self._file, snaplen=65535)

    def write(self, frame: bytes, at: float) -> None:
        """Add a frame."""
        self._writer.writepkt_time(frame, at)

    def close(self) -> None:
        """Write what is left and close the file."""
        self._file.close()
