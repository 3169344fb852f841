"""The instruction that has ended a boot, where its cause is that end: what wrote to a port, what
closed a loop, what gave up."""

from collections.abc import Callable

from bootharness.recording.chosen import Choice, choice
from bootharness.recording.control import goes_to
from bootharness.recording.counted import stopped_early
from bootharness.recording.faulted import faulted
from bootharness.recording.footsteps import Step
from bootharness.recording.found import Answer
from bootharness.trace.boot_trace import BootTrace

__all__ = ["ENDED", "ended_by"]

_BODY = 8
"""A loop of so many instructions, with a key asked for in it, waits for that."""
_LAST = 128
"""So long the CPU may go on before the machine that it has reset stands still."""
_KEYBOARD, _SYSTEM_PORT, _RESET_CONTROL, _PANIC, _RECORDER = 0x64, 0x92, 0xCF9, 0x505, 0xE9
_DATA = 0x60
_GATE, _WRITE_OUTPUT = 2, 0xD1
_OUT_TO_BYTE, _OUT_TO_DX = (0xE6, 0xE7), (0xEE, 0xEF, 0x6E, 0x6F)
_PREFIXES = b"\x66\x67\xf2\xf3"
_HALT, _FAR_JUMP, _FAR = 0xF4, 0xEA, (0xEA, 0xCB, 0xCF, 0xC3, 0xFF, 0xE9)
_KEYS, _SYSTEM, _CLOSE = 0x16, 0x15, 0x2400
_GIVES_UP = (0x18, 0x19)

_Ended = Callable[[list[Step], BootTrace], Answer | None]


def ended_by(steps: list[Step], trace: BootTrace, cause: str, *, whole: bool) -> Answer | None:
    """Return what has ended a boot, by all that its loader has executed; None where its cause is
    another than that end, or no instruction of the loader's can be named. ``whole`` says whether
    these are all steps there are."""
    asked = ENDED.get(cause)
    if asked is None or not steps or not whole:
        return None
    return asked(steps, trace)


def port_of(step: Step) -> int | None:
    """Return which port an instruction writes to."""
    code = step.code.lstrip(_PREFIXES)
    if code[0] in _OUT_TO_BYTE:
        return code[1]
    return step.cpu.register("dx") if code[0] in _OUT_TO_DX else None


def _writes_to(why: str, *ports: int) -> _Ended:
    def asked(steps: list[Step], _: BootTrace) -> Answer | None:
        for step in reversed(steps[-_LAST:]):
            port = port_of(step)
            if port is not None and (port in ports or not ports):
                return Answer.of_way(step, why)
        return None

    return asked


def _first_writes(steps: list[Step], trace: BootTrace) -> Answer | None:
    """Of the ports that the harness listens to."""
    for step in steps:
        if port_of(step) in (_PANIC, _RECORDER):
            return Answer.of_way(step, "writes to a port that the harness listens to")
    return None


def _to_the_bios(steps: list[Step], _: BootTrace) -> Answer | None:
    last = steps[-1]
    if last.code[0] not in _FAR:
        return None
    return Answer.of_way(last, "goes to where the BIOS begins")


def _gave_up(steps: list[Step], _: BootTrace) -> Answer | None:
    last = steps[-1]
    if last.number not in _GIVES_UP:
        return None
    return _by(steps, len(steps) - 1, "gives up")


def _hangs(steps: list[Step], trace: BootTrace) -> Answer | None:
    if trace.ending.kind == "waits-for-key" or any(each.number == _KEYS for each in steps[-_BODY:]):
        return _waits(steps)
    at = next((at for at in _back(steps) if steps[at].code[0] == _HALT), None)
    if at is not None:
        return _by(steps, at, "halts the CPU")
    if any(step.conditional or step.number is not None for step in steps[-_LAST:]):
        return None
    at = next((at for at in _back(steps) if _goes_back(steps[at])), None)
    return None if at is None else _by(steps, at, "goes back, and nothing ever leaves that loop")


def _refused(steps: list[Step], trace: BootTrace) -> Answer | None:
    """Who has refused a kernel, by giving up or by going on for ever."""
    return (_gave_up if steps[-1].number in _GIVES_UP else _hangs)(steps, trace)


def _back(steps: list[Step]) -> range:
    return range(len(steps) - 1, max(len(steps) - 1 - _LAST, -1), -1)


def _goes_back(step: Step) -> bool:
    to = goes_to(step)
    return to is not None and to <= step.cpu.linear


def _waits(steps: list[Step]) -> Answer | None:
    at = next((at for at in _back(steps) if steps[at].number == _KEYS), None)
    if at is None or choice(steps, at).said:
        return None
    return Answer.of_way(steps[at], "waits for a key, and nobody was told to press one")


def _by(steps: list[Step], at: int, why: str) -> Answer | None:
    """Return who is guilty of what a loader ends with: that instruction, if nothing was asked
    before it, or the jump that went there though nothing had failed."""
    first = next(
        number for number, each in enumerate(steps) if each.cpu.linear == steps[at].cpu.linear
    )
    made: Choice = choice(steps, first)
    if made.wrongly is not None:
        return Answer.of_way(made.wrongly, "goes to where the loader gives up, and nothing failed")
    return None if made.said or made.asked else Answer.of_way(steps[at], why)


def _closed(steps: list[Step], _: BootTrace) -> Answer | None:
    """Who has closed the A20 gate."""
    command = 0
    found = None
    for step in steps:
        port, value = port_of(step), step.cpu.register("ax") & 0xFF
        closes = step.number == _SYSTEM and step.cpu.register("ax") == _CLOSE
        closes |= port == _SYSTEM_PORT and not value & _GATE
        closes |= port == _DATA and command == _WRITE_OUTPUT and not value & _GATE
        command = value if port == _KEYBOARD else command
        found = step if closes else found
    return Answer.of_way(found, "closes the A20 gate") if found else None


ENDED: dict[str, _Ended] = {
    "reset-keyboard": _writes_to("resets the machine by the keyboard controller", _KEYBOARD),
    "reset-port-92": _writes_to("resets the machine by port 0x92", _SYSTEM_PORT),
    "reset-cf9": _writes_to("resets the machine by port 0xcf9", _RESET_CONTROL),
    "reset-bios": _to_the_bios,
    "guest-powered-off": _writes_to("switches the machine off"),
    "guest-suspended": _writes_to("puts the machine to sleep"),
    "port-misused": _first_writes,
    "stage1-hang": _hangs,
    "loader-gave-up": _gave_up,
    "kernel-rejected": _refused,
    "triple-fault": faulted,
    "a20-closed": _closed,
    "payload-truncated": stopped_early,
}
"""Causes that are an end, or the lack of something, and who is asked for it."""
