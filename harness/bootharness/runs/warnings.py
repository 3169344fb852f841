"""What a kernel complains of on its console, in a form that two boots have in common."""

import re

__all__ = ["console_warnings"]

_MOST = 200
_LINE_LENGTH = 300
_STAMP = re.compile(r"^\[ *\d+\.\d+\](\[ *[TC]\d+\])? ?")
_COMPLAINS = re.compile(
    r"\b(warn(ing)?|bug|oops|error|errors|fail(ed|s|ure)?|unable|cannot|can't|invalid|corrupt(ed)?"
    r"|unsupported|call trace|stack traceback|lockup|stall(ed|s)?|tainted|unchecked|deprecated)\b",
    re.IGNORECASE,
)
# "RAS: Correctable Errors collector initialized.", "This is not a bug."
# and what is due to how busy the host was when the kernel looked at its clocks
_HARMLESS = re.compile(
    r"\b(initiali[sz]ed|not an? (bug|error)|tsc: .*calibrat\w+)\b", re.IGNORECASE
)
# addresses, times and other numbers of this one boot
_NUMBER = re.compile(r"\b(0x[0-9a-f]+|[0-9a-f]*\d[0-9a-f]*)\b", re.IGNORECASE)


def console_warnings(serial: str) -> tuple[str, ...]:
    """Return the lines that complain, each once, their times left out and numbers as ``#``."""
    found: dict[str, None] = {}
    for line in serial.splitlines():
        text = _STAMP.sub("", line[:_LINE_LENGTH]).strip()
        if _COMPLAINS.search(text) and not _HARMLESS.search(text):
            found.setdefault(_NUMBER.sub("#", text))
    return tuple(found)[:_MOST]
