"""The answer of a hunt: the last good and the first bad kernel side by side, and why.

Values and pure functions: what was booted to find out is in `experiments`.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from bootharness.bisection.experiments import ExperimentOutcome
from bootharness.bisection.search import Found
from bootharness.diagnosis.verdict import Verdict
from bootharness.formats.gdt import SegmentDescriptor
from bootharness.text import count, listed
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetworkFacts

__all__ = ["Answer", "Row", "Side", "built", "conclusion", "side_by_side"]

_LISTED, _DIGITS = 4, 12
# fields that say the same in other words, or that a loader fills in
_SAME_IN_OTHER_WORDS = ("header", "jump", "kernel_version", "boot_flag", "syssize")


class Side(Struct, frozen=True):
    """The last good kernel or the first bad one: what it is called, and what a boot of it said."""

    label: str
    source: str
    cause: str | None
    sentence: str
    payload_bytes: int


class Row(Struct, frozen=True):
    """One thing about both kernels, as people write it."""

    name: str
    good: str
    bad: str

    @property
    def differs(self) -> bool:
        """Whether the kernels differ in it; no two boots take the same time."""
        if self.name.endswith(" after"):
            return bool(self.good) != bool(self.bad)
        return self.good != self.bad


class Answer(Struct, frozen=True):
    """What a hunt has found out.

    ``limit`` is the largest payload in bytes that the loader is predicted to place, None where
    there is no such limit. ``earlier`` are the turns from bad to good again before the one
    that was found, by their labels. Of a ``fix``, ``good`` is the first good one, and
    ``candidates`` is what can be that.
    """

    found: Found
    good: Side
    bad: Side
    candidates: tuple[str, ...]
    rows: tuple[Row, ...]
    outcomes: tuple[ExperimentOutcome, ...]
    limit: int | None
    conclusion: str
    earlier: tuple[tuple[str, str], ...] = ()
    fix: bool = False


def side_by_side(good: BootTrace, bad: BootTrace) -> tuple[Row, ...]:
    """Return everything about two kernels and their boots that can be compared."""
    both = bool(good.kernel) == bool(bad.kernel)
    one, other = (dict(_facts(trace, kernels=both)) for trace in (good, bad))
    return tuple(Row(name, one.get(name, ""), other.get(name, "")) for name in one | other)


def _facts(trace: BootTrace, *, kernels: bool) -> Iterator[tuple[str, str]]:
    """Yield what is known of a boot; of ``kernels`` only which, where the other one is a medium of
    which none was seen: with nothing there is nothing to compare."""
    kernel = trace.kernel
    if trace.network and trace.network.root:
        yield from _from_folder(trace.network)
    if not kernels:
        yield "kernel", kernel.release if kernel else "none was seen"
    elif kernel:
        yield "release", kernel.release
        yield "file", count(kernel.file_bytes, "byte")
        yield "payload (syssize * 16)", count(kernel.payload_bytes, "byte")
        yield (
            "behind the payload",
            count(kernel.file_bytes - kernel.real_mode_bytes - kernel.payload_bytes, "byte"),
        )
        yield "compression", kernel.compression
        for name, value in asdict(kernel.header).items():
            if name not in _SAME_IN_OTHER_WORDS and value is not None:
                yield name, _written(name, value)
    moves = trace.block_moves
    if moves:
        yield "block moves", count(len(moves), "move")
        yield "last destination", _descriptor(moves[-1].table.destination)
    yield "placed", count(trace.placed_bytes, "byte")
    for point in trace.milestones:
        yield f"{point.name} after", f"{point.seconds:.2f} s"


def _from_folder(network: NetworkFacts) -> Iterator[tuple[str, str]]:
    """What came of somebody's own boot files, and what was not there."""
    for role, name in network.roles.items():
        came = [each for each in network.files if each.name == name and each.outcome == "served"]
        if came:
            size = count(came[-1].file_bytes, "byte")
            yield role, f"{name}, {size}, {came[-1].file_sha256[:_DIGITS]}"
    yield "not there", ", ".join(network.not_there[:_LISTED])


def _descriptor(descriptor: SegmentDescriptor) -> str:
    return f"{descriptor.build().hex()}, base 0x{descriptor.base:06x}"


def _written(name: str, value: int | str) -> str:
    if name == "version":
        return f"{int(value) >> 8}.{int(value) & 0xFF:02}"
    if name == "setup_sects":
        return count(int(value) or 4, "sector")
    return f"0x{value:x}" if isinstance(value, int) else value


def conclusion(
    good: Side,
    bad: Side,
    rows: Sequence[Row],
    outcomes: Sequence[ExperimentOutcome],
    *,
    loader: str,
    limit: int | None,
    same_kernel: bool = False,
    fix: bool = False,
    sought: str = "",
) -> str:
    """Return what the experiments say together, as one sentence.

    Only what was seen counts: an experiment that could not be done says nothing. ``sought`` is how
    the bad one's cause is called, by default by its id.
    """
    cause = sought or bad.cause
    by_name = {each.name: each for each in outcomes if each.verdict is not Verdict.SKIP}
    grown = by_name.pop("grown", None)
    boots = [each.by for each in by_name.values() if each.verdict is Verdict.GOOD]
    fails = [each.by for each in by_name.values() if each.verdict is Verdict.BAD]
    same_size = good.payload_bytes >= bad.payload_bytes > 0  # of what has no kernel it is 0
    by_size = grown is not None and grown.verdict is Verdict.BAD and grown.cause == bad.cause
    if by_size:
        above = f"above {limit:,} bytes " if limit and limit < bad.payload_bytes else "so large "
        what = f"the cause is the payload size: every build {above}fails with {loader}"
        whatever = ", whatever made it" if boots or not fails else ""
        growth = f"{bad.payload_bytes - good.payload_bytes:,} bytes, to {bad.payload_bytes:,}"
        grew = "" if same_kernel else f"{bad.label} only made it grow by {growth}"
        if fix:
            shrunk = f"{bad.payload_bytes - good.payload_bytes:,} bytes, to {good.payload_bytes:,}"
            grew = f"{good.label} only made it shrink by {shrunk}"
        size = count(bad.payload_bytes, "byte")
        others = f"with {size} it boots {_all(boots)}" if boots else ""
        return _joined(f"{what} ({cause}){whatever}", grew, others)
    not_size = ""
    if same_size:
        not_size = "it is not the payload size, for the bad one is not larger"
    elif grown is not None and grown.verdict is Verdict.GOOD:
        not_size = (
            f"it is not the payload size, for {good.label} grown to {grown.payload_bytes:,} bytes "
            "boots"
        )
    elif grown is not None:
        not_size = f"{good.label} grown to the same size fails too, but with {grown.cause}"
    if fix:
        return _joined(f"{good.label} is the first without {cause}", not_size, _differing(rows))
    if boots and not fails:
        what = f"{bad.label} and {loader} do not go together ({cause})"
        return _joined(f"{what}: it boots {_all(boots)}", not_size, _differing(rows))
    if fails and not boots:
        what = f"the cause is in {bad.label} itself ({cause})"
        return _joined(f"{what}: it fails {_all(fails)} too", not_size)
    if fails and boots:
        what = f"{bad.label} boots {_all(boots)} and fails {_all(fails)} ({cause})"
        return _joined(what, not_size, _differing(rows))
    return _joined(f"{bad.label} is the first to fail with {cause}", not_size)


def built(good: Side, bad: Side, *, fix: bool) -> str:
    """Return what builds say, of which none was booted."""
    return f"{good.label} builds again" if fix else f"{bad.label} is the first not to build"


def _differing(rows: Sequence[Row]) -> str:
    # no two builds are alike in the latter
    effects = ("release", "placed", "block moves", "last destination", "payload_length",
               "kernel_info_offset", "handover_offset")  # fmt: skip
    names = [row.name for row in rows if row.differs and row.name not in effects]
    names = [name for name in names if not name.endswith(" after")]
    if not names:
        return ""
    return f"what differs: {listed(names, _LISTED)}"


def _all(ways: Sequence[str]) -> str:
    return ", ".join(ways[:-1]) + f" and {ways[-1]}" if len(ways) > 1 else ways[0]


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
