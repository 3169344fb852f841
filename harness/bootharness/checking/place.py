"""Which line of a loader it is that does not stand a behaviour."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bootharness.checking.checked import Place
from bootharness.checking.first_use import Decoder, first_use
from bootharness.errors import UsageError
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.elf import line_of
from bootharness.host.regular import read_regular
from bootharness.predictor.footsteps import Footsteps
from bootharness.predictor.quirks import A20_GATES, Change, Quirks
from bootharness.routes.loader import ORIGIN, Loader
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.reads import disk_reads

__all__ = ["Places"]

_INT_BYTES = 2
_VIDEO = 0xA0000
_SOURCE_BYTES = 1 << 20
_FLAGS = 0x400


Site = Callable[[BiosCall], int]


class Places:
    """Where a loader's mistakes are, given what it does on QEMU's machine."""

    def __init__(self, loader: Loader | None, plain: BootTrace, steps: Footsteps) -> None:
        self._loader = loader
        self._plain = plain
        self._steps = steps
        self._decoder = Decoder()

    def of(self, quirks: Quirks, trace: BootTrace, steps: Footsteps) -> Place | None:
        """Return where a boot on a machine with quirks went wrong: where the loader depends on
        what is not so there."""
        address = self._address(quirks, trace, steps)
        return None if address is None else self.at(address, steps)

    def end_of(self, trace: BootTrace, steps: Footsteps) -> Place | None:
        """Return where a boot that came to nothing has ended, None where it is nowhere in the
        loader: at its last failed call, or where the CPU was."""
        sites = list(map(_sites(steps), (each for each in trace.loader_calls if each.failed)))
        sites += [sample.linear for sample in trace.samples]
        inside = [at for at in sites if at in steps.code]
        return self.at(inside[0], steps) if inside else None

    def at(self, address: int, steps: Footsteps) -> Place:
        """Return a place, by its address."""
        instruction = self._decoder.text(steps, address)
        loader = self._loader
        if loader is None or not ORIGIN <= address < ORIGIN + len(loader.binary):
            return Place(address, instruction)
        label = loader.facts.symbol_at(address)
        found = line_of(loader.elf, address) if loader.elf else None
        if found is None:
            return Place(address, instruction, label)
        file, line = found
        return Place(address, instruction, label, file, line, _line(loader, file, line))

    def _address(self, quirks: Quirks, trace: BootTrace, steps: Footsteps) -> int | None:
        entry = {
            name: _FLAGS if name == "flags" else 0xFFFF_FFFF
            for name in quirks.entry
            if name != "ip"
        }
        if entry.get("esp") and "ss" not in entry:
            entry["esp"] = 0xFFFF_0000
        found, site = None, _sites(steps)
        if entry:
            found = first_use(steps, entry, self._decoder)
        if found is None and quirks.changes:
            behind = _behind(quirks.changes, trace, site)
            found = first_use(steps, {}, self._decoder, behind=behind)
        if found is None and quirks.stack_bytes:
            found = self._short_of_stack(quirks.stack_bytes, trace, site)
        if found is None and _a20(quirks):
            found = steps.high
        if found is None:
            found = _into_nothing(quirks.low_kib, trace, site) or steps.gone
        if found is None:
            found = self._failing_call(trace, site)
        if found is None and "cs" not in quirks.entry:
            found = self._other_call(trace, site)
        return self._parting(steps) if found is None else found

    def _failing_call(self, trace: BootTrace, site: Site) -> int | None:
        """Return where a call was made that failed, and had not on QEMU's machine."""
        failed = {site(call) for call in self._plain.loader_calls if call.failed}
        for call in trace.loader_calls:
            if call.failed and site(call) not in failed:
                return site(call)
        return None

    def _other_call(self, trace: BootTrace, site: Site) -> int | None:
        """Return where the first call was made that is not as on QEMU's machine."""
        for one, other in zip(self._plain.loader_calls, trace.loader_calls, strict=False):
            if site(one) == site(other) and _asked(one) != _asked(other):
                return site(other)
        return None

    def _short_of_stack(self, size: int, trace: BootTrace, site: Site) -> int | None:
        """Return the first call whose stack reaches down into the loader."""
        length = len(self._loader.binary) if self._loader else 512
        for call in trace.loader_calls:
            registers = call.registers_in
            top = (registers.ss or 0) * 16 + (registers.esp & 0xFFFF)
            if max(top - size, 0) < ORIGIN + length and top > ORIGIN:
                return site(call)
        return None

    def _parting(self, steps: Footsteps) -> int | None:
        """Return the last instruction before the two boots take different ways."""
        before = None
        for one, other in zip(self._steps.addresses, steps.addresses, strict=False):
            if one != other:
                return before
            before = one
        return before


def _a20(quirks: Quirks) -> bool:
    return not quirks.a20 or quirks.move_closes_a20 or quirks.a20_gates != A20_GATES


def _sites(steps: Footsteps) -> Site:
    """Return what tells where a call was made: behind an INT, or by a handler that passed it on."""
    ends = {address + len(code): address for address, code in steps.code.items()}

    def site(call: BiosCall) -> int:
        back = call.registers_in.cs * 16 + call.registers_in.ip
        return ends.get(back, back - _INT_BYTES)

    return site


def _into_nothing(low_kib: int, trace: BootTrace, site: Site) -> int | None:
    """Return where a read was made to behind the end of conventional memory."""
    for read in disk_reads(trace.loader_calls, trace.disk):
        if read.buffer < _VIDEO and read.buffer + read.bytes > low_kib * 1024:
            return site(read.call)
    return None


def _asked(call: BiosCall) -> tuple[object, ...]:
    registers = call.registers_in
    return call.number, call.function, registers.edx & 0xFF, call.packet, call.table_hex


def _behind(
    changes: Iterable[Change], trace: BootTrace, site: Site
) -> Mapping[int, Mapping[str, int]]:
    """Return which bits of which registers the call at each address changes."""
    found: dict[int, dict[str, int]] = {}
    for change in changes:
        for call in trace.loader_calls:
            if call.number == change.number and call.function in (
                change.functions or (call.function,)
            ):
                masks = {name: mask for name, (mask, _) in change.registers.items()}
                found.setdefault(site(call), {}).update(masks)
    return found


def _line(loader: Loader, file: str, line: int) -> str | None:
    """Return a line of a loader's source."""
    if loader.source is None or Path(file).name != loader.source.name:
        return None
    try:
        lines = (
            read_regular(loader.source, most=_SOURCE_BYTES).decode(errors="replace").splitlines()
        )
    except UsageError:
        return None
    return lines[line - 1].strip() if 0 < line <= len(lines) else None
