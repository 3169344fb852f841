"""The origin of a wrong value, in words."""

from bootharness.recording.control import size_of
from bootharness.recording.effects import Byte
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Memory, Step
from bootharness.recording.found import Answer, Found
from bootharness.recording.last_write import source_of
from bootharness.recording.operands import Cpu
from bootharness.report.disassembly import decode
from bootharness.routes.loader import ORIGIN, Loader
from bootharness.text import seg_off
from bootharness.trace.backwards import Made, Origin

__all__ = ["told", "value_at"]

_BITS = 16


def value_at(where: tuple[Byte, ...], cpu: Cpu, memory: Memory) -> int:
    """Return what is in bytes where a machine stands."""
    found = 0
    for at, byte in enumerate(where):
        if isinstance(byte, int):
            one = memory(byte, 1)[0]
        else:
            name, part = byte
            whole = cpu.bases[name] >> 4 if name in cpu.bases else cpu.values.get(name, 0)
            one = whole >> 8 * part & 0xFF
        found |= one << 8 * at
    return found


def told(found: Answer, loader: Loader | None) -> Origin:
    """Return an origin with its sentence."""
    seen, field = found.seen, found.field
    through = tuple(_made(step, loader) for step in seen.through)
    guilty = _made(seen.guilty, loader) if seen.guilty else None
    what = field.what if field else "the way that the loader went"
    said = _subject(field, found.value) if field else ""
    if seen.guilty and guilty:
        lies = f" ({guilty.source})" if guilty.source else ""
        at = seg_off(seen.guilty.cpu.bases["cs"] >> 4, seen.guilty.cpu.values["eip"])
        it = f"`{guilty.instruction}` at {at}{lies}"
        said = f"{said} comes from {it}, which {_which(seen)}" if field else f"{it} {_which(seen)}"
        if seen.branch:
            jump = _made(seen.branch, loader)
            said += f"; it is executed because `{jump.instruction}` before it was not taken"
    else:
        said = f"{said}: {seen.why}" if field else f"the loader {seen.why}"
    return Origin(what, said, through, guilty)


def _subject(field: Field, value: int) -> str:
    wanted = f" instead of {field.wanted:#x}" if field.wanted not in (None, value) else ""
    return f"{field.what} ({value:#x}{wanted})"


def _which(seen: Found) -> str:
    return "made it wrong: before it all was right" if seen.why.startswith("before") else seen.why


def _made(step: Step, loader: Loader | None) -> Made:
    text = next(
        (" ".join(each.text.split()) for each in decode(step.code, step.cpu.values["eip"], _BITS)),
        "",
    )
    at = step.cpu.linear if step.came_from is None else step.came_from
    source = source_of(loader, at) if _is_of(loader, at, step) else ""
    return Made(step.position, step.cpu.linear, text, source)


def _is_of(loader: Loader | None, linear: int, step: Step) -> bool:
    """Whether an instruction is the loader's own: what boots may be another than was assembled, and
    code may have been overwritten."""
    if loader is None:
        return False
    at, code = linear - ORIGIN, step.code[: size_of(step.code)]
    return at >= 0 and loader.binary[at : at + len(code)] == code
