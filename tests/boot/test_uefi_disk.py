"""Boots of a disk by a UEFI: recorded call by call, and compared in memory."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.kernels.initrd import tiny_initrd
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.routes.table import ROUTES
from bootharness.trace.boot_trace import BootTrace
from tests.support.restores import record
from tests.support.uefi_programs import FALLBACK, disk

pytestmark = [pytest.mark.usefixtures("uefi_tools"), pytest.mark.sample(3)]

KERNEL = "deb:linux-image-cloud-amd64/bookworm"
SYSTEMD = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
MENU = {"loader/loader.conf": b"timeout 0\n"}


def booted(source: str | Path, route: str, until: str = "banner", **options: object) -> BootTrace:
    chosen = {"route": route, "until": until, "timeout_s": 120.0, **options}
    return boot(str(source), choose(BootPlan(), chosen))


def entry(linux: str = "/vmlinuz", initrd: str = "/initrd") -> Mapping[str, bytes]:
    """What systemd-boot is told of a kernel."""
    text = f"title a\nlinux {linux}\ninitrd {initrd}\noptions console=ttyS0 panic=-1\n"
    return {"loader/entries/a.conf": text.encode()}


def judged(image: Path) -> Judgement:
    return judge(booted(image, "uefi-disk"))


@pytest.fixture(scope="module")
def vmlinuz() -> Path:
    return fetch(KERNEL).path


@pytest.mark.parametrize("route", ["uefi-systemd-boot", "uefi-grub", "uefi-uki"])
def test_a_kernel_is_proven_in_memory_by_every_boot_manager(route: str) -> None:
    for tool in ROUTES[route].tools:
        if "/" in tool.name and not Path(tool.name).exists():
            pytest.skip(f"{tool.name} is not installed")
    trace = booted(KERNEL, route, "init")
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.kernel
    assert trace.proof.compared_bytes == trace.kernel.header.payload_length
    assert trace.reached("boot-services-ended")
    if route != "uefi-grub":  # which ends the boot services itself, and tells nobody of its initrd
        handoff = trace.uefi_handoff
        assert handoff
        assert handoff.initrd
        assert handoff.initrd.equal
        assert "console=ttyS0" in (handoff.cmdline or "")
        assert handoff.release == trace.kernel.release


def test_a_machine_that_was_saved_tells_the_same_as_one_that_was_not() -> None:
    def told(**options: object) -> tuple[bool, list[tuple[str, str, int]]]:
        trace = booted(KERNEL, "uefi-systemd-boot", **options)
        assert trace.machine
        assert judge(trace).verdict is Verdict.GOOD
        calls = [(call.service, call.path, call.status) for call in trace.uefi_calls]
        return trace.machine.restored is not None, calls

    told()  # so that one is saved
    (restored, saved), (again, cold) = told(), told(cold=True)
    assert (restored, again) == (True, False)
    assert saved == cold


@pytest.mark.long
@pytest.mark.sample(4)
@pytest.mark.parametrize("interface", ["virtio", "ahci", "scsi", "usb"])
def test_a_machine_is_saved_when_it_has_its_consoles_and_knows_no_disk(interface: str) -> None:
    def told(source: str, **options: object) -> BootTrace:
        return booted(source, "uefi-systemd-boot", disk_interface=interface, **options)

    told(KERNEL)  # so that one is saved, and goes on with another disk
    larger = f"grow:40000000:{KERNEL}"
    trace, cold = told(larger), told(larger, cold=True)
    assert record(trace) == record(cold)
    assert trace.machine
    assert trace.machine.restored
    at = trace.machine.restored.at
    before = [call.service for call in trace.uefi_calls if call.seconds <= at]
    assert before.count("SetVariable") > 10


def test_the_kernel_of_an_image_is_found_by_what_was_read(tmp_path: Path, vmlinuz: Path) -> None:
    files = {FALLBACK: SYSTEMD, "vmlinuz": vmlinuz, "initrd": tiny_initrd(wide=True)}
    trace = booted(disk(tmp_path, {**files, **MENU, **entry()}), "uefi-disk")
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    kernel = fetch(KERNEL)
    assert trace.kernel
    assert trace.kernel.release == kernel.release
    assert f"{kernel.header.payload_length:,} bytes in memory equal the file" in judgement.summary


def test_memory_that_is_not_the_file_is_told() -> None:
    """The disk gives one byte of the kernel otherwise than its file has it."""
    trace = booted(KERNEL, "uefi-systemd-boot", disk_faults=("flip:lba=20000,byte=7",))
    judgement = judge(trace)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "payload-corrupt")
    assert "the compressed kernel in memory differs from the file in 1 of" in judgement.summary


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("files", "cause", "words"),
    [
        ({"loader/loader.conf": b""}, "efi-no-boot-file", r"no \EFI\BOOT\BOOTX64.EFI on the disk"),
        ({FALLBACK: b"#!/bin/sh\n"}, "efi-refused", r"does not load \EFI\BOOT\BOOTX64.EFI"),
        (
            {FALLBACK: SYSTEMD, "vmlinuz": b"MZ" * 4000, "initrd": b"1", **MENU, **entry()},
            "efi-refused",
            r"does not load \vmlinuz, for \EFI\BOOT\BOOTX64.EFI: ",
        ),
        (
            {FALLBACK: SYSTEMD, "vmlinuz": b"", "initrd": b"1", **MENU, **entry("/vmlinux")},
            "efi-gave-up",
            r"of what it asked for there was no \vmlinux",
        ),
    ],
    ids=["no boot file", "no program", "no kernel", "a name that is not there"],
)
def test_a_disk_that_does_not_boot_says_why(
    files: Mapping[str, bytes | Path], cause: str, words: str, tmp_path: Path
) -> None:
    judgement = judged(disk(tmp_path, files))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, cause), judgement.summary
    assert words in judgement.summary


@pytest.mark.long
def test_a_disk_without_a_file_system_says_so(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(8 << 20))
    judgement = judged(image)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "efi-no-file-system")


def test_an_initrd_that_is_not_there_is_named(tmp_path: Path, vmlinuz: Path) -> None:
    files = {FALLBACK: SYSTEMD, "vmlinuz": vmlinuz, **MENU, **entry(initrd="/initrf")}
    judgement = judged(disk(tmp_path, files))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "efi-gave-up")
    assert r"there was no \initrf" in judgement.summary


@pytest.mark.long
def test_a_kernel_that_was_given_no_command_line_is_told_so(tmp_path: Path, vmlinuz: Path) -> None:
    image = tmp_path / "kernel.efi"
    shutil.copyfile(vmlinuz, image)
    judgement = judged(disk(tmp_path, {FALLBACK: image}))
    assert judgement.verdict is Verdict.SKIP
    assert "started without a command line" in judgement.summary


def test_a_kernel_is_started_by_a_boot_entry_with_its_command_line(
    tmp_path: Path, vmlinuz: Path
) -> None:
    entry = r"\EFI\own\linux.efi initrd=\initrd console=ttyS0 panic=-1"
    initrd = tiny_initrd(wide=True)
    image = disk(tmp_path, {"EFI/own/linux.efi": vmlinuz, "initrd": initrd})
    trace = booted(image, "uefi-disk", boot_entries=(entry,))
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.uefi_handoff
    assert trace.uefi_handoff.cmdline == entry.partition(" ")[2]
    assert trace.uefi_handoff.initrd_bytes == len(initrd)
    assert f"{trace.proof.compared_bytes:,} bytes in memory equal the file" in judgement.summary
