"""Disk faults and their causes: some of each kind; `make faults` boots them all."""

import hashlib
from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from bootharness.trace.boot_trace import BootTrace
from tests.support.boots import settled
from tests.support.disk_matrix import Case, boot_case, cases, wrong
from tests.support.media import run

SOME = (
    "ahci-error:lba=3000,times=2",
    "usb-error:lba=0",
    "nvme-error:lba=3000",
    "ahci-slow:rate=500000",
    "virtio-vanish:after=move:3",
    "ide-vanish:after=read:5",
    "ahci-vanish:after=setup-entered",
    "nvme-cut:bytes=1500000",
    "ahci-hang:lba=3000",
    "virtio-hang:lba=0",
    "usb-flip:lba=3000,byte=7",
    "isolinux-error:lba={}",
    "isolinux-cut:bytes=262144",
    "qcow2-cut:bytes=1700000",
    "4kn-error:lba=5",
)
CASES = {str(case): case for case in cases()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.mark.sample(2)
@pytest.mark.parametrize("case", [CASES[name] for name in SOME], ids=str)
def test_fault_gives_exactly_its_cause(case: Case, folder: Path) -> None:
    assert wrong(case, judge(boot_case(case, folder))) == ""


def booted(*faults: str, **more: object) -> BootTrace:
    plan = BootPlan(until="setup")
    return boot("selfcheck:1000000", choose(plan, {"disk_faults": list(faults), **more}))


def test_the_image_stays_as_it_is(tmp_path: Path) -> None:
    loader, kernel = Loader.stage1(), fetch("selfcheck:1000000")
    disk = lay_out(kernel, loader, settled(BootPlan())).write(tmp_path / "disk.img")
    before = hashlib.sha256(disk.path.read_bytes()).digest()
    plan = choose(BootPlan(until="setup"), {"disk_faults": ["flip:lba=3000,byte=7"]})
    assert judge(boot(disk, plan)).cause == "payload-corrupt"
    assert hashlib.sha256(disk.path.read_bytes()).digest() == before


TWO_PATHS = """
    bits 16
    org 0x7c00
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    mov cx, 1
    mov dx, 0x80
.next:
    mov ax, 0x0201
    mov bx, 0x8000
    int 0x13
    mov si, ok
    jnc .say
    mov si, failed
.say:
    lodsb
    test al, al
    jz .said
    mov dx, 0x3f8
    out dx, al
    jmp .say
.said:
    inc byte [drive]
    mov dl, [drive]
    cmp dl, 0x82
    mov dh, 0
    jb .next
    mov al, 10
    mov dx, 0x3f8
    out dx, al
    jmp $
drive: db 0x80
ok: db "path is there, ", 0
failed: db "path has failed, ", 0
    times 510 - ($ - $$) db 0
    dw 0xaa55
"""


@pytest.mark.parametrize("interface", ["ahci", "virtio"])
def test_of_two_paths_to_one_disk_the_other_stays(tmp_path: Path, interface: str) -> None:
    source, image = tmp_path / "two.asm", tmp_path / "two.img"
    source.write_text(TWO_PATHS)
    run("nasm", "-f", "bin", "-o", image, source)
    with image.open("r+b") as file:
        file.truncate(1 << 20)
    plan = choose(
        BootPlan(route="disk", until="path has failed, path is there"),
        {
            "more_disks": [str(image)],
            "disk_interface": interface,
            "disk_faults": ["vanish:after=read:1"],
        },
    )
    judgement = judge(boot(str(image), plan))
    assert judgement.verdict is Verdict.GOOD, judgement.summary


def test_gdb_sees_the_same_fault() -> None:
    judgement = judge(booted("error:lba=3000", tracer="both"))
    assert judgement.cause == "disk-read-failed"
    assert "in 5 attempts (fault error:lba=3000)" in judgement.summary


def test_several_faults_act_each_for_itself() -> None:
    trace = booted("error:lba=3000,times=1", "error:lba=2060,times=3", "slow:iops=1000")
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD
    assert trace.faulty_disk
    assert [(each.fault, each.times) for each in trace.faulty_disk.events if each.lba != 0] == [
        ("error:lba=2060,times=3", 3),
        ("error:lba=3000,times=1", 1),
    ]
    [warning] = judgement.warnings
    assert warning.endswith("in attempt 4; so it was with 1 more read")


def test_what_a_slow_disk_costs_is_not_taken_from_the_time_limit() -> None:
    trace = booted("slow:rate=300000", timeout_s=3)
    assert judge(trace).verdict is Verdict.GOOD
    assert trace.ending.seconds > 3.5


def test_a_loader_that_waits_in_vain_is_not_waited_for_to_the_end() -> None:
    trace = booted("hang:lba=3000")
    assert trace.ending.kind == "disk"
    assert trace.faulty_disk
    assert 1.5 <= trace.faulty_disk.events[0].waited_s < 15
    assert "did not return" in judge(trace).summary
