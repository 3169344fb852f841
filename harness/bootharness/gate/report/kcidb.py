"""A gate as KernelCI's database takes it: builds, tests, and issues with their incidents.

A boot is a test: good is PASS, bad FAIL whatever was expected of it, and what was not found out
MISS, which is a failure of the harness. Where a kernel's source is from is not known here, so a
checkout says which release it is, and no more. Nothing is sent.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from bootharness.diagnosis.causes import CAUSES
from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.outcome import Entry, GateOutcome
from bootharness.gate.report.words import booted_on, kernel_name
from bootharness.plan import chosen
from bootharness.plan.goal import is_pattern
from bootharness.runs.picture import unpack
from bootharness.text import last_lines, printable

__all__ = ["KCIDB_VERSION", "kcidb_document"]

KCIDB_VERSION = {"major": 5, "minor": 3}
_ORIGIN = "bootharness"
_STATUS = {Verdict.GOOD: "PASS", Verdict.BAD: "FAIL", Verdict.SKIP: "MISS"}
_NO_PART = re.compile(r"[^a-zA-Z0-9_-]+")
_MOST_LETTERS = 16_384
_MOST_LINES = 200
_ISSUE_VERSION = 1

_Object = dict[str, Any]


def kcidb_document(outcome: GateOutcome) -> _Object:
    """Return a gate in the schema of kcidb-io, as plain values."""
    checkouts: dict[str, _Object] = {}
    builds: dict[str, _Object] = {}
    issues: dict[str, _Object] = {}
    tests, incidents = [], []
    for entry in outcome.entries:
        checkout, build = _checkout(entry), _build(entry)
        checkouts.setdefault(checkout["id"], checkout)
        builds.setdefault(build["id"], build)
        test = _test(outcome, entry, build["id"])
        tests.append(test)
        if cause := entry.result.decisive.cause:
            issues.setdefault(cause, _issue(cause))
            incidents.append(_incident(entry, cause, test["id"]))
    return {
        "version": KCIDB_VERSION,
        "checkouts": [*checkouts.values()],
        "builds": [*builds.values()],
        "tests": tests,
        "issues": [*issues.values()],
        "incidents": incidents,
    }


def _id(*of: object) -> str:
    try:
        text = msgspec.json.encode(of)
    except UnicodeEncodeError:  # a path that is not UTF-8
        text = repr(of).encode("utf-8", "surrogatepass")
    return f"{_ORIGIN}:{hashlib.sha256(text).hexdigest()[:32]}"


def _checkout(entry: Entry) -> _Object:
    release = entry.result.decisive.facts.release
    known = f"Linux {release}" if release else "a kernel that was not read"
    said = f"{known}, of whose source nothing is known here"
    return {"id": _id("checkout", release), "origin": _ORIGIN, "comment": printable(said)}


def _build(entry: Entry) -> _Object:
    facts, kernel = entry.result.decisive.facts, entry.result.cell.kernel
    measured = ("sha256", "file_bytes", "payload_bytes", "setup_sects", "init_size", "protocol",
                "compression")  # fmt: skip
    build: _Object = {
        "id": _id("build", facts.sha256 or kernel),
        "checkout_id": _id("checkout", facts.release),
        "origin": _ORIGIN,
        "comment": printable(kernel_name(entry)),
        "misc": {name: getattr(facts, name) for name in measured if getattr(facts, name)},
    }
    if facts.sha256:
        build["status"] = "PASS"
    if facts.compiler:
        build["compiler"] = printable(facts.compiler)
    return build


def _test(outcome: GateOutcome, entry: Entry, build: str) -> _Object:
    result, decisive = entry.result, entry.result.decisive
    cell, facts = result.cell, decisive.facts
    milestones = [*facts.milestones.items()]
    test: _Object = {
        "id": _run_id(entry),
        "build_id": build,
        "origin": _ORIGIN,
        "path": _path(entry),
        "status": _STATUS[result.verdict],
        "comment": printable(decisive.sentence),
        "duration": round(sum(each.seconds for each in result.attempts), 3),
        "environment": dict(_environment(entry)),
        "misc": {
            "cause": decisive.cause or "",
            "expected": str(cell.expect),
            "baseline": entry.baseline,
            "flaky": result.flaky,
            "attempts": len(result.attempts),
            "milestones": facts.milestones,
            "reproduce": printable(entry.again),
        },
    }
    if result.verdict is Verdict.GOOD and milestones:
        test["number"] = {"value": milestones[-1][1], "unit": "s"}
    if outcome.made_at and not result.cached and result.known:
        test["start_time"] = datetime.fromtimestamp(outcome.made_at, UTC).isoformat()
    if result.verdict is not Verdict.GOOD:
        serial = "\n".join(last_lines(unpack(decisive.picture).serial, _MOST_LINES))
        if serial:
            test["log_excerpt"] = serial[-_MOST_LETTERS:]
    return test


def _run_id(entry: Entry) -> str:
    """Return the id of a run: the same where it is reported again, from the history."""
    boots = [(each.verdict, each.sentence, each.seconds, each.facts.milestones, each.host)
             for each in entry.result.attempts]  # fmt: skip
    return _id("test", entry.result.cell, entry.result.key, boots)


def _path(entry: Entry) -> str:
    """Return the place of a test among all: ``boot.mbr.init``."""
    plan = entry.result.cell.plan
    goal = "pattern" if plan.until_screen or is_pattern(plan.until) else plan.until
    return ".".join(_NO_PART.sub("_", each) for each in ("boot", plan.route, goal))


def _environment(entry: Entry) -> Iterator[tuple[str, Any]]:
    facts, plan = entry.result.decisive.facts, entry.result.cell.plan
    qemu = f"QEMU {facts.qemu_version}, {facts.accelerator}" if facts.qemu_version else ""
    yield "comment", printable("; ".join(filter(None, (qemu, booted_on(entry)))))
    how = {name: str(value) for name, value in chosen(plan).items() if value not in (None, "", ())}
    host = entry.result.decisive.host
    yield (
        "misc",
        {
            "host": printable(host.name),
            "cpu": printable(host.cpu),
            "qemu": facts.qemu_version,
            "accelerator": facts.accelerator,
            "plan": {name: printable(value) for name, value in how.items() if value},
        },
    )


def _issue(name: str) -> _Object:
    issue: _Object = {"id": f"{_ORIGIN}:{name}", "version": _ISSUE_VERSION, "origin": _ORIGIN}
    cause = CAUSES.get(name)
    if cause:
        issue |= {
            "report_subject": f"{name}: {cause.meaning}",
            "comment": cause.advice,
            "misc": {"evidence": cause.evidence},
        }
        if cause.verdict == "skip":  # of others it may be the kernel, the loader or the network
            issue["culprit"] = {"code": False, "tool": False, "harness": True}
    return issue


def _incident(entry: Entry, cause: str, test: str) -> _Object:
    return {
        "id": _id("incident", test, cause),
        "origin": _ORIGIN,
        "issue_id": f"{_ORIGIN}:{cause}",
        "issue_version": _ISSUE_VERSION,
        "test_id": test,
        "present": True,
        "comment": printable(entry.result.decisive.sentence),
    }
