"""The tape of a machine that has switched itself off, as it can be played.

QEMU puts the shutdown on the tape at once, before the instructions that are not yet on it, among
them the one that switched the machine off: played, the machine is off before those. Without that
event it switches itself off again where it did. (QEMU 7.2 to 10.0, replay/replay-internal.h.)
"""

import re

__all__ = ["playable"]

_FORMAT, _HEADER_BYTES = b"\x00\xe0\x20\x0c", 12
_SWITCHED_OFF = 16
"""The event of a shutdown that the guest has asked for."""
_PLAIN = re.compile(
    rb"(?:\x00.{4}"  # so many instructions
    rb"|[\x01\x02\x1e-\x26]"  # interrupt, exception, checkpoints
    rb"|[\x03\x04\x08\x16\x1c\x1d].{8}){1,4096}",  # bottom halves, blocks, characters, clocks
    re.DOTALL,
)
"""Events whose size is known by their first byte, each of which tells what it is."""
_BEFORE_ARRAY = {7: 1, 9: 5, 23: 0, 27: 4}
"""Others have so many bytes, and then an array with its size: characters, frames, random bytes."""


def playable(tape: bytes) -> bytes:
    """Return a tape without the guest's shutdown, if there is one; a tape of another format as it
    is."""
    if not tape.startswith(_FORMAT):
        return tape
    at = _HEADER_BYTES
    while at < len(tape):
        if plain := _PLAIN.match(tape, at):
            at = plain.end()
        elif tape[at] == _SWITCHED_OFF:
            return tape[:at] + tape[at + 1 :]
        elif (before := _BEFORE_ARRAY.get(tape[at])) is not None:
            size = at + 1 + before
            at = size + 4 + int.from_bytes(tape[size : size + 4], "big")
        else:
            break
    return tape
