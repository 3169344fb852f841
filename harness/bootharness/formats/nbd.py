"""The network block device protocol (proto.md), as far as a disk is read by it: "fixed newstyle
negotiation", the export taken by its name, simple replies."""

import struct

__all__ = [
    "ANSWERED",
    "ASKED",
    "CHOOSE",
    "DISCONNECT",
    "EXPORT",
    "EXPORT_NAME",
    "FIXED_NO_ZEROES",
    "HELLO",
    "INVALID",
    "IO_ERROR",
    "MAGIC",
    "OPTIONS",
    "OPTION_ANSWERED",
    "OPTION_REPLY",
    "READ",
    "READ_ONLY",
    "REPLY",
    "REQUEST",
    "UNSUPPORTED",
]  # fmt: skip

MAGIC, OPTIONS = b"NBDMAGIC", b"IHAVEOPT"
HELLO = struct.Struct(">8s8sH")
"""`MAGIC`, `OPTIONS`, the server's flags."""
FIXED_NO_ZEROES = 3
CHOOSE = struct.Struct(">8sII")
"""`OPTIONS`, the option, the length of what comes with it; before the first are a client's flags,
4 bytes."""
EXPORT_NAME = 1
OPTION_REPLY = struct.Struct(">QIII")
"""`OPTION_ANSWERED`, the option, what is said of it, the length of what comes with that."""
OPTION_ANSWERED = 0x3E889045565A9
UNSUPPORTED = 0x80000001
EXPORT = struct.Struct(">QH")
"""How large the export is, and its flags."""
READ_ONLY = 3
REQUEST = struct.Struct(">IHHQQI")
"""`ASKED`, flags, the command, its handle, offset and length."""
REPLY = struct.Struct(">IIQ")
"""`ANSWERED`, an error, the handle."""
ASKED, ANSWERED = 0x25609513, 0x67446698
READ, DISCONNECT = 0, 2
IO_ERROR, INVALID = 5, 22
