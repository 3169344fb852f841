"""A gate as JUnit XML, as Jenkins, GitLab and GitHub's actions read it: a test for each cell.

A test is called the same from version to version, by the series of its kernel and how it boots,
for GitLab tells by the names which test has newly failed. It is not the candidate's failure that
its baseline is bad: such a test is skipped, and so is what fails as the baseline does and is
accepted.

The file is plain ASCII. What XML cannot have, control characters from a serial line for
example, is written by its code; what lies beyond ASCII becomes a character reference.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.headline import fresh_and_reused, headline
from bootharness.gate.report.words import (
    booted_on,
    built_otherwise,
    kernel_name,
    sentences,
    since_said,
)
from bootharness.gate.series import series_of
from bootharness.runs.picture import unpack
from bootharness.text import last_lines

__all__ = ["junit"]

_SERIAL_LINES = 40
_MOST_NAMED = 50
_SUITE = "bootharness gate"
# XML 1.0, production [2] Char: these are not, and nor are what U+FFFE and U+FFFF
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(outcome: GateOutcome) -> bytes:
    """Return a gate as JUnit XML."""
    entries = outcome.entries
    numbers = {
        "tests": str(len(entries)),
        "failures": str(sum(_fails(outcome, entry) for entry in entries)),
        "errors": "0",
        "time": _seconds(outcome.seconds),
    }
    root = ET.Element("testsuites", {"name": _SUITE, **numbers})
    skipped = str(sum(_skipped(outcome, entry) for entry in entries))
    suite = ET.SubElement(root, "testsuite", {"name": _SUITE, **numbers, "skipped": skipped})
    properties = ET.SubElement(suite, "properties")
    said = ("standing", outcome.standing), ("headline", headline(outcome)), *_where(outcome)
    for name, value in said:
        ET.SubElement(properties, "property", {"name": name, "value": _text(value)})
    for entry, called in zip(entries, _names(outcome), strict=True):
        _case(suite, outcome, entry, called)
    ET.SubElement(suite, "system-out").text = _text(
        "\n".join([*outcome.patterns, *outcome.expired, fresh_and_reused(outcome)])
    )
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return text + b"\n"


def _where(outcome: GateOutcome) -> Iterator[tuple[str, str]]:
    """Yield on what all was booted: which computers, CPUs, QEMUs and accelerators."""
    boots = [entry.result.decisive for entry in outcome.entries]
    for name, values in (
        ("host", (boot.host.name for boot in boots)),
        ("cpu", (boot.host.cpu for boot in boots)),
        ("qemu", (boot.facts.qemu_version for boot in boots)),
        ("accelerator", (boot.facts.accelerator for boot in boots)),
    ):
        if several := sorted({*values} - {""}):
            yield name, ", ".join(several[:_MOST_NAMED])


def _fails(outcome: GateOutcome, entry: Entry) -> bool:
    """Return whether a cell is why the gate refuses."""
    if entry.standing is Standing.STILL:
        return not outcome.still_accepted
    return entry.standing is Standing.BAD and not entry.baseline


def _skipped(outcome: GateOutcome, entry: Entry) -> bool:
    bad = entry.standing in (Standing.BAD, Standing.STILL, Standing.UNKNOWN)
    return bad and not _fails(outcome, entry)


def _names(outcome: GateOutcome) -> list[tuple[str, str]]:
    """Return the class and the name of each test.

    Where a gate has several kernels of one series the name says which.
    """
    sources: dict[str, set[str]] = defaultdict(set)
    for entry in outcome.entries:
        if not entry.baseline:
            sources[series_of(entry.result.cell.kernel)].add(entry.result.cell.kernel)
    found = []
    for entry in outcome.entries:
        kernel = entry.result.cell.kernel
        series = series_of(kernel)
        name = entry.way or entry.result.cell.plan.route
        if entry.baseline:
            name += " (baseline)"
        elif len(sources[series]) > 1:
            name += f", {kernel_name(entry)}"
        found.append((series, name))
    return found


def _case(suite: ET.Element, outcome: GateOutcome, entry: Entry, called: tuple[str, str]) -> None:
    result = entry.result
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": _text(called[0]),
            "name": _text(called[1]),
            "time": _seconds(sum(attempt.seconds for attempt in result.attempts)),
        },
    )
    decisive = result.decisive
    said = "\n".join(sentences(entry))
    marked = {"message": _text(decisive.sentence), "type": decisive.cause or decisive.verdict}
    if _skipped(outcome, entry):
        if entry.baseline and entry.standing is Standing.BAD:
            marked["message"] = _text(f"the baseline is bad itself: {decisive.sentence}")
        elif entry.standing is Standing.STILL:
            marked["message"] = _text(since_said(entry))
        ET.SubElement(case, "skipped", marked).text = _text(said)
    elif _fails(outcome, entry):
        ET.SubElement(case, "failure", marked).text = _text(f"{said}\n\n{_evidence(entry)}")
    elif result.flaky:
        for attempt in result.known:
            if attempt.outcome != decisive.outcome:
                about = {"message": _text(attempt.sentence), "type": attempt.cause or "good"}
                ET.SubElement(case, "flakyFailure", about)
    changes = [f"since the baseline: {change}" for change in built_otherwise(entry)]
    which = [f"kernel: {kernel_name(entry)}"]
    which += [f"computer: {host}"] if (host := booted_on(entry)) else []
    ET.SubElement(case, "system-out").text = _text("\n".join([*which, said, *changes]))


def _evidence(entry: Entry) -> str:
    """The evidence of the diagnosis, the end of the serial line, and how to see it again."""
    drawn = unpack(entry.result.decisive.picture)
    parts = ["\n".join(drawn.evidence)]
    if lines := last_lines(drawn.serial, _SERIAL_LINES):
        parts.append("\n".join(["serial line:", *lines]))
    parts.append(f"reproduce: {entry.again}")
    return "\n\n".join(part for part in parts if part)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _text(text: str) -> str:
    return _NOT_XML.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
