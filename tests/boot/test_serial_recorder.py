"""The recorder of a real machine, which QEMU plays: what comes over the line is what QEMU's own
recorder tells of the same boot."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import ToolMissing, UsageError
from bootharness.formats.bioscall import BiosCall
from bootharness.hardware.recorder_forms import gap_needed, installed, removed
from bootharness.hardware.watch_line import Booted, watch_line
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import AUTO, BootPlan
from bootharness.routes.disk import DiskImage
from bootharness.routes.grub import grub_disk
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from bootharness.trace.boot_trace import BootTrace
from tests.support import media
from tests.support.boots import settled
from tests.support.builders import no_carry
from tests.support.faults import FAULTS, Fault, laid_out
from tests.support.played_machine import played, recorded

SELFCHECK, WRAPS = "selfcheck:1000000", "selfcheck:17000000"
LIMIT_S, SILENCE_S, START_S = 120.0, 10.0, 60.0
LOADED = 14_127_616  # as Debian's cloud kernel of 6.1
LINE_BYTES = 17_280  # 1.5 s
# what a line shows of causes that it cannot tell apart: why a machine was reset, what its setup
# code does, what a kernel is given that is entered past it, and what is on its screen, is not to be
# seen. Silent is a loader, too, that has switched the machine off, or has written to a port that
# QEMU alone has.
_UNSEEN = {
    "boot-params-wrong": None,
    "decompress-failed": "kernel-silent",
    "setup-hang": "kernel-silent",
    "triple-fault": "machine-reset",
    "reset-bios": "machine-reset",
    "reset-keyboard": "machine-reset",
    "reset-port-92": "machine-reset",
    "reset-cf9": "machine-reset",
    "guest-powered-off": "stage1-hang",
    "guest-suspended": "stage1-hang",
    "port-misused": "stage1-hang",
}
# a fault of such a cause of which a line shows more
_SEEN = {"ud2 at the 32-bit entry": "machine-reset"}


def watched(
    disk: DiskImage,
    folder: Path,
    form: str,
    until: str = "setup",
    source: str = "",
    silence_s: float = SILENCE_S,
    **changes: object,
) -> BootTrace:
    path, words = recorded(disk, form, folder)
    booted = Booted(source, disk.kernel, disk.loader, disk, until=until, recorder=form != "none")
    with played(path, folder, *words, **changes) as line:  # type: ignore[arg-type]
        return watch_line(line, booted, timeout_s=LIMIT_S, silence_s=silence_s, start_s=START_S)


def named(source: str, loader: Loader, folder: Path) -> DiskImage:
    plan = settled(BootPlan(until="setup"))
    return lay_out(fetch(source), loader, plan).write(folder / "disk.img")


def told(calls: tuple[BiosCall, ...]) -> Iterator[SimpleNamespace]:
    """Yield of reads and moves what matters of them."""
    for call in calls:
        registers = call.registers_in
        if call.packet is None and not call.table_hex:
            continue
        size = registers.ecx & 0xFFFF if call.table_hex else 0
        yield SimpleNamespace(
            service=(call.number, call.function),
            at=(registers.cs, registers.ip),
            table=call.table,
            packet=call.packet,
            words=size,
            returned=(call.status_name, call.failed),
        )


def same_calls(line: BootTrace, qemu: BootTrace) -> None:
    assert [*told(line.loader_calls)] == [*told(qemu.loader_calls)]
    assert line.placed_bytes == qemu.placed_bytes
    assert [(each.destination, each.bytes) for each in line.block_moves] == [
        (each.destination, each.bytes) for each in qemu.block_moves
    ]


@pytest.mark.long
@pytest.mark.parametrize("form", ["mbr", "pxe"])
def test_a_good_boot_is_the_same_on_the_line(form: str, tmp_path: Path) -> None:
    disk = named(SELFCHECK, Loader.stage1(), tmp_path)
    qemu = boot(disk, BootPlan(until="setup"))
    line = watched(disk, tmp_path, form)
    judgement = judge(line)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert "by the sums of 16 pieces of 64 KiB" in judgement.summary
    same_calls(line, qemu)
    assert line.handoff
    assert qemu.handoff
    assert line.handoff.header == qemu.handoff.header
    assert line.handoff.cmdline == qemu.handoff.cmdline
    assert line.handoff.release == qemu.handoff.release
    assert line.handoff.registers.cs == qemu.handoff.registers.cs


@pytest.mark.long
@pytest.mark.parametrize("form", ["mbr", "pxe"])
@pytest.mark.sample(4)
def test_the_bug_of_the_story_is_named_from_the_line_alone(form: str, tmp_path: Path) -> None:
    disk = named(WRAPS, Loader.read(no_carry(tmp_path)), tmp_path)
    qemu = boot(disk, BootPlan(until="setup"))
    line = watched(disk, tmp_path, form)
    assert judge(line).cause == judge(qemu).cause == "destination-wrapped"
    assert judge(line).summary == judge(qemu).summary
    assert line.ending.kind in ("guest-reset", "idle")  # what the wreck does is its own affair
    same_calls(line, qemu)


@pytest.mark.long
def test_a_large_kernel_takes_little_of_the_line(tmp_path: Path) -> None:
    disk = named(f"selfcheck:{LOADED}", Loader.stage1(), tmp_path)
    path, words = recorded(disk, "mbr", tmp_path)
    booted = Booted("", disk.kernel, disk.loader, disk)
    with played(path, tmp_path, *words) as line:
        trace = watch_line(line, booted, timeout_s=LIMIT_S, silence_s=SILENCE_S, start_s=START_S)
    assert judge(trace).verdict is Verdict.GOOD
    assert line.bytes < LINE_BYTES


# how much memory a real machine has nobody knows there
PLAYED = [fault for fault in FAULTS if not fault.qemu and "memory_mib" not in fault.options]
SLOW_S = 60.0  # Linux unpacks itself without a word
_PROGRAM = "qemu-system-x86_64"


@pytest.mark.long
@pytest.mark.sample(16)
@pytest.mark.parametrize("fault", PLAYED, ids=[fault.name for fault in PLAYED])
def test_a_fault_has_the_cause_that_qemu_gives(fault: Fault, tmp_path: Path) -> None:
    _, plan, disk = laid_out(fault, tmp_path)
    form = "pxe" if fault.cause == "no-boot-signature" else "mbr"
    silence_s = SLOW_S if str(fault.source).startswith("deb:") else SILENCE_S
    until = settled(plan).until
    line = watched(
        disk, tmp_path, form, until, silence_s=silence_s, memory_mib=plan.machine.memory_mib,
        qemu=_PROGRAM if plan.machine.qemu == AUTO else plan.machine.qemu,
    )  # fmt: skip
    cause = _SEEN.get(fault.name) or _UNSEEN.get(fault.cause or "", fault.cause)
    judgement = judge(line)
    assert judgement.cause == cause, judgement.summary
    assert judgement.verdict is (Verdict.BAD if cause else Verdict.GOOD) or cause == "kernel-silent"


def test_a_loader_without_symbols_is_recorded(tmp_path: Path) -> None:
    disk = named(SELFCHECK, Loader.stage1(), tmp_path)
    unknown = DiskImage.existing(disk.path)
    qemu = boot(disk, BootPlan(until="setup"))
    line = watched(unknown, tmp_path, "mbr")
    assert judge(line).verdict is Verdict.GOOD, judge(line).summary
    assert line.kernel is None
    assert [*told(line.loader_calls)] == [*told(qemu.loader_calls)]


@pytest.mark.long
def test_grub_is_recorded_from_the_network(tmp_path: Path) -> None:
    plan = settled(BootPlan(route="grub", until="setup"))
    try:
        disk = grub_disk(tmp_path / "grub.img", fetch(SELFCHECK), plan)
    except ToolMissing as error:
        pytest.skip(str(error))
    with pytest.raises(UsageError, match=r"between the MBR and the first partition"):
        installed(disk.path.read_bytes()[:gap_needed])
    qemu = boot(fetch(SELFCHECK), plan)
    line = watched(disk, tmp_path, "pxe")
    assert judge(qemu).verdict is Verdict.GOOD, judge(qemu).summary
    judgement = judge(line)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    same_calls(line, qemu)


@pytest.mark.long
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("config", "cause", "words"),
    [
        ("set timeout=-1\nmenuentry one { true }\n", "boot-menu-waits", "waits for a person"),
        ("linux16 /nope\n", "boot-manager-error", '"error: file `/nope\' not found."'),
    ],
)
def test_a_menu_of_which_nothing_is_known_is_read_from_the_line(
    config: str, cause: str, words: str, tmp_path: Path
) -> None:
    disk = DiskImage.existing(media.grub_disk(tmp_path / "grub.img", config))
    path, more = recorded(disk, "pxe", tmp_path)
    with played(path, tmp_path, *more, memory_mib=256) as line:
        trace = watch_line(
            line, Booted("apu2", route="disk"), timeout_s=LIMIT_S, silence_s=10, start_s=START_S
        )
    judgement = judge(trace)
    assert (judgement.cause, judgement.verdict) == (cause, Verdict.BAD), judgement.summary
    assert words in judgement.summary
    assert trace.manager.startswith("GNU GRUB version")


def test_who_reads_the_mbr_is_shown_the_true_one(tmp_path: Path) -> None:
    """A loader that stops unless the sector at LBA 0 is the one that it was started from."""
    source = tmp_path / "proud.asm"
    source.write_text(
        """
        bits 16
        org 0x7c00
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov si, packet
        mov ah, 0x42
        int 0x13
        call compare
        mov ax, 0x0201
        mov bx, 0x8000
        mov cx, 1
        mov dh, 0
        int 0x13
        call compare
        int 0x18
compare:
        mov si, 0x7c00
        mov di, 0x8000
        mov cx, 256
        cld
        repe cmpsw
        jne $
        mov di, 0x8000
        mov cx, 256
        rep stosw
        ret
packet: db 16, 0
        dw 1, 0x8000, 0
        dq 0
        """
    )
    disk = named(SELFCHECK, Loader.read(source), tmp_path)
    line = watched(disk, tmp_path, "mbr")
    assert line.ending.kind == "boot-failed", line.bios_calls
    assert len([call for call in line.loader_calls if call.number == 0x13]) == 2


def test_a_line_that_is_cut_proves_nothing(tmp_path: Path) -> None:
    disk = named(SELFCHECK, Loader.stage1(), tmp_path)
    line = watched(disk, tmp_path, "mbr", cut_at=700)
    judgement = judge(line)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "line-lost")


def test_the_way_back_gives_the_same_disk(tmp_path: Path) -> None:
    disk = named(SELFCHECK, Loader.stage1(), tmp_path)
    before = disk.path.read_bytes()[:gap_needed]
    assert removed(installed(before)) == before
