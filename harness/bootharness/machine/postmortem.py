"""Look at a machine whose boot is over: registers, code, what is on the screen."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from bootharness.errors import FormatError, MachineLost, UsageError
from bootharness.formats.picture import MOST_BYTES, Picture, pixels_of
from bootharness.formats.vga import TextMode
from bootharness.host.regular import read_regular
from bootharness.machine.machine import Machine
from bootharness.machine.qmp import hmp
from bootharness.machine.registers import parse_registers
from bootharness.trace.machine_facts import PostMortem

__all__ = ["picture", "post_mortem", "screen", "screenshot", "undisturbed_screen"]

_BEFORE, _AFTER = 64, 128
_PAGE = 0x1000
_INDEX_PORTS = (0x3CE, 0x3D4)
_GRAPHICS_MISC = 0x3CE, 0x06
_CRTC = 0x3D4
_CRTC_REGISTERS = (0x01, 0x07, 0x09, 0x0C, 0x0D, 0x12, 0x13)
_PNG_SINCE = (7, 1)

_Found = TypeVar("_Found")


def post_mortem(machine: Machine) -> PostMortem | None:
    """Stop the machine for good and return what it looks like; None when QEMU is gone.

    Costs some milliseconds. What cannot be read is named in ``missing``.
    """
    missing: list[str] = []
    try:
        status, _, registers = machine.qmp.execute_all(
            ("query-status", {}), ("stop", {}), hmp("info registers")
        )
    except MachineLost:
        return None
    cpu = parse_registers(registers, round(machine.now(), 6))
    start, code = _try(lambda: _code(machine, cpu.linear), (cpu.linear, b""), "code", missing)
    return PostMortem(
        status=status["status"],
        cpu=cpu,
        registers=registers.replace("\r\n", "\n").strip("\n"),
        bits=_bits(registers, cpu.mode),
        code_address=start,
        code_hex=code.hex(),
        screen=_try(lambda: screen(machine), "", "text of the screen", missing),
        missing=tuple(missing),
    )


def screenshot(machine: Machine, folder: Path) -> Path:
    """Write what is on the screen to a file: a PNG, or a PPM where QEMU is too old for that.

    Raises MachineLost when QEMU refuses.
    """
    version = tuple(int(part) for part in machine.qmp.qemu_version.split(".")[:2])
    if version >= _PNG_SINCE:
        path = folder / "screen.png"
        machine.qmp.execute("screendump", filename=str(path), format="png")
    else:
        path = folder / "screen.ppm"
        machine.qmp.execute("screendump", filename=str(path))
    return path


def picture(machine: Machine) -> Picture:
    """Return what is on the screen, of a guest that does not notice that.

    Raises MachineLost where there is no screen, or one that is too large.
    """
    try:
        return pixels_of(shown(machine), "PPM")
    except FormatError as error:
        raise _useless(error) from error


def shown(machine: Machine) -> bytes:
    """Return what is on the screen as a PPM: QEMU lets the guest wait while it packs a PNG.

    Raises MachineLost where there is no screen, or one that is too large.
    """
    path = machine.qemu.workspace.path / "look.ppm"
    try:
        machine.qmp.execute("screendump", filename=str(path))
        return read_regular(path, most=MOST_BYTES)
    except UsageError as error:
        raise _useless(error) from error
    finally:
        path.unlink(missing_ok=True)


def _useless(error: Exception) -> MachineLost:
    return MachineLost(f"QEMU's picture of the screen cannot be used: {error}")


def _try(look: Callable[[], _Found], otherwise: _Found, what: str, missing: list[str]) -> _Found:
    try:
        return look()
    except (MachineLost, OSError) as error:
        missing.append(f"the {what} could not be read: {error}")
        return otherwise


def _bits(registers: str, mode: str) -> Literal[16, 32, 64]:
    """The width of the code, as the CS descriptor has it."""
    found = re.search(r"^CS =.* CS(32|64)", registers, re.MULTILINE)
    if mode == "real" or not found:
        return 16
    return 32 if found[1] == "32" else 64


def _code(machine: Machine, linear: int) -> tuple[int, bytes]:
    """Return what lies around a virtual address, and where that begins.

    The pages beside may not be there: then only what lies in the same page is returned.
    """
    page = linear & ~(_PAGE - 1)
    for start, end in (
        (linear - _BEFORE, linear + _AFTER),
        (max(linear - _BEFORE, page), min(linear + _AFTER, page + _PAGE)),
    ):
        try:
            return max(start, 0), machine.read_virtual(max(start, 0), end - max(start, 0))
        except MachineLost:
            continue
    raise MachineLost(f"nothing is mapped at {linear:#x}")


def screen(machine: Machine) -> str:
    """Return the text that the VGA shows, "" in a graphics mode. Raises MachineLost.

    The VGA's index registers are changed by that: do not disturb a guest that gets on.
    """
    asked = [_GRAPHICS_MISC, *((_CRTC, index) for index in _CRTC_REGISTERS)]
    # as a program in the guest would ask
    said = machine.qmp.monitor(*(f"i /b {port:#x}.{index:#x}" for port, index in asked))
    misc, *crtc = map(_value, said)
    mode = TextMode.of(misc, dict(zip(_CRTC_REGISTERS, crtc, strict=True)))
    if mode is None:
        return ""
    return mode.text(b"".join(machine.read_memory(at, size) for at, size in mode.pieces))


def undisturbed_screen(machine: Machine) -> str:
    """Return the text that the VGA shows to a guest that gets on, and does not notice."""
    with machine.standing_still():
        indexes = machine.qmp.monitor(*(f"i /b {port:#x}" for port in _INDEX_PORTS))
        text = screen(machine)
        restored = zip(_INDEX_PORTS, map(_value, indexes), strict=True)
        machine.qmp.monitor(*(f"o /b {port:#x} {index:#x}" for port, index in restored))
    return text


def _value(said: str) -> int:
    found = re.search(r"= *(0x[0-9a-f]+)", said)
    if not found:
        raise MachineLost(f"QEMU's monitor says {said.strip()!r}")
    return int(found[1], 16)
