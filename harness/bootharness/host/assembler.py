"""NASM and ld: assembly source to a linked program with symbols, or to flat bytes.

Results are cached by the source's content; a second run needs neither tool.
"""

import hashlib
import json
import re
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from bootharness.errors import ToolMissing, UsageError
from bootharness.formats.elf import Executable, read_elf
from bootharness.host.cache import cache_dir
from bootharness.host.kept import intact, kept_file, seal, sealed
from bootharness.host.regular import read_regular
from bootharness.host.tool import Tool

__all__ = ["LD", "NASM", "assemble_flat", "assemble_program", "included",
           "shipped"]  # fmt: skip

NASM = Tool("nasm", "nasm", version=("-v",))
LD = Tool("ld", "binutils")
_SOURCE_BYTES = 1 << 24
_INCLUDES = re.compile(rb"\b(?:include|incbin)\b", re.IGNORECASE)
_PARTS = re.compile(rb'^[^;"\n]*(?:%include|incbin)[ \t]+"([^"\n]+)"', re.MULTILINE | re.I)
# ORG is of flat binaries, as most boot sectors are written to be; here ld places what is linked
_ORG = (
    "%imacro org 1",
    "%if (%1) != {origin}",
    "%error it is loaded to {origin:#x}, and ORG says otherwise",
    "%endif",
    "%endmacro",
)
_BRACKETS = re.compile(r"^([ \t]*)\[[ \t]*org[ \t]+([^]\n;]+)\]", re.IGNORECASE | re.MULTILINE)


def shipped(name: str) -> Path:
    """Return the path of an assembly source or table that the project brings.

    ``name`` begins with ``mbr/``, ``images/`` or ``example/``; these folders lie beside the
    source root in a checkout and inside the package in a wheel.
    """
    package = Path(__file__).parents[1]
    for root in (package.parents[1], package):
        if (root / name).is_file():
            return root / name
    raise ToolMissing(f"{name} is missing from this installation of bootharness: install it again")


def assemble_flat(source: Path, **defines: int) -> bytes:
    """Return the flat binary of a source that needs no linking; what it includes lies beside it.

    Raises UsageError when NASM refuses the source, ToolMissing when there is no NASM.
    """
    options = [f"-D{name}={value}" for name, value in sorted(defines.items())]
    kept = _kept(source, *options, *_parts(source), suffix=".bin")
    binary = sealed(kept)
    if binary is None:
        with tempfile.TemporaryDirectory() as folder:
            flat = Path(folder, "flat.bin")
            _run(NASM.name, "-f", "bin", *options, *_beside(source), "-o", str(flat), str(source))
            binary = flat.read_bytes()
        seal(kept, binary)
    return binary


def assemble_program(source: Path, *, origin: int) -> tuple[Executable, Path]:
    """Return a linked 32-bit program and the path of its ELF file with DWARF line numbers.

    ``origin`` is the linear address of its first byte. Raises UsageError when NASM or ld
    refuses the source, ToolMissing when one of them is missing.
    """
    # the ELF names the source for debuggers, so its path belongs to the key
    inputs = (str(source.resolve()), hex(origin), *_included(source.resolve()))
    elf = _kept(source, *inputs, suffix=".elf")
    parsed = elf.with_suffix(".json")
    if intact(elf) and (known := sealed(parsed)):
        return _executable(json.loads(known)), elf
    kept_file(elf, partial(_link, source.resolve(), origin))
    program = read_elf(elf)
    seal(parsed, json.dumps(_plain(program)).encode())
    return program, elf


def _link(source: Path, origin: int, elf: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        unlinked = str(Path(folder, "unlinked.o"))
        org = [word for line in _ORG for word in ("--before", line.format(origin=origin))]
        bare = str(_without_brackets(source, Path(folder)))
        _run(NASM.name, "-f", "elf32", "-g", "-F", "dwarf", *org, *_beside(source),
             "-o", unlinked, bare, named=source)  # fmt: skip
        _run(LD.name, "-m", "elf_i386", "--no-warn-rwx-segments", f"-Ttext={origin:#x}",
             f"--entry={origin:#x}", "-o", str(elf), unlinked)  # fmt: skip


def _beside(source: Path) -> tuple[str, str]:
    """Files that a source includes are looked for beside it."""
    return "-i", f"{source.parent}/"


def _parts(source: Path) -> list[str]:
    """Return digests of the files that a flat source includes; no tool is needed for it."""
    text = read_regular(source, most=_SOURCE_BYTES)
    parts = (source.parent / name.decode() for name in _PARTS.findall(text))
    return [hashlib.sha256(read_regular(part, most=_SOURCE_BYTES)).hexdigest() for part in parts]


def included(source: Path) -> list[Path]:
    """Return the files that a source includes. Raises as `assemble_program`."""
    if not _INCLUDES.search(read_regular(source, most=_SOURCE_BYTES)):
        return []
    rule = _run(NASM.name, "-M", *_beside(source), str(source))
    return [Path(file) for file in rule.replace("\\\n", " ").partition(" : ")[2].split()[1:]]


def _included(source: Path) -> list[str]:
    """Return digests of the files that a source includes."""
    contents = (read_regular(file, most=_SOURCE_BYTES) for file in included(source))
    return [hashlib.sha256(content).hexdigest() for content in contents]


def _without_brackets(source: Path, folder: Path) -> Path:
    """Return a source in which ORG is a word, which a macro can stand for: [ORG] is none."""
    text = source.read_text("utf-8", "surrogateescape")
    bare = _BRACKETS.sub(r"\1org \2", text)
    if bare == text:
        return source
    copy = folder / source.name
    copy.write_text(f"%line 0+1 {source}\n{bare}", "utf-8", "surrogateescape")
    return copy


def _plain(program: Executable) -> dict[str, Any]:
    return {**asdict(program), "binary": program.binary.hex()}


def _executable(values: dict[str, Any]) -> Executable:
    return Executable(values["origin"], bytes.fromhex(values["binary"]), values["symbols"])


def _kept(source: Path, *inputs: str, suffix: str) -> Path:
    text = read_regular(source, most=_SOURCE_BYTES)
    key = hashlib.sha256(b"\0".join([text, *(part.encode() for part in inputs)])).hexdigest()
    return cache_dir("assembled") / f"{source.stem}-{key[:20]}{suffix}"


def _run(*argv: str, named: Path | None = None) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        raise (NASM if argv[0] == NASM.name else LD).missing() from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"{argv[0]} does not come to an end with {named or argv[-1]}") from None
    if done.returncode:
        said = "; ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
        said = said or f"status {done.returncode}"
        raise UsageError(f"{argv[0]} refuses {named or argv[-1]}: {said}")
    return done.stdout
