"""Two gates compared: what is bad now and was not, what is fixed, what came and went."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.axes import varying, way
from bootharness.gate.diff import GateDiff, Turn, diff_of
from bootharness.gate.outcome import Entry, GateOutcome, Pace, Remark
from bootharness.gate.report.diff import diff_document, diff_schema, headline, print_diff
from bootharness.gate.report.diff_html import diff_html
from bootharness.gate.report.document import gate_document, read_gate
from bootharness.gate.since import courses
from bootharness.plan import BootPlan, choose
from bootharness.report.document import encode
from bootharness.runs.cell import Cell
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.where import Host
from tests.support.browser import WIDER_THAN_THE_WINDOW, browser
from tests.support.processes import run

LOADERS = ("a/no-carry.asm", "a/no-carry-b.asm", "stage1")
WRAPPED, PANIC, SKIPPED = "destination-wrapped", "kernel-panic", "tool-missing"
SLOWER = Remark("slower", "init after 2.00 s instead of 1.00 s")
ENDS = {None: Verdict.GOOD, SKIPPED: Verdict.SKIP}
FILES = Path("a.json"), Path("b.json")


def gate(
    *kernels: str, ends: Callable[[str, BootPlan], str | None] = lambda *_: None,
    expect: str = "good", digest: str = "", qemu: str = "7.2", **axes: tuple[object, ...],
) -> GateOutcome:  # fmt: skip
    """Return a gate of kernels, each in every way, that come to these ends."""
    plans = [BootPlan(until="init")]
    for name, values in axes.items():
        plans = [choose(plan, {name: value}) for plan in plans for value in values]
    results = []
    for kernel in kernels:
        facts = BootFacts(
            sha256=f"{kernel} {digest}", payload_bytes=len(kernel + digest), compression="zstd",
            qemu_version=qemu, accelerator="tcg",
        )  # fmt: skip
        for plan in plans:
            cause = ends(kernel, plan)
            attempt = Attempt(ENDS.get(cause, Verdict.BAD), cause, f"said of {kernel}", facts=facts)
            results.append(CellResult(Cell(kernel, plan, expect), "key", (attempt,)))
    names = varying(each.cell for each in results)
    since = courses(results, None, ())
    return GateOutcome(
        tuple(Entry(each, way(each.cell, names), since=since.get(each.cell)) for each in results)
    )


def always(cause: str | None) -> Callable[[str, BootPlan], str | None]:
    return lambda *_: cause


def turns(diff: GateDiff) -> list[tuple[Turn, int]]:
    return [(each.turn, len(each.group.entries)) for each in diff.turned]


def told(diff: GateDiff) -> str:
    output = StringIO()
    print_diff(diff, *FILES, output)
    return output.getvalue()


@pytest.mark.parametrize(
    ("before", "after", "turn", "status"),
    [
        (None, None, None, 0),
        (WRAPPED, WRAPPED, None, 0),
        (SKIPPED, SKIPPED, None, 0),
        (None, WRAPPED, Turn.BROKEN, 1),
        (SKIPPED, WRAPPED, Turn.BROKEN, 1),
        (WRAPPED, PANIC, Turn.OTHERWISE, 1),
        (None, SKIPPED, Turn.LOST, 125),
        (WRAPPED, SKIPPED, Turn.LOST, 125),
        (WRAPPED, None, Turn.FIXED, 0),
        (SKIPPED, None, Turn.KNOWN, 0),
    ],
)
def test_each_way_to_turn_has_its_name_and_its_status(
    before: str | None, after: str | None, turn: Turn | None, status: int
) -> None:
    diff = diff_of(gate("v-6.3", ends=always(before)), gate("v-6.3", ends=always(after)))
    assert turns(diff) == ([(turn, 1)] if turn else [])
    assert diff.exit_status == status
    assert diff.same == (0 if turn else 1)


def test_what_began_to_fail_is_one_line_over_kernels_and_loaders() -> None:
    def wraps(kernel: str, plan: BootPlan) -> str | None:
        number = int(kernel.rpartition(".")[2])
        bad = number > 0 and plan.route == "mbr" and "no-carry" in plan.loader
        return WRAPPED if bad else None

    kernels = [f"many/v-6.8.{number}" for number in range(60)]
    ways = {"loader": LOADERS, "route": ("mbr", "direct")}
    diff = diff_of(gate(*kernels, **ways), gate(*kernels, ends=wraps, digest="new", **ways))
    assert turns(diff) == [(Turn.BROKEN, 118)]
    assert (
        "BAD  from v-6.8.1 on (59 kernels): destination-wrapped with no-carry*.asm (mbr); "
        "stage1 boots them; good before\n" in told(diff)
    )
    assert headline(diff) == "118 boots newly bad, 242 as before"


def test_what_is_fixed_is_no_failure_and_what_is_expected_now_is_not_fixed() -> None:
    bad = gate("v-6.3", ends=always(WRAPPED))
    assert "FIXED  v-6.3: good; destination-wrapped before" in told(diff_of(bad, gate("v-6.3")))
    held = diff_of(bad, gate("v-6.3", ends=always(WRAPPED), expect=WRAPPED))
    assert turns(held) == [(Turn.HELD, 1)]
    assert held.exit_status == 0
    assert "HELD  v-6.3: destination-wrapped; so before, and expected now" in told(held)


def test_an_expectation_that_is_gone_makes_the_same_boot_bad() -> None:
    held = gate("v-6.3", ends=always(WRAPPED), expect=WRAPPED)
    diff = diff_of(held, gate("v-6.3", ends=always(WRAPPED)))
    assert (turns(diff), diff.exit_status) == ([(Turn.BROKEN, 1)], 1)
    assert "v-6.3: destination-wrapped; destination-wrapped before, which was expected" in (
        told(diff)
    )


def test_builds_of_one_thing_are_compared_and_what_broke_it_is_bisected() -> None:
    before, after = gate("out/v-6.3"), gate("out/v-6.4", ends=always(WRAPPED))
    diff = diff_of(before, after)
    assert turns(diff) == [(Turn.BROKEN, 1)]
    said = told(diff)
    assert "v-6.4 is compared with v-6.3\n" in said
    assert "     bisect: bootharness bisect out/v-6.3 out/v-6.4 --until init\n" in said
    anew = diff_of(gate("bzImage"), gate("bzImage", ends=always(WRAPPED), digest="new"))
    assert "     since then: payload 7 bytes → 10 bytes\n" in told(anew)
    assert "     bisect: bootharness bisect git GOOD BAD --build COMMAND --image bzImage" in (
        told(anew)
    )


def test_of_the_same_kernel_nothing_is_bisected_and_what_else_has_changed_is_said() -> None:
    def since(kernel: str, _: BootPlan) -> str | None:
        return WRAPPED if kernel == "v-6.4" else None

    kernels = ("v-6.3", "v-6.4")
    said = told(diff_of(gate(*kernels), gate(*kernels, ends=since, qemu="9.0")))
    assert (
        "     since then: the same kernel, byte for byte, QEMU 7.2, tcg → 9.0, tcg\n"
        "     reproduce: bootharness boot v-6.4 --until init\n" in said
    )
    assert "bisect" not in said


def test_cells_that_are_in_one_gate_alone_are_new_or_gone() -> None:
    two, three = gate("a-6.1", "a-6.2"), gate("a-6.2", "b-6.1", "b-6.2")
    diff = diff_of(two, three)
    assert turns(diff) == [(Turn.NEW, 2), (Turn.GONE, 1)]
    assert (diff.exit_status, diff.builds) == (0, ())
    assert "GONE  a-6.1: good; not booted now (1 boot)\n" in told(diff)
    others = diff_of(gate("a-6.1"), gate("b-6.1", "b-6.2"))
    assert others.exit_status == 125
    assert (
        told(others)
        .splitlines()[-2]
        .endswith("2 boots new, 1 gone; no boot is in both, so nothing was compared")
    )
    bad = diff_of(two, gate("a-6.1", "a-6.2", "b-6.1", ends=always(PANIC)))
    assert bad.exit_status == 1
    assert turns(bad) == [(Turn.BROKEN, 2), (Turn.BROKEN, 1)]
    assert "b-6.1: kernel-panic; not booted before\n" in told(bad)


def test_a_gate_that_was_interrupted_has_not_found_everything_out() -> None:
    diff = diff_of(gate("a-6.1", "a-6.2"), replace(gate("a-6.1"), untried=1))
    assert diff.exit_status == 125
    assert "1 boot gone, 1 not made, for the later gate was interrupted" in headline(diff)


def slower(before: Pace | None, *, compression: str = "zstd") -> GateDiff:
    pace = Pace("init", (1.0, 1.1), (2.0, 2.1))
    one, other = gate("v-6.3"), gate("v-6.3")
    [old], [new] = one.entries, other.entries
    [attempt] = old.result.attempts
    facts = replace(attempt.facts, compression=compression)
    result = replace(old.result, attempts=(replace(attempt, facts=facts),))
    return diff_of(
        replace(one, entries=(replace(old, result=result, pace=before),)),
        replace(other, entries=(replace(new, pace=pace, remarks=(SLOWER,)),)),
    )


def test_slower_is_what_either_gate_has_measured_with_the_same_compression() -> None:
    before = Pace("init", (1.0, 1.1), (1.0, 1.1))
    assert turns(slower(before)) == [(Turn.WARNED, 1)]
    assert "     init after 2.00 s instead of 1.00 s\n" in told(slower(before))
    assert slower(before).exit_status == 0
    assert turns(slower(None)) == []
    assert turns(slower(before, compression="lz4")) == []


@pytest.mark.parametrize(
    ("host", "turned"),
    [(Host("b", "EPYC"), [(Turn.WARNED, 1)]), (Host("a", "486"), []), (Host(), [])],
)
def test_slower_on_another_kind_of_computer_is_no_news(
    host: Host, turned: list[tuple[Turn, int]]
) -> None:
    diff = slower(Pace("init", (1.0,), (1.0,)))
    sides = (_on(side, where) for side, where in (
        (diff.before, Host("a", "EPYC")), (diff.after, host)))  # fmt: skip
    assert turns(diff_of(*sides)) == turned


def test_another_cpu_is_told_of_what_broke() -> None:
    before, after = gate("v-6.3"), gate("v-6.3", ends=always(WRAPPED))
    diff = diff_of(_on(before, Host("a", "EPYC")), _on(after, Host("b", "486")))
    assert "since then: the same kernel, byte for byte, CPU EPYC → 486" in told(diff)


def _on(outcome: GateOutcome, host: Host) -> GateOutcome:
    """Return a gate as it was booted on a computer."""
    return replace(outcome, entries=tuple(
        replace(each, result=replace(each.result, attempts=tuple(
            replace(attempt, host=host) for attempt in each.result.attempts)))
        for each in outcome.entries
    ))  # fmt: skip


def test_the_json_is_what_its_schema_says_and_names_the_cells_of_both_files() -> None:
    def since(kernel: str, _: BootPlan) -> str | None:
        return WRAPPED if kernel == "v-6.4" else None

    diff = diff_of(gate("v-6.3", "v-6.4"), gate("w-6.1", "v-6.4", ends=since, digest="new"))
    document = json.loads(encode(diff_document(diff, *FILES)))
    jsonschema.validate(document, diff_schema())
    cells = {each["turn"]: each["cells"] for each in document["turned"]}
    assert cells == {
        "newly-bad": [{"before": 1, "after": 1}],
        "new": [{"before": None, "after": 0}],
        "gone": [{"before": 0, "after": None}],
    }
    assert document["turned"][0]["next_steps"][0]["what"] == "reproduce"


def test_the_schema_in_the_documentation_is_this_one() -> None:
    written = json.loads(Path("docs/gate-diff.schema.json").read_text())
    assert written == json.loads(json.dumps(diff_schema()))


def test_the_command_compares_what_gates_have_written(tmp_path: Path) -> None:
    before, after = tmp_path / "a.json", tmp_path / "b.json"
    before.write_bytes(encode(gate_document(gate("v-6.3"))))
    after.write_bytes(encode(gate_document(gate("v-6.3", ends=always(PANIC), digest="new"))))
    done = run("gate", "diff", before, after, "--json", tmp_path / "diff.json",
               "--html", tmp_path / "diff.html")  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "kernel-panic; good before" in (tmp_path / "diff.html").read_text()
    assert "BAD  v-6.3: kernel-panic; good before\n" in done.stdout
    assert json.loads((tmp_path / "diff.json").read_text())["exit_status"] == 1
    back = run("gate", "diff", after, before)
    assert back.returncode == 0
    assert "FIXED  v-6.3" in back.stdout


def test_the_page_says_what_is_worse_and_what_to_do_and_fits_a_phone(tmp_path: Path) -> None:
    nasty = "w-<script>-6.1"

    def ends(kernel: str, _: BootPlan) -> str | None:
        return {"v-6.4": WRAPPED, "v-6.5": PANIC}.get(kernel)

    old = gate(
        "v-6.3", "v-6.4", "v-6.5", ends=lambda kernel, _: PANIC if kernel[2:] == "6.3" else None
    )
    diff = diff_of(old, gate("v-6.3", "v-6.4", "v-6.5", nasty, ends=ends, digest="new"))
    file = tmp_path / "diff.html"
    file.write_text(diff_html(diff, *FILES))
    for width in (390, 1400):
        with browser(tmp_path / str(width), width) as page:
            page.open(file.as_uri())
            assert page.value(WIDER_THAN_THE_WINDOW) == []
            text = str(page.value("document.body.innerText"))
    assert text.startswith("BAD From one gate to another\n\n2 boots newly bad, 1 fixed, 1 new")
    assert "BAD v-6.4: destination-wrapped; good before" in text
    assert "bootharness boot v-6.4 --until init" in text
    assert "bootharness bisect v-6.3 v-6.4" in text
    assert "[[expect]]" not in text  # it is for who has thought about it
    assert "FIXED v-6.3: good; kernel-panic before (1 boot)" in text
    assert f"NEW {nasty}: good; not booted before (1 boot)" in text


def test_the_page_of_nothing_says_so() -> None:
    page = diff_html(diff_of(gate("v-6.3"), gate("v-6.3")), *FILES)
    assert "Nothing has changed: 1 boot as before." in page
    assert "<h2" not in page


def test_a_gate_that_is_read_is_the_one_that_was_written(tmp_path: Path) -> None:
    written = gate("v-6.3", "v-6.4", ends=always(PANIC), route=("mbr", "direct"))
    file = tmp_path / "gate.json"
    file.write_bytes(encode(gate_document(written)))
    read = read_gate(file)
    assert [each.standing for each in read.entries] == [each.standing for each in written.entries]
    assert diff_of(written, read).same == 4
    assert gate_document(read)["groups"] == gate_document(written)["groups"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a JSON file: "),
        ('{"a":' * 100_000, "not a JSON file: "),
        ("\xff", "not a JSON file: "),
        ("[]", "not what `gate --json` writes: a table is wanted, and this is a list"),
        ('{"boots": []}', "not what `gate --json` writes: it has no schema_version"),
        ('{"schema_version": 2, "entries": []}',
         "schema_version: it is 2, and this bootharness reads 3: write it anew with `gate --json`"),
        ('{"schema_version": 3, "entries": [{"cell": {"kernel": "k"}, "attempts": []}]}',
         "entries[0].attempts: it is empty, and a boot has one"),
        ('{"schema_version": 3, "entries": [{"cell": {"kernel": "k", "expect": "bda"}}]}',
         "not what `gate --json` writes: expectation 'bda': "),
        ('{"schema_version": 3, "entries": [{"cell": {"kernel": 5}}]}',
         "not what `gate --json` writes: entries[0].cell.kernel: a text is wanted, "),
    ],
)  # fmt: skip
def test_what_is_no_gate_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "wrong.json"
    file.write_bytes(text.encode("latin-1"))
    done = run("gate", "diff", file, file)
    assert done.returncode == 129
    assert done.stderr.startswith(f"bootharness: {file}: {said}")
    assert done.stderr.count("\n") == 1
