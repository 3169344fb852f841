"""One boot of a real machine, as its serial line tells it: from bytes to a frozen trace."""

import re
import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import LineLost
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.record import Record
from bootharness.formats.screen_text import screen_text
from bootharness.hardware.heard_line import FIRMWARE, HeardLine, Reported
from bootharness.hardware.line import Line
from bootharness.hardware.power_sign import PowerSign
from bootharness.kernels.image import KernelImage
from bootharness.kernels.initrd import INIT_MARKER
from bootharness.plan.goal import SHUTDOWN, is_pattern
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import Loader
from bootharness.trace.bios_milestones import bios_milestones
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.handoff import Handoff
from bootharness.trace.heard import Heard
from bootharness.trace.host import SERIAL_LINE
from bootharness.trace.manager_points import manager_points
from bootharness.trace.milestones import MILESTONES, ordered
from bootharness.trace.network_facts import NetworkFacts
from bootharness.trace.sighting import Sighting
from bootharness.trace.signs import kernel_signs
from bootharness.watch.entry import look, of_boot_sector

__all__ = ["Booted", "watch_line"]

_RELEASE = re.compile(r"Linux version (\S+)")
_READ_S = 0.2
_STACK_BYTES = 96
_LIVES_S = 5.0
# of a line at another baud rate most bytes are none that text has
_PLAIN = frozenset((*range(0x20, 0x7F), 0x08, 0x09, 0x0A, 0x0D, 0x1B))
_SOME_BYTES, _MOSTLY, _TEXT_LOOKED_AT = 64, 0.7, 1 << 16
_US = 1_000_000
_DISK, _SHOWN = 0x13, 60


class Booted(Struct, frozen=True):
    """What is known of what the machine boots; of a disk that nobody has named, nothing."""

    source: str
    kernel: KernelImage | None = None
    loader: Loader | None = None
    disk: DiskImage | None = None
    until: str = "setup"
    route: str = "mbr"
    recorder: bool = True
    """Whether a recorder is to tell of it."""
    firmware: str = FIRMWARE
    """What the firmware writes once a start, a regular expression."""


def watch_line(
    line: Line,
    booted: Booted,
    *,
    timeout_s: float,
    silence_s: float,
    start_s: float,
    network: Callable[[], NetworkFacts] | None = None,
    power: PowerSign | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> BootTrace:
    """Return all that was seen of a boot, from now on, when the machine is being switched on.

    It is over as soon as it has come as far as wanted or cannot any more, and when nothing has come
    for ``silence_s``, or for ``start_s`` until it has begun, as a firmware may say nothing.
    ``network`` is asked at the end for what the wire has shown, ``power`` on the way whether the
    machine has switched itself off. A line that is lost, mute or
    damaged is an ending that says so.
    """
    began = clock()
    signs = kernel_signs(INIT_MARKER, own_init=False)
    goal = re.compile(booted.until.encode()) if is_pattern(booted.until) else None
    heard = HeardLine(signs, re.compile(booted.firmware.encode()), goal)
    handoff: Handoff | None = None
    last, ending = 0.0, None
    while ending is None:
        now = clock() - began
        try:
            fresh = line.read(max(min(_READ_S, timeout_s - now), 0.0))
        except LineLost as error:
            ending = _ending("skipped", clock() - began, str(error), error.cause)
            break
        now = clock() - began
        if fresh:
            last = now
            heard.feed(fresh, now)
            reported = heard.reported
            if handoff is None and reported and reported.whole and reported.entered:
                handoff = _handoff(reported, reported.entered, booted)
        ending = _over(heard, handoff, booted, now)
        if ending is None and power and power.is_off(now, last):
            ending = _switched_off(heard, booted, now)
        begun = heard.reported is not None or (heard.received > 0 and not booted.recorder)
        patience = silence_s if begun else max(start_s, silence_s)
        if ending is None and now - last > patience:
            ending = _silent(heard, now, patience)
        if ending is None and now > timeout_s:
            ending = _ending("timeout", now)
    unknown = _not_known(heard, booted, ending)
    trace = _trace(heard, handoff, booted, unknown or ending)
    return replace(trace, network=network()) if network else trace


def _ending(kind: str, seconds: float, detail: str = "", cause: str | None = None) -> Ending:
    return Ending(kind, round(seconds, 6), detail, cause)


def _over(heard: HeardLine, handoff: Handoff | None, booted: Booted, now: float) -> Ending | None:
    """Return how the boot has ended, None while it goes on."""
    if handoff and handoff.memory_equal is False:
        return _ending("memory-differs", now)
    if heard.found is not None:
        return _ending("reached", now)
    if _reached(booted.until, heard, handoff, now):
        return _ending("reached", now)
    return _ending(heard.over[0], now, heard.over[1]) if heard.over else None


def _reached(until: str, heard: HeardLine, handoff: Handoff | None, now: float) -> bool:
    if until == "setup":
        return handoff is not None
    if until == "protected-mode":
        return "banner" in heard.seen or "init" in heard.seen
    if until == "init" and until in heard.seen and INIT_MARKER.encode() not in heard.text:
        return now - heard.seen[until][0] >= _LIVES_S  # somebody else's, which may end at once
    return until in heard.seen or (until == "banner" and "init" in heard.seen)


def _switched_off(heard: HeardLine, booted: Booted, now: float) -> Ending:
    """Return how a boot ended of a machine that draws nothing any more."""
    wanted = booted.until == SHUTDOWN and ("banner" in heard.seen or "init" in heard.seen)
    return _ending("reached" if wanted else "guest-shutdown", now, "nothing is drawn any more")


def _silent(heard: HeardLine, now: float, silence_s: float) -> Ending:
    """Return how a boot ended of which nothing more comes."""
    calls = heard.reported.pairing.last(lambda ticks: ticks / _US) if heard.reported else None
    if calls and calls.number == 0x16 and calls.registers_out is None:
        return _ending("waits-for-key", now)
    return _ending("idle", now, f"nothing came over the line for {silence_s:g} s")


def _not_known(heard: HeardLine, booted: Booted, ending: Ending) -> Ending | None:
    """Return why nothing is proven by what came, None where something is."""
    if ending.cause:
        return None
    why = ""
    damaged, lost = heard.decoder.damaged + heard.decoder.doubtful, heard.decoder.lost
    if not heard.received:
        why = (
            "nothing at all came over the line: is the machine on, is the line the one of its "
            "first serial port, and does nobody else hold it?"
        )
    elif damaged or lost:
        why = (
            f"the line loses or changes bytes: of what the recorder sent {damaged} frames came "
            f"damaged and {lost} times something is missing; look for a second reader of the line, "
            "at the cable, and at the baud rate"
        )
    elif not heard.reported and heard.received >= _SOME_BYTES and _garbled(heard.text):
        why = (
            f"what came over the line is no text ({heard.received} bytes): is its baud rate "
            "that of the machine?"
        )
    elif heard.reported and (heard.reported.failed or 0) >> 8:
        why = (
            "the recorder could not read a boot sector from the disk "
            f"(AX 0x{heard.reported.failed:04x}): is it the first hard disk that boots?"
        )
    return _ending("skipped", ending.seconds, why, LineLost.cause) if why else None


def _garbled(text: bytearray) -> bool:
    plain = sum(byte in _PLAIN for byte in text[-_TEXT_LOOKED_AT:])
    return plain < _MOSTLY * min(len(text), _TEXT_LOOKED_AT)


def _handoff(reported: Reported, entered: Record, booted: Booted) -> Handoff:
    """Return the machine as the kernel was entered, as the recorder tells."""
    initrd = booted.disk.initrd if booted.disk else None
    seen = look(
        reported.memory,
        booted.kernel,
        initrd,
        entered.registers,
        exact=entered.exact,
        calls=reported.pairing.kept(reported.calls_before),
        seconds=round(reported.entered_at, 6),
    )
    top = (entered.registers.ss or 0) * 16 + (entered.registers.esp & 0xFFFF)
    top = max(top - (seen.real_mode_address or 0), 0)
    stack = range(max(top - _STACK_BYTES, 0), top)
    seen = reported.memory.proven(seen, booted.kernel, stack)
    if booted.disk:
        calls = reported.pairing.calls(lambda ticks: ticks / _US)
        seen = of_boot_sector(seen, booted.disk.facts, calls)
    return seen


def _disowned(heard: HeardLine, handoff: Handoff | None, calls: tuple[BiosCall, ...]) -> str:
    """Return a kernel's words that came before a kernel could be there, as a recorder tells."""
    words = heard.seen.get("banner") or heard.seen.get("init")
    if words is None or heard.reported is None or handoff or heard.reported.pairing.left_out:
        return ""
    if any(call.number == _DISK and not (call.from_bios or call.failed) for call in calls):
        return ""  # it may have been entered at its 32-bit entry, where no recorder looks
    return f"{words[1].strip()[:_SHOWN]!r}, before anything was read from a disk"


def _trace(heard: HeardLine, handoff: Handoff | None, booted: Booted, ending: Ending) -> BootTrace:
    pairing = heard.reported.pairing if heard.reported else None
    calls = pairing.calls(lambda ticks: round(ticks / _US, 6)) if pairing else ()
    kernel = booted.kernel.facts if booted.kernel else None
    disk = booted.disk.facts if booted.disk else None
    points = bios_milestones(calls, kernel, disk, handed_off=handoff is not None)
    if heard.reported and heard.reported.failed is None:
        points.setdefault("bios-handoff", round(heard.reported.since, 6))
    before = calls[: handoff.calls] if handoff else calls
    manager = ""
    if booted.loader is None or booted.loader.manager:
        managed = manager_points(before)
        points |= managed.points
        manager = managed.name
    if handoff:
        points["setup-entered"] = handoff.seconds
    disowned = _disowned(heard, handoff, calls)
    for name in ("banner", "init"):
        if name in heard.seen and not disowned:
            points[name] = round(heard.seen[name][0], 6)
            points.setdefault("protected-mode", points[name])
    said = _RELEASE.search(heard.seen["banner"][1]) if "banner" in heard.seen else None
    text = heard.text.decode("utf-8", "backslashreplace")
    marker = None
    if heard.found is not None:
        marker = Sighting(booted.until, heard.found, "serial line", ending.seconds)
    return BootTrace(
        source=booted.source,
        until=booted.until,
        ending=ending,
        route=booted.route,
        kernel=kernel,
        loader=booted.loader.facts if booted.loader else None,
        disk=disk,
        host=SERIAL_LINE,
        tracer="recorder" if booted.recorder else "none",
        milestones=ordered(points, MILESTONES),
        bios_calls=calls,
        marker=marker,
        handoff=handoff,
        heard=Heard(None if disowned or not said else said[1], disowned=disowned),
        manager=manager,
        boot_screen=screen_text(call for call in before if not call.from_bios),
        serial=text,
        calls_left_out=pairing.left_out if pairing else 0,
        a20_left_closed=heard.decoder.a20_closed,
    )
