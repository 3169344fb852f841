"""The compiler that a kernel's banner names."""

import re

__all__ = ["compiler_of", "console_compiler"]

_LONGEST = 400
_BANNER = re.compile(rf"Linux version \S+ \([^()]*\) \(([^\r\n]{{1,{_LONGEST}}})")
_INNER = re.compile(r"\([^()]*\)")
_NAME = re.compile(r"[\w.+-]*(?:gcc|clang)[\w.+-]*")
_VERSION = re.compile(r"\b\d{1,9}(?:\.\d{1,9})+")


def console_compiler(serial: str) -> str:
    """Return the compiler in the banner, as ``gcc-12 12.2.0``, empty where none is said."""
    found = _BANNER.search(serial)
    if not found:
        return ""
    # "gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils) 2.40) #1": what is in brackets
    # is the package, what follows the comma the linker
    said = _INNER.sub("", found[1]).partition(")")[0].partition(",")[0]
    name, version = _NAME.search(said), _VERSION.search(said)
    return f"{name[0]} {version[0]}" if name and version else ""


def compiler_of(said: str) -> dict[str, str]:
    """Return name and version of what `console_compiler` has found, nothing where it has not."""
    name, _, version = said.partition(" ")
    return {"compiler": name, "compiler version": version} if name and version else {}
