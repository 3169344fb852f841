"""The gate without a boot: what is compared and warned of, what failing cells share."""

import json
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.gate.axes import axes
from bootharness.gate.compare import changes, remarks, slower
from bootharness.gate.matrix import Expectation, Matrix, read_matrix
from bootharness.gate.outcome import Entry, GateOutcome, Pace, Remark, Standing
from bootharness.gate.pattern import patterns
from bootharness.gate.report.document import gate_document, gate_schema
from bootharness.gate.trend import crossings, series, trend
from bootharness.gate.version import version_name, version_place
from bootharness.plan import BootPlan, choose
from bootharness.predictor.headroom import Headroom
from bootharness.report.document import encode
from bootharness.runs.cell import Cell
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.where import Host

GOOD = Attempt(Verdict.GOOD, None, "reached init")
WRAPPED = Attempt(Verdict.BAD, "destination-wrapped", "block move 242 wrapped")
MANY = [*range(2, 2002)]
KERNELS = [f"selfcheck:{16 * number}" for number in range(20)]
NO_KERNEL = Attempt(Verdict.BAD, "not-a-kernel", "it is empty")
SKIPPED = Attempt(Verdict.SKIP, "tool-missing", "no QEMU")


def result(attempt: Attempt, kernel: str = "bzImage", **cell: object) -> CellResult:
    return CellResult(Cell(kernel, choose(BootPlan(until="init"), cell)), "key", (attempt,))


def entry(attempt: Attempt, *, baseline: bool = False, warned: bool = False) -> Entry:
    remark = (Remark("console", "new on the console: BUG"),) if warned else ()
    return Entry(result(attempt), "", baseline=baseline, remarks=remark)


@pytest.mark.parametrize(
    ("entries", "standing", "status"),
    [
        ([entry(GOOD)], Standing.GOOD, 0),
        ([entry(GOOD), entry(GOOD, warned=True)], Standing.WARNING, 0),
        ([entry(GOOD, warned=True), entry(WRAPPED)], Standing.BAD, 1),
        ([entry(SKIPPED), entry(WRAPPED)], Standing.BAD, 1),
        ([entry(SKIPPED), entry(GOOD)], Standing.UNKNOWN, 125),
        ([entry(SKIPPED, baseline=True), entry(GOOD)], Standing.UNKNOWN, 125),
        ([entry(WRAPPED, baseline=True), entry(GOOD)], Standing.WARNING, 0),
        ([entry(NO_KERNEL, baseline=True), entry(GOOD)], Standing.UNKNOWN, 125),
        ([entry(NO_KERNEL)], Standing.BAD, 1),
        ([], Standing.UNKNOWN, 125),
        ([entry(GOOD, baseline=True)], Standing.UNKNOWN, 125),
    ],
)
def test_the_worst_candidate_decides(entries: list[Entry], standing: Standing, status: int) -> None:
    outcome = GateOutcome(tuple(entries))
    assert (outcome.standing, outcome.exit_status) == (standing, status)


def test_what_has_changed_is_named_with_both_values() -> None:
    before = BootFacts(payload_bytes=1000, compression="lz4", protocol="2.15",
                       milestones={"stage1": 0.25, "init": 2.0})  # fmt: skip
    after = replace(before, payload_bytes=2000, compression="zstd", milestones={"init": 3.0})
    assert told(before, after) == [
        "payload 1,000 bytes → 2,000 bytes",
        "compression lz4 → zstd",
        "init 2.00 s → 3.00 s",
    ]
    assert told(before, replace(before, milestones={})) == []


def told(before: BootFacts, after: BootFacts, *hosts: Host) -> list[str]:
    one, other = (replace(GOOD, facts=facts) for facts in (before, after))
    if hosts:
        one, other = (
            replace(each, host=host) for each, host in zip((one, other), hosts, strict=True)
        )
    return list(map(str, changes(one, other)))


SLOW, FAST = Host("a", "486"), Host("b", "EPYC")


@pytest.mark.parametrize(
    ("hosts", "qemu", "accelerator", "compared"),
    [
        ((SLOW, SLOW), "7.2", "tcg", True),
        ((SLOW, replace(SLOW, name="c")), "7.2", "tcg", True),
        ((SLOW, FAST), "7.2", "tcg", False),
        ((SLOW, SLOW), "8.0", "tcg", False),
        ((SLOW, SLOW), "7.2", "kvm", False),
    ],
)
def test_how_long_boots_took_is_compared_on_one_kind_of_computer_alone(
    hosts: tuple[Host, Host], qemu: str, accelerator: str, compared: bool
) -> None:
    before = BootFacts(payload_bytes=1, milestones={"init": 2.0}, qemu_version="7.2",
                       accelerator="tcg")  # fmt: skip
    after = replace(before, payload_bytes=2, milestones={"init": 3.0}, qemu_version=qemu,
                    accelerator=accelerator)  # fmt: skip
    assert ("init 2.00 s → 3.00 s" in told(before, after, *hosts)) is compared
    assert "payload 1 bytes → 2 bytes" in told(before, after, *hosts)


def warned(**values: object) -> list[str]:
    usual = {"baseline": None, "headroom": (), "pace": None, "warn_at": 90}
    arguments = {"result": result(GOOD), **usual, **values}
    return [remark.sentence for remark in remarks(**arguments)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "limit", "said"),
    [
        (899, 1000, None),
        (900, 1000, "90.0 % of what no-carry.asm can load: 900 of 1,000 bytes, 100 left"),
        (1010, 1000, "101.0 % of what no-carry.asm can load: 1,010 of 1,000 bytes, 10 too many"),
        (1010, None, None),
    ],
)
def test_little_headroom_is_warned_of(size: int, limit: int | None, said: str | None) -> None:
    found = warned(
        headroom=(Headroom("bzImage", "a/no-carry.asm", "payload", "byte", size, limit),)
    )
    assert found == ([f"the payload takes {said}"] if said else [])


def test_new_lines_on_the_console_are_warned_of() -> None:
    before = replace(GOOD, facts=BootFacts(warnings=("old error",)))
    after = replace(GOOD, facts=BootFacts(warnings=("old error", "new error")))
    assert warned(result=result(after), baseline=result(before)) == [
        "new on the console: new error"
    ]
    many = replace(GOOD, facts=BootFacts(warnings=tuple(f"error {n}" for n in range(9))))
    said = warned(result=result(many), baseline=result(before))
    assert said[-1] == "and 4 more new lines on the console"
    assert warned(result=result(many)) == []


def test_what_a_boot_survived_is_warned_of() -> None:
    got_over = replace(GOOD, facts=BootFacts(survived=("1 disk read failed and succeeded",)))
    assert warned(result=result(got_over)) == ["1 disk read failed and succeeded"]


def test_a_flaky_boot_is_good_with_a_warning() -> None:
    flaky = CellResult(Cell("bzImage"), "key", (WRAPPED, GOOD, GOOD))
    [said] = warned(result=flaky)
    assert said.endswith("different ends: destination-wrapped, then good, then good")


@pytest.mark.parametrize(
    ("baseline", "candidate", "is_slower"),
    [
        ((1.0,), (9.0,), False),  # one boot has no noise to be compared with
        ((1.0, 1.1, 1.2), (1.5, 1.6, 1.7), True),
        ((1.0, 1.1, 1.2), (1.15, 1.6, 1.7), False),
        ((1.0, 1.1, 1.9), (2.0, 2.0, 2.0), False),
        ((2.0, 2.1), (1.0, 1.1), False),
        ((2.0, 2.1), (), False),  # the host was too busy to find out
        ((), (1.0, 1.1), False),
    ],
)
def test_slower_is_by_more_than_the_noise(
    baseline: tuple[float, ...], candidate: tuple[float, ...], is_slower: bool
) -> None:
    pace = Pace("init", baseline, candidate)
    assert slower(pace) is is_slower
    assert bool(warned(pace=pace)) is is_slower


def by_route(**attempts: Attempt) -> tuple[str, ...]:
    return patterns(result(attempt, route=route) for route, attempt in attempts.items())


def test_failing_routes_say_who_it_is() -> None:
    assert by_route(mbr=GOOD, ipxe=GOOD) == ()
    assert by_route(mbr=WRAPPED, ipxe=GOOD, pxelinux=GOOD) == (
        "bzImage: only mbr fails (destination-wrapped); ipxe and pxelinux boot it, so it is the "
        "loader",
    )
    assert by_route(mbr=GOOD, ipxe=WRAPPED, pxelinux=WRAPPED) == (
        "bzImage: only ipxe and pxelinux fail (destination-wrapped); mbr boots it, so it is the "
        "network boot, not the kernel",
    )
    assert by_route(mbr=WRAPPED, ipxe=WRAPPED) == (
        "bzImage: all routes fail (destination-wrapped), so it is the kernel",
    )
    assert by_route(mbr=WRAPPED, ipxe=SKIPPED) == ()
    assert by_route(mbr=GOOD, grub=WRAPPED, direct=GOOD) == (
        "bzImage: only grub fails (destination-wrapped); direct and mbr boot it, so it is GRUB",
    )


def test_a_medium_that_fails_by_all_routes_is_not_the_kernels_fault() -> None:
    boots = [
        result(WRAPPED, route="disk"),
        result(WRAPPED, route="uefi-disk"),
    ]
    assert patterns(boots) == (
        "bzImage: all routes fail (destination-wrapped), so it is what was brought",
    )


def test_one_firmware_that_fails_is_told_as_that() -> None:
    def of(**attempts: Attempt) -> tuple[str, ...]:
        return patterns(
            result(attempt, route="disk" if name == "bios" else "uefi-disk",
                   firmware={"uefi_secure": "uefi-secure"}.get(name, "auto"))
            for name, attempt in attempts.items()
        )  # fmt: skip

    assert of(bios=GOOD, uefi=WRAPPED) == (
        "bzImage: only UEFI fails (destination-wrapped); BIOS boots it, so it is what is on the "
        "disk for a UEFI",
    )
    assert of(bios=WRAPPED, uefi=GOOD) == (
        "bzImage: only BIOS fails (destination-wrapped); UEFI boots it, so it is what is on the "
        "disk",
    )
    assert of(bios=GOOD, uefi=GOOD, uefi_secure=WRAPPED) == (
        "bzImage: only Secure Boot fails (destination-wrapped); UEFI boots it",
    )
    assert of(bios=GOOD, uefi=WRAPPED, uefi_secure=WRAPPED) == (
        "bzImage: only UEFI fails (destination-wrapped); BIOS boots it, so it is what is on the "
        "disk for a UEFI",
    )


def test_other_axes_make_patterns_too() -> None:
    def of(mib: int, attempt: Attempt, interface: str) -> CellResult:
        return result(attempt, memory_mib=mib, disk_interface=interface)

    boots = [
        of(16, WRAPPED, "ahci"),
        of(64, GOOD, "ahci"),
        of(16, WRAPPED, "ide"),
        of(64, GOOD, "ide"),
    ]
    assert patterns(boots) == (
        "bzImage: only memory 16 MiB fails (destination-wrapped), not 64 MiB",
    )
    assert patterns([*boots[:3], of(64, WRAPPED, "ide")]) == ()


def test_routes_that_fail_each_in_its_own_way_do_not_blame_the_kernel_alone() -> None:
    clobbered = replace(WRAPPED, cause="memory-clobbered")
    assert by_route(mbr=clobbered, grub=WRAPPED) == (
        "bzImage: all routes fail, so it is the kernel or what all of them have in common",
    )


def test_patterns_are_axes_and_are_told_in_words(tmp_path: Path) -> None:
    matrix = tmp_path / "gate.toml"
    matrix.write_text(
        "kernels = ['selfcheck:16']\n"
        "until = ['banner', 'login:']\n"
        "fail_on = 'WARNING: CPU|BUG'\n"
        "send = [['boot:=>two<enter>', 'x=>y']]\n"
    )
    cells = read_matrix(matrix).cells()
    assert [cell.plan.until for cell in cells] == ["banner", "login:"]
    assert {cell.plan.fail_on for cell in cells} == {("WARNING: CPU|BUG",)}
    assert {cell.plan.send for cell in cells} == {("boot:=>two<enter>", "x=>y")}
    assert [axes(cell)["until"] for cell in cells] == ["to banner", "to 'login:'"]
    assert axes(cells[0])["fail_on"] == "without 'WARNING: CPU|BUG'"
    on_screen = Matrix(("selfcheck:16",), None, {"until_screen": ("login:",)}).cells()[0]
    assert (axes(on_screen)["until"], axes(on_screen)["until_screen"]) == (
        "",
        "to 'login:' on the screen",
    )
    matrix.write_text("kernels = ['selfcheck:16']\nfail_on = 'WARN('\n")
    with pytest.raises(UsageError, match=r"gate.toml: fail on 'WARN\(' is no regular expression"):
        read_matrix(matrix)


def test_a_matrix_has_every_combination_once(tmp_path: Path) -> None:
    loader = tmp_path / "a.bin"
    loader.write_bytes(bytes(440))
    loader.with_suffix(".toml").write_text("[patch]\nkernel_lba = 0\n")
    matrix = Matrix(
        ("selfcheck:16", "selfcheck:32"), "selfcheck:16",
        {"loader": ("stage1", str(loader)), "route": ("mbr", "ipxe"), "memory_mib": (64, 512),
         "disk_interface": ("ahci", "ide")},
        (Expectation("bad"), Expectation("destination-wrapped", "*32", {"loader": "*.bin"})),
    )  # fmt: skip
    cells = matrix.cells()
    # of a network boot neither loader nor disk interface matters
    assert len(cells) == len(set(cells)) == 2 * 2 * (2 * 2 + 1)
    assert [cell.kernel for cell in cells] == ["selfcheck:16"] * 10 + ["selfcheck:32"] * 10
    untils = {(cell.plan.loader, cell.plan.until) for cell in cells}
    assert untils == {("stage1", "init"), (str(loader), "banner")}  # which takes no initrd
    expected = {(cell.kernel, cell.plan.loader): cell.expect for cell in cells}
    assert expected["selfcheck:32", str(loader)] == "destination-wrapped"
    assert expected["selfcheck:16", str(loader)] == expected["selfcheck:32", "stage1"] == "bad"


def test_a_matrix_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(
        'baseline = "selfcheck:16"\nkernels = ["selfcheck:32"]\nmemory_mib = [64]\n'
        'timeout_s = 9\npaths = ["grub"]\n'
        '[[expect]]\nkernel = "*32"\npath = "grub"\nresult = "bad"\n'
    )
    axes = {"memory_mib": (64,), "timeout_s": (9,), "route": ("grub",)}
    expect = (Expectation("bad", "*32", {"route": "grub"}),)
    assert read_matrix(file) == Matrix(("selfcheck:32",), "selfcheck:16", axes, expect)


def test_routes_that_boot_other_things_are_two_gates() -> None:
    with pytest.raises(UsageError, match="routes mbr, disk: they do not boot the same"):
        Matrix(("selfcheck:16",), axes={"route": ("mbr", "disk")}).cells()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kernels = [", "not a matrix"),
        ("", "kernels"),
        ('kernels = "selfcheck:16"', "kernels"),
        ("kernels = []", "no kernel"),
        ('baseline = "selfcheck:16"\nkernels = ["selfcheck:16"]', "besides it"),
        ('kernels = ["selfcheck:16"]\nmemory_mib = ["much"]', "memory_mib"),
        ('kernels = ["selfcheck:16"]\nmemory_mib = [1]', "memory 1: it has to be at least 2"),
        ('kernels = ["selfcheck:16"]\nloader = ["a.asm"]', "a.asm: No such file"),
        ('kernels = ["selfcheck:16"]\nfloppy = ["a"]', "floppy: known are"),
        ('kernels = ["selfcheck:16"]\npaths = ["floppy"]', "floppy"),
        ('kernels = ["selfcheck:x"]', "selfcheck:x"),
        ('kernels = ["selfcheck:16"]\n[[expect]]\nkernel = "*"', "expect"),
        ('kernels = ["selfcheck:16"]\n[[expect]]\nresult = "fine"', "fine"),
        (
            'kernels = ["selfcheck:16"]\n[[expect]]\nresults = "bad"',
            "number 1: results: did you mean result?",
        ),
        ('kernels = ["selfcheck:16"]\nexpect = "bad"', "expect"),
        ('kernels = ["selfcheck:16"]\ntimeout_s = nan', "timeout nan: it has to be at least 0.1"),
        ('kernels = ["selfcheck:16"]\ntimeout_s = inf', "timeout inf: it can be at most"),
        (f'kernels = ["selfcheck:16"]\nmemory_mib = {10**400}', "memory_mib has 1,329 bits"),
        ('kernels = ["selfcheck:16"]\nmemory_mib = ' + "9" * 5000, "not a matrix"),
        ('kernels = ["selfcheck:16"]\ninitrd = "\\u0000"', "no such file"),
        ('kernels = ["selfcheck:16"]\nloaders = ["/"]', "a folder, and a loader is wanted"),
        ('kernels = ["' + "a" * 5000 + '"]', "File name too long"),
        ('kernels = ["\\u0000"]', "no such file"),
        ("kernels = " + "[" * 900 + "]" * 900, ""),
        ('kernels = ["selfcheck:16"]\npaths = []', "paths: it is empty, so that nothing would"),
        ('kernels = ["selfcheck:16"]\nmemory_mib = []', "memory_mib: it is empty"),
        ('kernels = ["selfcheck:16"]\nmachine_types = ["pc,usb=on"]', "machine type 'pc,usb=on'"),
        (f'kernels = ["selfcheck:16"]\ntimeout_s = {MANY}\nidle_s = {MANY}', "4,000,000 boots"),
        (f"kernels = {KERNELS}\nmemory_mib = {MANY}", "40,000 boots, and a gate has at most"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as error:
        read_matrix(file)
    assert said in str(error.value)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


def test_the_json_is_what_the_schema_says() -> None:
    outcome = GateOutcome(
        (entry(GOOD, baseline=True), entry(GOOD, warned=True), entry(WRAPPED), entry(SKIPPED)),
        headroom=(Headroom("bzImage", "stage1", "payload", "byte", 16, None),),
        patterns=("it is the loader",),
    )
    document = json.loads(encode(gate_document(outcome)))
    jsonschema.validate(document, gate_schema())
    assert (document["standing"], document["exit_status"]) == ("bad", 1)
    assert [each["standing"] for each in document["entries"]] == [
        "good", "warning", "bad", "unknown",
    ]  # fmt: skip


def test_the_schema_in_the_documentation_is_this_one() -> None:
    written = json.loads(Path("docs/gate.schema.json").read_text())
    assert written == json.loads(json.dumps(gate_schema()))


@pytest.mark.parametrize(
    ("release", "flavour", "after"),
    [
        ("6.1.0-50-cloud-amd64", "cloud-amd64", "6.0"),
        ("6.12.107+deb13-cloud-amd64", "cloud-amd64", "6.11.9"),
        ("7.0.4+deb13-amd64", "amd64", "6.19.14"),
        ("7.3-amd64", "amd64", "7.2.13"),
        ("4.20.1", "", "4.19.300"),
        ("5.0", "", "4.20.17"),
        ("6.8.0-rc3", "", "6.7.12"),
        ("6.8.0", "", "6.8.0-rc7"),
    ],
)
def test_versions_lie_on_a_line(release: str, flavour: str, after: str) -> None:
    place, before = version_place(release), version_place(after)
    assert place
    assert before
    assert place[1] == flavour
    assert place[0] > before[0]


@pytest.mark.parametrize("version", ["2.6", "3.0", "4.20", "5.0", "6.19", "7.0", "7.19", "8.0"])
def test_a_place_has_its_version(version: str) -> None:
    place = version_place(version)
    assert place
    assert version_name(place[0]) == version


@pytest.mark.parametrize("version", ["84444444.19", "999999999.0"])
def test_a_number_that_nobody_counts_up_to_is_one(version: str) -> None:
    """A kernel names its release itself."""
    place = version_place(version)
    assert place
    assert version_name(place[0]) == version
    assert version_name(1e15)  # so far away may be a limit


@pytest.mark.parametrize(
    "release",
    ["selfcheck", "", "next-2026", "0.1.2", "1.3.100", pytest.param("9" * 5000 + ".1", id="long")],
)
def test_what_has_no_version_is_on_no_line(release: str) -> None:
    assert version_place(release) is None


def kernels(*payloads: int, flavour: str = "amd64", odd: int | None = None) -> list[BootFacts]:
    return [
        BootFacts(f"6.{number}.0-{flavour}", f"{flavour}{number}", compression="zstd",
                  payload_bytes=odd if odd and number == 2 else payload)
        for number, payload in enumerate(payloads)
    ]  # fmt: skip


def test_the_version_that_crosses_a_limit_is_projected() -> None:
    grown = kernels(*(10_000_000 + 100_000 * number for number in range(5)), odd=99_000_000)
    headroom = [
        Headroom("k", "no-carry.asm", "payload", "byte", 1, 10_650_000),
        Headroom("k", "no-carry.asm", "setup", "sector", 1, 64),
        Headroom("k", "stage1", "payload", "byte", 1, None),
    ]
    [of_amd64] = series([*grown, *grown])
    assert (of_amd64.name, len(of_amd64.points)) == ("amd64, zstd", 5)
    assert of_amd64.per_version == 100_000
    [crossing] = crossings([of_amd64], headroom)
    # 6.4 has 10,400,000, so that 6.6 still fits and 6.7 does not
    assert (crossing.version, crossing.releases) == ("6.7", 2.5)


def test_what_does_not_grow_crosses_nothing() -> None:
    headroom = [Headroom("k", "a", "payload", "byte", 1, 20_000)]
    assert not list(crossings(series(kernels(9, 8, 7)), headroom))
    assert not list(crossings(series(kernels(9, 10)), headroom))
    assert not list(crossings(series(kernels(1, 2, 3)), [replace(headroom[0], limit=10**9)]))
    [already] = crossings(series(kernels(10_000, 20_000, 30_000)), headroom)
    assert (already.version, already.releases) == ("6.2", -1)


def test_the_trend_knows_the_kernels_of_the_past_but_only_of_its_own_kind() -> None:
    past = tuple(kernels(1_000, 2_000, 3_000, 4_000)), tuple(kernels(9, 99, 999, flavour="cloud"))
    newest = replace(GOOD, facts=past[0][-1])
    headroom = (Headroom("k", "a", "payload", "byte", 1, 9_500),)
    outcome = GateOutcome((Entry(result(newest), ""),), headroom, builds=past[0][:-1] + past[1])
    [line], [crossing] = trend(outcome)
    assert (line.name, len(line.points), crossing.version) == ("amd64, zstd", 4, "6.9")
    grown = replace(outcome, entries=(Entry(result(newest, kernel="grow:4000:k"), ""),))
    assert trend(grown) == ((), ())
