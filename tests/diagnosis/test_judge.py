"""The rules, on traces made by hand: each cause from its signs alone."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.diagnosis.causes import CAUSES
from bootharness.diagnosis.judge import RULES
from bootharness.formats.bioscall import BiosCall, DiskAddressPacket
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.booted import KernelFacts, LoaderFacts
from bootharness.trace.handoff import Comparison
from bootharness.trace.machine_facts import CpuSample, MachineFacts, PostMortem
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetFile, NetworkFacts
from tests.support.traces import CHUNK, handoff, loading_trace, move, read, registers, teletype

pytestmark = pytest.mark.usefixtures("every_word")

STORY = 242 * CHUNK
MACHINE = MachineFacts("qemu-system-i386", "7.2.0", "tcg", "pc", "ide", 512 << 20, ())


def moves(payload: int, *, bits: int = 32) -> list:  # type: ignore[type-arg]
    """Return the moves of a loader whose addresses have so many bits."""
    mask = (1 << bits) - 1
    return [
        move((0x100000 + done) & mask, min(CHUNK, payload - done))
        for done in range(0, payload, CHUNK)
    ]


def cause(trace: BootTrace) -> str | None:
    return judge(trace).cause


@pytest.mark.parametrize("payload", [0, 16, CHUNK, STORY, STORY + 16, 1 << 26])
def test_right_moves_are_good(payload: int) -> None:
    calls = moves(payload)
    trace = loading_trace(payload, calls, handoff=handoff(len(calls)))
    assert judge(trace).verdict is Verdict.GOOD
    assert trace.placed_bytes == payload


@pytest.mark.parametrize("payload", [STORY + 16, 15_751_168, 17_000_000, 1 << 25])
def test_lost_carry_is_named_even_when_the_banner_appeared(payload: int) -> None:
    calls = moves(payload, bits=24)
    judgement = judge(loading_trace(payload, calls, handoff=handoff(len(calls))))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "destination-wrapped")
    for part in ("block move 242", "0x001c00", "0x1001c00", "0xff1e00", "15,735,808"):
        assert part in judgement.summary


def test_lost_carry_does_not_matter_below_the_limit() -> None:
    calls = moves(STORY, bits=24)
    trace = loading_trace(STORY, calls, handoff=handoff(len(calls)))
    assert judge(trace).verdict is Verdict.GOOD


def test_other_chunk_size_wraps_elsewhere() -> None:
    calls = [move((0x100000 + at) & 0xFFFFFF, 0x8000) for at in range(0, 17 << 20, 0x8000)]
    judgement = judge(loading_trace(17 << 20, calls, ending="guest-reset"))
    assert judgement.cause == "destination-wrapped"
    assert "block move 480 went to 0x000000 instead of 0x1000000" in judgement.summary
    consequences = [each.cause for each in judgement.consequences]
    assert consequences == ["memory-clobbered", "triple-fault"]


def test_initrd_that_wraps_is_named_too() -> None:
    calls = [move(0x100000, 1024), move(0x1FF000 & 0xFFFFFF, 512)]
    trace = loading_trace(1024, calls, handoff=handoff(2))
    disk = replace(trace.disk, initrd_bytes=512, initrd_address=0x1F1FF000)  # type: ignore[type-var]
    wrapped = [move(0x100000, 1024), move(0x1FF000, 512)]
    trace = replace(trace, disk=disk, bios_calls=tuple(wrapped))
    assert "instead of 0x1f1ff000" in judge(trace).summary


def test_read_that_failed_for_good() -> None:
    calls = [read(2048, 4), read(2052, 100), *[read(2152, 127, status=0x04)] * 5]
    judgement = judge(loading_trace(1 << 20, calls, ending="boot-failed"))
    assert judgement.cause == "disk-read-failed"
    for part in ("127 sectors at LBA 2,152", "AH=04h", "sector not found", "5 attempts"):
        assert part in judgement.summary


def test_read_that_was_repeated_with_success_is_forgiven() -> None:
    calls = [read(2048, 4), read(5000, 127, status=0x80), read(5000, 127)]
    assert cause(loading_trace(0, calls, handoff=handoff(3))) is None


def chs(cylinder_sector: int, *, status: int = 0, returned: bool = True) -> BiosCall:
    """Return an INT 13h AH=02h to 2000:0000."""
    inside = registers(eax=0x0201, ecx=cylinder_sector, edx=0x80, es=0x2000)
    outside = replace(inside, eax=status << 8, flags=1 if status else 0)
    return BiosCall(0x13, 0x02, inside, outside if returned else None, 0.0, 0.0)


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([read(5000, 127, status=0x80), read(5000, 127)], "stage1-hang"),
        ([read(5000, 127, status=0x80), read(5000, 127, status=0x80)], "disk-read-failed"),
        ([read(5000, 127, status=0x80), read(6000, 127)], "disk-read-failed"),
        ([read(5000, 127, status=0x80), chs(3)], "disk-read-failed"),
        ([chs(2, status=0x20), chs(2)], "stage1-hang"),
        ([chs(2, status=0x20), chs(2, returned=False)], "disk-read-failed"),
        ([chs(2, status=0x20), chs(3)], "disk-read-failed"),
        ([chs(2, status=0x20), read(5000, 127)], "disk-read-failed"),
    ],
)
def test_read_that_failed_is_forgiven_when_the_same_one_succeeds(
    calls: list[BiosCall], expected: str
) -> None:
    trace = loading_trace(1 << 20, calls, ending="halted")
    assert trace.disk
    assert cause(replace(trace, kernel=None, disk=replace(trace.disk, kernel_lba=None))) == expected


def test_reads_of_the_kernels_own_setup_code_do_not_count() -> None:
    calls = [read(2048, 4), read(0, 1, status=0x01)]
    assert cause(loading_trace(0, calls, handoff=handoff(1))) is None


def test_read_behind_the_end_of_the_disk_says_so() -> None:
    calls = [read((1 << 21) - 1, 127, status=0x01)]
    judgement = judge(loading_trace(1 << 20, calls, ending="boot-failed"))
    assert judgement.cause == "wrong-sectors"
    assert "the disk ends with LBA 2,097,151; the kernel begins at 2,052" in judgement.summary


def test_move_that_failed() -> None:
    trace = loading_trace(1 << 20, [move(0x100000, status=3)], ending="boot-failed")
    assert cause(trace) == "move-failed"


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (0x100200, "0x100400: it overlaps the move before by 512 bytes"),
        (0x100001, "0x100400: it overlaps the move before by 1,023 bytes"),
        (0x0FFF00, "0x100400, behind the move before"),
        (0x100401, "0x100400: it leaves a gap of 1 byte"),
    ],
)
def test_move_that_does_not_follow_the_one_before(second: int, words: str) -> None:
    calls = [move(0x100000, 1024), move(second, 1024)]
    after = handoff(2, differing=7)
    judgement = judge(loading_trace(2048, calls, ending="memory-differs", handoff=after))
    assert judgement.cause == "destination-misplaced"
    assert judgement.summary.endswith(f"instead of {words}")


def patched(call: BiosCall, at: int, *values: int) -> BiosCall:
    """Return a block move with bytes of its table changed: the source is at 0x10, the
    destination at 0x18."""
    table = bytearray.fromhex(call.table_hex)
    table[at : at + len(values)] = bytes(values)
    return replace(call, table_hex=table.hex())


@pytest.mark.parametrize("which", [0x10, 0x18])
@pytest.mark.parametrize(
    "access", [0x13, 0x83, 0xB3, 0xD3, 0x90, 0x91, 0x92, 0x93, 0x97, 0x98, 0x9A, 0x9B, 0x9F]
)
def test_access_bytes_that_a_cpu_takes(which: int, access: int) -> None:
    call = patched(move(0x100000, 1024), which + 5, access)
    written, read_from = (0x92, 0x93, 0x97), (0x90, 0x91, 0x92, 0x93, 0x97, 0x9A, 0x9B, 0x9F)
    right = access in (written if which == 0x18 else read_from)
    expected = None if right else "descriptor-invalid"
    assert cause(loading_trace(1024, [call], handoff=handoff(1))) == expected


@pytest.mark.parametrize("which", [0x10, 0x18])
@pytest.mark.parametrize(
    ("limit", "fits"), [(1021, False), (1022, False), (1023, True), (1024, True)]
)
def test_limits_that_are_too_small(which: int, limit: int, fits: bool) -> None:
    call = patched(move(0x100000, 1024), which, limit & 0xFF, limit >> 8)
    found = cause(loading_trace(1024, [call], handoff=handoff(1)))
    assert found == (None if fits else "descriptor-invalid")


@pytest.mark.parametrize(("size", "right"), [(0, True), (0x10000, True), (0x10002, False)])
def test_lengths_that_the_service_takes(size: int, right: bool) -> None:
    call = patched(patched(move(0x100000, size), 0x16, 0x80), 0x1E, 0x80)  # limits in pages
    found = cause(loading_trace(0, [call], handoff=handoff(1)))
    assert found == (None if right else "descriptor-invalid")


@pytest.mark.parametrize("payload", [1 << 24, (15 << 20) - 16, 15 << 20, (15 << 20) + 16])
def test_what_a_lost_carry_says_of_the_limit(payload: int) -> None:
    calls = [
        move(at & 0xFFFFFF, 0x8000) for at in range(1 << 20, (1 << 20) + (15 << 20) + 1, 0x8000)
    ]
    judgement = judge(loading_trace(payload, calls, ending="guest-reset"))
    assert ("place more than 15,728,640 bytes" in judgement.summary) == (payload > 15 << 20)


@pytest.mark.parametrize("chosen", [True, False])
def test_first_move_that_wraps(chosen: bool) -> None:
    entered = handoff(1)
    trace = loading_trace(1024, [move(0x2000, 1024)], handoff=entered, milestones=())
    assert trace.kernel
    header = replace(trace.kernel.header, code32_start=0x1002000)
    told = replace(trace, handoff=replace(entered, header=header))
    assert cause(told if chosen else trace) == (
        "destination-wrapped" if chosen else "payload-truncated"
    )


@pytest.mark.parametrize("bios", ["286", "dosbox"])
def test_descriptors_that_are_right_but_not_for_an_old_bios(bios: str) -> None:
    trace = loading_trace(STORY + 16, moves(STORY + 16), ending="guest-reset", tracer="emulator")
    judgement = judge(replace(trace, machine=replace(MACHINE, bios=bios)))
    assert judgement.cause == "destination-wrapped"
    assert "the descriptor says so, but this BIOS does not take bits 24 to 31" in judgement.summary


def test_prediction_has_no_times() -> None:
    calls = moves(1024)
    trace = loading_trace(1024, calls, handoff=handoff(1), tracer="emulator")
    assert judge(trace).summary.startswith("reached banner, ")
    assert judge(
        replace(trace, milestones=(Milestone("banner", 0.25),), tracer="recorder")
    ).summary.startswith("reached banner in 0.25 s, ")


def entered(
    drive: int, *, packet: bool = False, es: int = 0, bx: int = 0x7C00, ok: bool = True
) -> BiosCall:
    """Return the BIOS's own read of a boot sector."""
    if packet:
        call = read(0, 1, status=0 if ok else 1)
        where = DiskAddressPacket(16, 0, 1, bx, es, 0)
        inside = replace(call.registers_in, edx=drive, cs=0xF000)
        return replace(call, registers_in=inside, packet=where)
    inside = registers(eax=0x0201, ecx=1, edx=drive, es=es, ebx=bx, cs=0xF000)
    return BiosCall(
        0x13, 0x02, inside, replace(inside, eax=0 if ok else 0x0100, flags=0 if ok else 1), 0.0, 0.0
    )


@pytest.mark.parametrize(
    ("calls", "drive"),
    [
        ([entered(0x81)], 0x81),
        ([entered(0x80), entered(0x81)], 0x81),
        ([entered(0x81), entered(0x80)], None),
        ([entered(0x80), entered(0x81, ok=False)], None),
        ([entered(0x81, packet=True)], 0x81),
        ([entered(0x81, es=0x7C0, bx=0)], 0x81),
        ([entered(0x81, es=0x7C0, bx=0x10000)], 0x81),
        ([entered(0x81, es=0x7C0, bx=0x200)], None),
        ([replace(entered(0x81), function=0x03)], None),
        ([replace(entered(0x81), number=0x15)], None),
        ([], None),
    ],
)
def test_drive_that_was_booted_from(calls: list[BiosCall], drive: int | None) -> None:
    disks = [read(3000, 1), *moves(1024)]
    judgement = judge(loading_trace(1 << 20, [*calls, *disks], ending="guest-reset"))
    assert ("booted from drive 0x81, but the loader read from drive 0x80" in judgement.summary) == (
        drive == 0x81
    )


@pytest.mark.parametrize("spans", [1, 3, 4, 5, 6])
def test_sectors_that_are_not_the_kernels(spans: int) -> None:
    calls = [read(9000 + 100 * each, 1) for each in range(spans)]
    judgement = judge(loading_trace(1 << 20, calls, ending="halted"))
    assert judgement.cause == "wrong-sectors"
    assert judgement.summary.endswith(", ...") == (spans > 4)


@pytest.mark.parametrize(
    ("differing", "compared", "expected"),
    [(0, 1000, None), (7, 1000, "wrong-sectors"), (None, 0, None)],
)
def test_reads_elsewhere_are_forgiven_when_the_kernel_is_whole(
    differing: int | None, compared: int, expected: str | None
) -> None:
    calls = [read(9000, 2), move(0x100000, 1024)]
    after = handoff(2, differing=differing or 0, compared=compared)
    if differing is None:
        after = replace(after, payload=None)
    assert cause(loading_trace(1024, calls, handoff=after)) == expected


@pytest.mark.parametrize("last", [2050, 2051, 2052, 2053])
@pytest.mark.parametrize("buffer", [0x1000, 0x1020, 0x1040])
def test_sector_before_the_kernel_that_was_taken_for_its_first(last: int, buffer: int) -> None:
    first = replace(read(2051, 1), packet=DiskAddressPacket(16, 0, 1, 0, 0x1000, 2051))
    rest = replace(read(last, 4), packet=DiskAddressPacket(16, 0, 4, 0, buffer, last))
    chs_read = chs(9)
    trace = gave_up(first, rest, chs_read) if last == 2050 else gave_up(first, rest)
    known = loading_trace(1 << 20, [])
    assert trace.disk
    disk = replace(trace.disk, kernel_lba=2052)
    judge(replace(trace, kernel=known.kernel, disk=disk))


def test_last_read_of_the_disk_that_fails_is_not_behind_its_end() -> None:
    call = read((1 << 21) - 1, 1, status=4)
    assert cause(loading_trace(1 << 20, [read(2052, 8), call], ending="halted")) != "wrong-sectors"


def test_service_without_a_name() -> None:
    inside = registers(eax=0x7700)
    call = BiosCall(0x15, 0x77, inside, inside, 0.0, 0.0)
    assert (
        "INT 15h AH=77h from 0000:0000" in judge(gave_up(read(2048, 1), call, kind="idle")).summary
    )


def test_mode_that_the_cpu_was_last_seen_in() -> None:
    samples = looks(0x7C42)[:1] + looks(0x7C52)[:1] + looks(0x7C62, "protected")[:1]
    judgement = judge(replace(gave_up(read(2048, 1), kind="loop"), samples=samples))
    assert judgement.diagnosis
    assert "in protected mode" in judgement.diagnosis.evidence[0]


def test_third_move_that_copies_from_where_nothing_was_read_to() -> None:
    calls = [read(2052, 8), move(0x100000, 1024), move(0x100400, 1024), move(0x100800, 1024)]
    stray = bytearray.fromhex(calls[3].table_hex)
    stray[0x12:0x15] = (0x40000).to_bytes(3, "little")
    calls[3] = replace(calls[3], table_hex=stray.hex())
    after = handoff(4, differing=7)
    judgement = judge(loading_trace(3072, calls, ending="memory-differs", handoff=after))
    assert judgement.cause == "payload-corrupt"
    assert "block move 2 copied from 0x040000" in judgement.summary


def test_memory_that_differs() -> None:
    calls = moves(1024)
    trace = loading_trace(1024, calls, ending="memory-differs", handoff=handoff(1, differing=7))
    judgement = judge(trace)
    assert judgement.cause == "payload-corrupt"
    assert "7 of 1,000 bytes, first at offset 10 (0x10000a)" in judgement.summary


def test_kernel_entered_before_all_of_it_was_placed() -> None:
    calls = moves(STORY)[:-1]
    trace = loading_trace(STORY, calls, handoff=handoff(len(calls)))
    judgement = judge(trace)
    assert judgement.cause == "payload-truncated"
    assert f"{STORY - CHUNK:,} of {STORY:,} bytes" in judgement.summary


def test_kernel_file_that_is_cut_short() -> None:
    trace = loading_trace(1024, moves(1024), handoff=handoff(1))
    kernel: KernelFacts = replace(trace.kernel, missing_bytes=100)  # type: ignore[type-var]
    judgement = judge(replace(trace, kernel=kernel))
    assert judgement.cause == "payload-truncated"
    assert "924 bytes of the 1,024" in judgement.summary


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 0x203}, "boot protocol is 2.03"),
        ({"loadflags": 0}, "LOADED_HIGH is not set"),
        ({"setup_sects": 65}, "setup_sects is 65"),
        ({"version": 0x204, "setup_sects": 64}, "nothing that stage1 would refuse"),
    ],
)
def test_loader_that_refuses_the_kernel(changes: dict[str, int], words: str) -> None:
    calls = [read(2052, 1), *teletype("stage1: K\r\n")]
    trace = loading_trace(1024, calls, ending="boot-failed")
    assert trace.kernel
    header = replace(trace.kernel.header, **changes)
    judgement = judge(replace(trace, kernel=replace(trace.kernel, header=header)))
    assert judgement.cause == "kernel-rejected"
    assert "'stage1: K'" in judgement.summary
    assert words in judgement.summary


def test_loader_that_says_something_and_runs_on_has_refused_nothing() -> None:
    calls = [read(2052, 1), *teletype("stage1: K\r\n")]
    assert cause(loading_trace(1024, calls, ending="loop")) == "stage1-hang"


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Ending("panic", 1.0, "VFS: Unable to mount root fs"), "no-init"),
        (Ending("panic", 1.0, "Attempted to kill init!"), "kernel-panic"),
        (Ending("complaint", 1.0, "This kernel requires an x86-64 CPU, but"), "wrong-cpu"),
        (Ending("guest-reset", 1.0), "triple-fault"),
        (Ending("complaint", 1.0, "Decoding failed\n\n -- System halted"), "decompress-failed"),
        (Ending("idle", 1.0), "stage1-hang"),
        (Ending("loop", 1.0), "stage1-hang"),
        (Ending("halted", 1.0), "stage1-hang"),
        (Ending("waits-for-key", 1.0), "stage1-hang"),
        (Ending("boot-failed", 1.0), "kernel-rejected"),
        (Ending("timeout", 1.0), "timed-out"),
        (Ending("guest-shutdown", 1.0), "guest-powered-off"),
        (Ending("guest-suspended", 1.0), "guest-suspended"),
    ],
)
def test_what_shows_in_the_ending(ending: Ending, expected: str) -> None:
    judgement = judge(replace(loading_trace(0, [read(2048, 4)]), ending=ending))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, expected)
    assert " ".join(ending.detail.split()) in judgement.summary


def looks(linear: int, mode: str = "real", **more: bool) -> tuple[CpuSample, ...]:
    """Return what several looks at a CPU saw that was always in one place."""
    flags = {"halted": False, "interrupts": True, **more}
    return (CpuSample(1.0, linear, linear >> 4, linear & 15, mode, **flags),) * 5


@pytest.mark.parametrize("kind", ["loop", "idle", "halted"])
@pytest.mark.parametrize(
    ("samples", "milestones", "expected"),
    [
        (looks(0x7C42), (), "stage1-hang"),
        (looks(0xF1234), (), "bios-hang"),
        (looks(0xF1234), ("bios-handoff",), "stage1-hang"),
        (looks(0x10242), ("setup-entered",), "setup-hang"),
        (looks(0x100042, "protected"), ("setup-entered", "protected-mode"), "decompress-failed"),
        (
            looks(0xFFFFFFFF81000042, "long"),
            ("setup-entered", "protected-mode"),
            "kernel-silent",
        ),
        (
            looks(0xFFFFFFFF81000042, "long"),
            ("setup-entered", "protected-mode", "banner"),
            "kernel-hang",
        ),
    ],
)
def test_hang_is_named_by_where_it_is(
    kind: str, samples: tuple[CpuSample, ...], milestones: tuple[str, ...], expected: str
) -> None:
    points = tuple(Milestone(name, 0.5) for name in milestones)
    calls = moves(1024)
    trace = loading_trace(
        1024,
        calls,
        ending=kind,
        samples=samples,
        milestones=points,
        handoff=handoff(len(calls)) if "setup-entered" in milestones else None,
    )
    if expected == "kernel-silent" and kind != "idle":
        expected = "kernel-hang"  # nobody can get on unseen in a loop, or halted
    assert cause(trace) == expected


@pytest.mark.parametrize(
    ("samples", "milestones", "expected"),
    [
        (looks(0x7C42), (), "triple-fault"),
        (looks(0x10242), ("setup-entered",), "triple-fault"),
        (looks(0x100042, "protected"), ("setup-entered", "protected-mode"), "decompress-failed"),
        (looks(0xFFFFFFFF81000042, "long"), ("protected-mode",), "kernel-reset"),
        (looks(0xF1234), ("protected-mode", "banner"), "kernel-reset"),
    ],
)
def test_reset_is_named_by_how_far_it_came(
    samples: tuple[CpuSample, ...], milestones: tuple[str, ...], expected: str
) -> None:
    points = tuple(Milestone(name, 0.5) for name in milestones)
    calls = moves(1024)
    trace = loading_trace(
        1024,
        calls,
        ending="guest-reset",
        samples=samples,
        milestones=points,
        handoff=handoff(len(calls)) if points else None,
    )
    assert cause(trace) == expected


def gave_up(*calls: BiosCall, kind: str = "boot-failed") -> BootTrace:
    """Return the trace of a boot from a disk of which nothing is known, which was given up."""
    trace = loading_trace(0, list(calls), ending=kind)
    assert trace.disk
    return replace(trace, kernel=None, disk=replace(trace.disk, kernel_lba=None, cmdline_lba=None))


def failed(service: int, status: int) -> BiosCall:
    """Return a call that failed and is no read."""
    inside = registers(eax=service << 8)
    return BiosCall(0x13, service, inside, replace(inside, eax=status << 8, flags=1), 0.0, 0.0)


@pytest.mark.parametrize("kind", ["boot-failed", "bootstrap"])
@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ([failed(0x41, 1)], "; EDD extensions check had failed: invalid"),
        ([failed(0x08, 1), failed(0x41, 0x80), *teletype("no disk\r\n")], "saying 'no disk'; "),
        (teletype("Booting\r\nNo bootable device.\r\n", cs=0xF000),
         "the BIOS gave up with {}, saying 'No bootable device.'"),
        ([failed(0x10, 1)] * 6, "the loader gave up with {}"),
        ([], "the BIOS gave up with {}"),
    ],
)  # fmt: skip
def test_who_gave_up_and_why(kind: str, calls: list[BiosCall], words: str) -> None:
    judgement = judge(gave_up(*calls, kind=kind))
    assert judgement.cause == "loader-gave-up"
    how = "INT 18h" if kind == "boot-failed" else "INT 19h"
    assert words.format(how) in judgement.summary


@pytest.mark.parametrize("kind", ["timeout", "idle", "unheard-of"])
@pytest.mark.parametrize("reached", [(), ("stage1",), ("stage1", "mbr", "setup-loaded")])
def test_what_was_last_seen_of_a_boot_that_nothing_explains(
    kind: str, reached: tuple[str, ...]
) -> None:
    calls = [read(2048 + each, 1) for each in range(6)]
    points = tuple(Milestone(name, 0.5) for name in reached)
    judge(replace(gave_up(*calls, kind=kind), milestones=points))


@pytest.mark.parametrize("memory_mib", [66, 67, 68])
def test_memory_that_the_kernel_needs_to_unpack_itself(memory_mib: int) -> None:
    calls = moves(1024)
    trace = loading_trace(
        1024, calls, ending="guest-reset", handoff=handoff(1),
        milestones=(Milestone("protected-mode", 0.5),), samples=looks(0x100042, "protected"),
    )  # fmt: skip
    assert trace.kernel
    header = replace(trace.kernel.header, pref_address=1 << 24, init_size=51 << 20)
    machine = replace(MACHINE, memory_bytes=memory_mib << 20)
    kernel = replace(trace.kernel, header=header)
    judgement = judge(replace(trace, kernel=kernel, machine=machine))
    assert ("it needs memory up to 0x4300000" in judgement.summary) == (memory_mib < 67)


@pytest.mark.parametrize("places", [1, 3, 4, 5, 6])
def test_where_the_cpu_was_seen(places: int) -> None:
    samples = tuple(sample for at in range(places) for sample in looks(0x7C42 + 16 * at))
    judgement = judge(replace(gave_up(read(2048, 1), kind="loop"), samples=samples))
    assert judgement.diagnosis
    assert ("more places" in judgement.diagnosis.evidence[0]) == (places > 4)


def test_hang_before_any_call_is_the_bios_own() -> None:
    judgement = judge(replace(gave_up(kind="loop"), samples=looks(0xF1234)))
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "bios-stuck")
    assert "; it had not entered a boot sector, so nothing of what" in judgement.summary


def test_every_rule_names_a_cause_that_is_explained() -> None:
    assert {name for name, _ in RULES} <= set(CAUSES)
    for found in CAUSES.values():
        assert found.meaning.endswith(".")
        assert found.advice[-1] in ".?"


def test_what_we_could_not_find_out_is_skipped_whatever_else_is_seen() -> None:
    calls = moves(STORY + 16, bits=24)
    ending = Ending("skipped", 1.0, "QEMU went away", "machine-lost")
    judgement = judge(replace(loading_trace(STORY + 16, calls), ending=ending))
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "machine-lost")
    assert judgement.verdict.exit_status == 125


@pytest.mark.parametrize(
    ("pointer", "segment", "recorded", "clobbered"),
    [
        (0x7C00, 0, True, False),  # right below
        (0x7C05, 0, True, False),
        (0x7C06, 0, True, True),
        (0x7D00, 0, False, True),
        (0x0000, 0x7D0, True, True),
        (0x7DB0, 0, True, True),
        (0x7DC0, 0, True, False),  # above it
        (0x7D00, 0x1000, False, False),
        (0x7D00, None, False, False),  # nobody knows
    ],
)
def test_stack_of_the_loader_in_its_own_code(
    pointer: int, segment: int | None, recorded: bool, clobbered: bool
) -> None:
    call = read(5000, 127, status=0x80)
    inside = replace(call.registers_in, esp=pointer, ss=segment if recorded else None, eax=0x4200)
    trace = loading_trace(1024, [replace(call, registers_in=inside)], ending="idle")
    if segment is not None and not recorded:
        cpu = CpuSample(0.5, 0x7C10, 0, 0x7C10, "real", halted=False, interrupts=True)
        said = f"ES =6ffe 0006ffe0 ffffffff\nSS ={segment:04x} 00000000 0000ffff\n"
        seen = PostMortem("running", cpu, said, 16, 0, "", "")
        elsewhere = replace(seen, cpu=replace(cpu, linear=0xFFFF0))
        assert cause(replace(trace, post_mortem=elsewhere)) != "memory-clobbered"
        trace = replace(trace, post_mortem=seen)
    assert (cause(trace) == "memory-clobbered") == clobbered
    whole = replace(trace, handoff=handoff(1), ending=Ending("reached", 1.0))
    assert cause(whole) != "memory-clobbered"


def test_what_was_proven_before_something_not_emulated_stays(
    ending: Ending = Ending("skipped", 0.0, "port 0x43", "not-emulated"),  # noqa: B008 - frozen
) -> None:
    wrapped = replace(loading_trace(STORY + 16, moves(STORY + 16, bits=24)), ending=ending)
    assert cause(wrapped) == "destination-wrapped"
    whole = replace(loading_trace(STORY, moves(STORY)), ending=ending)
    assert (judge(whole).verdict, cause(whole)) == (Verdict.SKIP, "not-emulated")
    other = replace(ending, cause="machine-lost")
    assert cause(replace(wrapped, ending=other)) == "machine-lost"


def test_tracers_that_differ_are_not_trusted() -> None:
    calls = moves(1024)
    good = loading_trace(1024, calls, handoff=handoff(1), gdb_calls=tuple(calls))
    assert judge(good).verdict is Verdict.GOOD
    other = replace(good, gdb_calls=(move(0x100010, 1024),))
    judgement = judge(other)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "tracers-disagree")
    assert "0x100000" in judgement.summary
    assert "0x100010" in judgement.summary


def test_calls_of_a_boot_manager_from_where_gdb_does_not_watch_are_no_disagreement() -> None:
    seen = moves(1024)
    elsewhere = replace(teletype("x")[0], registers_in=registers(eax=0x0E78, cs=0x5678))
    both = loading_trace(1024, [elsewhere, *seen], handoff=handoff(2), gdb_calls=tuple(seen))
    assert judge(both).verdict is Verdict.GOOD
    named = replace(both, loader=LoaderFacts("stage1", "0" * 64, {}))
    assert judge(named).cause == "tracers-disagree"


CUT = "[    1.33] Initramfs unpacking failed: write error\r\n"
MEMORY = (
    "Memory: 260860K/523896K available (14343K kernel code, 2K rwdata, 475284K reserved, 0K cma)"
)


@pytest.mark.parametrize("until", ["init", "banner"])
@pytest.mark.parametrize(("told", "needs"), [(MEMORY, 1269), ("", 1268)])
def test_initrd_that_was_not_unpacked_whole_makes_a_boot_bad(
    until: str, told: str, needs: int
) -> None:
    trace = loading_trace(CHUNK, moves(CHUNK), machine=MACHINE, serial=f"{told}\r\n{CUT}")
    assert trace.disk
    disk = replace(trace.disk, initrd_bytes=400 << 20)
    judgement = judge(replace(trace, until=until, disk=disk))
    assert judgement.cause == "initramfs-cut"
    assert f"it needs {needs:,} MiB, more if it is compressed, and the machine has 512" in (
        judgement.summary
    )


@pytest.mark.parametrize("why", ["read error", "ZSTD-compressed data is truncated"])
def test_initrd_of_which_a_part_was_unpacked_makes_a_boot_bad_that_came_as_far_as_wanted(
    why: str,
) -> None:
    said = f"[    1.33] Initramfs unpacking failed: {why}\r\n"
    trace = loading_trace(CHUNK, moves(CHUNK), machine=MACHINE, serial=said)
    assert trace.disk
    judgement = judge(replace(trace, disk=replace(trace.disk, initrd_bytes=9000)))
    assert judgement.cause == "initramfs-cut"
    assert "files of the initrd of 9,000 bytes are missing, for it is cut" in judgement.summary
    junk = said.replace(why, "junk within compressed archive")
    assert judge(replace(trace, serial=junk)).cause is None


def came_with(size: int, *names: str) -> NetworkFacts:
    """Return a network that brought such files, each of them so large."""
    files = tuple(
        NetFile(name, "tftp", "", size * (at + 1), "", 1.0, 2.0, size, "served")
        for at, name in enumerate(names)
    )
    roles = {"kernel": "vmlinuz", "initrd": "initrd.img"}
    return NetworkFacts("ipxe", "bios", "virtio", "wire", "", roles, files=files)


@pytest.mark.parametrize("memory_mib", [512, None])
@pytest.mark.parametrize(
    ("source", "mib"),
    [("disk", 100), ("network", 200), ("memory", 100), ("other files", None), ("nowhere", None)],
)
def test_size_of_an_initrd_that_was_not_unpacked_whole_is_taken_where_it_is_known(
    source: str, mib: int | None, memory_mib: int | None
) -> None:
    size = 100 << 20
    trace = loading_trace(CHUNK, moves(CHUNK), serial=CUT)
    assert trace.disk
    if source == "disk":
        trace = replace(trace, disk=replace(trace.disk, initrd_bytes=size))
    elif source == "network":
        trace = replace(trace, disk=None, network=came_with(size, "vmlinuz", "initrd.img"))
    elif source == "memory":
        trace = replace(trace, handoff=replace(handoff(1), initrd=Comparison(1 << 24, size)))
    elif source == "other files":
        trace = replace(trace, network=came_with(size, "vmlinuz"), handoff=handoff(1))
    machine = replace(MACHINE, memory_bytes=memory_mib << 20) if memory_mib else None
    judgement = judge(replace(trace, machine=machine))
    assert judgement.cause == "initramfs-cut"
    what = f"the initrd of {mib << 20:,} bytes are" if mib else "the initrd are"
    assert f"files of {what} missing" in judgement.summary
    assert ("and the machine has 512" in judgement.summary) == bool(mib and memory_mib)


@pytest.mark.parametrize("lines", [0, 1, 2, 3, 4])
def test_panic_is_shown_with_the_three_lines_before_it(lines: int) -> None:
    panic = "Kernel panic - not syncing: Attempted to kill init!"
    said = [f"line {at}" for at in range(lines)] + [panic, "Call Trace:"]
    trace = loading_trace(CHUNK, moves(CHUNK), ending="panic", serial="\r\n".join(said))
    judgement = judge(trace)
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == tuple(said[:-1][-4:])


@pytest.mark.parametrize("length", [159, 160, 161, 400])
def test_of_what_a_loader_says_the_end_is_quoted(length: int) -> None:
    said = "".join(f"{at:05}" for at in range(80))[:length]
    summary = judge(gave_up(*teletype(f"{said}\r\n"))).summary
    assert f"saying '{said if length <= 160 else '...' + said[-160:]}'" in summary


def test_of_what_a_bios_says_the_last_line_is_quoted() -> None:
    calls = teletype("SeaBIOS\r\nBooting\r\nNo bootable device.\r\n", cs=0xF000)
    assert "saying 'No bootable device.'" in judge(gave_up(*calls)).summary


@pytest.mark.parametrize(
    "said", ["junk within compressed archive", "Decoding failed", "invalid magic at start"]
)
def test_what_stands_behind_an_archive_does_no_harm(said: str) -> None:
    serial = CUT.replace("write error", said)
    judgement = judge(loading_trace(CHUNK, moves(CHUNK), machine=MACHINE, serial=serial))
    assert judgement.cause is None


@pytest.mark.parametrize("ending", ["foreseen", "boot-program"])
def test_kernel_that_no_uefi_can_start(ending: str) -> None:
    uefi = replace(MACHINE, bios=None, firmware="uefi")
    trace = loading_trace(CHUNK, [], disk=None, machine=uefi)
    assert trace.kernel
    trace = replace(trace, ending=Ending(ending, 0.0, "the kernel has no EFI stub"))
    without = replace(trace, kernel=replace(trace.kernel, efi_stub=False))
    judgement = judge(without)
    assert judgement.cause == "no-efi-stub"
    assert "CONFIG_EFI_STUB" in judgement.summary
    assert judge(trace).cause != "no-efi-stub"
    elsewhere = judge(replace(without, machine=MACHINE))
    assert (elsewhere.cause == "no-efi-stub") == (ending == "foreseen")
    booted = judge(replace(without, milestones=(Milestone("banner", 0.5),)))
    assert (booted.cause == "no-efi-stub") == (ending == "foreseen")


def test_kernel_of_32_bits_for_a_uefi_of_64() -> None:
    trace = loading_trace(CHUNK, [], disk=None)
    said = "the kernel has 32 bits, and a 64-bit UEFI starts none of them"
    judgement = judge(replace(trace, ending=Ending("foreseen", 0.0, said)))
    assert (judgement.cause, judgement.summary) == ("efi-refused", said)
    assert judge(replace(trace, ending=Ending("idle", 0.0, said))).cause != "efi-refused"


def test_boot_that_other_things_rule_out_is_not_blamed_on_the_stub() -> None:
    trace = loading_trace(CHUNK, [], disk=None)
    assert trace.kernel
    said = "the initrd has 100 bytes, and the machine has 50"
    kernel = replace(trace.kernel, efi_stub=False)
    judgement = judge(replace(trace, kernel=kernel, ending=Ending("foreseen", 0.0, said)))
    assert (judgement.cause, judgement.summary.endswith(said)) == ("initrd-misplaced", True)


@pytest.mark.parametrize("flags", [None, 0, 1, 2, 4, 8, 12])
def test_kernel_without_a_stub_may_have_an_entry_for_a_uefi(flags: int | None) -> None:
    trace = loading_trace(CHUNK, [], disk=None)
    trace = replace(trace, ending=Ending("foreseen", 0.0, "the kernel has no EFI stub"))
    assert trace.kernel
    header = replace(trace.kernel.header, xloadflags=flags)
    kernel = replace(trace.kernel, efi_stub=False, header=header)
    judgement = judge(replace(trace, kernel=kernel))
    assert judgement.diagnosis
    told = "XLF_EFI_HANDOVER" in judgement.diagnosis.evidence[0]
    assert told != bool(flags and flags & 12)
