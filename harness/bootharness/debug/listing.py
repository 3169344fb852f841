"""A loader of which only the bytes are there: a source for gdb, made by disassembly."""

import hashlib

from bootharness.debug.labels import followed
from bootharness.host.assembler import assemble_program
from bootharness.host.cache import cache_dir, published
from bootharness.routes.loader import ORIGIN, Loader
from bootharness.text import printable

__all__ = ["listed"]


def listed(name: str, binary: bytes, symbols: dict[str, int]) -> Loader:
    """Return a loader whose source has a line for every instruction, as bytes with a comment.

    ``symbols`` are linear. Raises ToolMissing where there is no NASM.
    """
    labels: dict[int, list[str]] = {}
    for label, address in symbols.items():
        labels.setdefault(address, []).append(label)
    code = followed(binary)
    lines = [f"; {printable(name)}: disassembled, for its source is not here", "        bits 16"]
    at = ORIGIN
    while at < ORIGIN + len(binary):
        lines += [f"${label}:" for label in labels.get(at, ())]
        found = code.get(at)
        size = len(found.code) if found else 1
        content = ", ".join(f"0x{byte:02x}" for byte in binary[at - ORIGIN :][:size])
        lines.append(f"        db {content:<36}; {at:04x}  {found.text if found else ''}".rstrip())
        at += size
    text = "\n".join([*lines, ""])
    source = cache_dir("listings", hashlib.sha256(text.encode()).hexdigest()[:20]) / "listing.asm"
    if not source.exists() or source.read_text(errors="replace") != text:
        with published(source) as made:
            made.write_text(text)
    _, elf = assemble_program(source, origin=ORIGIN)
    return Loader(name, binary, symbols, elf=elf, source=source)
