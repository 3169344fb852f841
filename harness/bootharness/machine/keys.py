"""Keys as a machine takes them: as codes of a keyboard, or as a terminal sends them on a line."""

from collections.abc import Iterable, Iterator

__all__ = ["as_codes", "as_sent"]

_PLAIN = {
    " ": "spc", "-": "minus", "=": "equal", "[": "bracket_left", "]": "bracket_right",
    "\\": "backslash", ";": "semicolon", "'": "apostrophe", "`": "grave_accent", ",": "comma",
    ".": "dot", "/": "slash",
}  # fmt: skip
_SHIFTED = dict(zip('!@#$%^&*()_+{}|:"~<>?', "1234567890-=[]\\;'`,./", strict=True))
"""What a key of a US keyboard gives with Shift, and without."""
_CODES = {"enter": "ret"}
_SENT = {
    "enter": b"\r", "esc": b"\x1b", "tab": b"\t", "backspace": b"\x7f", "up": b"\x1b[A",
    "down": b"\x1b[B", "right": b"\x1b[C", "left": b"\x1b[D", "home": b"\x1b[H",
    "end": b"\x1b[F", "pgup": b"\x1b[5~", "pgdn": b"\x1b[6~", "delete": b"\x1b[3~",
    "f1": b"\x1bOP", "f2": b"\x1bOQ", "f3": b"\x1bOR", "f4": b"\x1bOS",
    **{f"f{key}": b"\x1b[%d~" % code for key, code in zip(
        range(5, 13), (15, 17, 18, 19, 20, 21, 23, 24), strict=True)},
}  # fmt: skip
"""What a VT220 sends, and xterm."""


def as_codes(keys: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield which keys of a US keyboard are pressed at once for each key, by QEMU's names."""
    for key in keys:
        if key.startswith("ctrl-"):
            yield "ctrl", key.removeprefix("ctrl-")
        elif len(key) > 1:
            yield (_CODES.get(key, key),)
        elif key.isupper():
            yield "shift", key.lower()
        elif key in _SHIFTED:
            plain = _SHIFTED[key]
            yield "shift", _PLAIN.get(plain, plain)
        else:
            yield (_PLAIN.get(key, key),)


def as_sent(keys: Iterable[str]) -> bytes:
    """Return what a terminal sends for keys."""
    return b"".join(
        bytes([ord(key[-1]) & 0x1F]) if key.startswith("ctrl-") else _SENT.get(key) or key.encode()
        for key in keys
    )
