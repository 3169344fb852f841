"""What a UEFI was asked for before a kernel ended its boot services, from calls made by hand."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.efi_disk import EfiDisk
from bootharness.trace.efi_program import EfiProgram
from bootharness.trace.machine_facts import CpuSample, MachineFacts
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetworkFacts
from bootharness.trace.signed_file import SignedFile
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_handoff import UefiHandoff
from tests.support.traces import loading_trace

pytestmark = pytest.mark.usefixtures("every_word")

UEFI = MachineFacts("qemu", "7.2", "tcg", "q35", "ahci", 512 << 20, (), bios=None, firmware="uefi")
DISK = "PciRoot(0x0)/Pci(0x1F,0x2)/Sata(0x0,0xFFFF,0x0)"
ESP = f"{DISK}/HD(1,GPT,1-2-3)"
BOOT = "\\EFI\\BOOT\\BOOTX64.EFI"
MANAGER, KERNEL = 0x1000000, 0x2000000
NOT_FOUND, UNSUPPORTED, DAMAGED = (1 << 63 | code for code in (14, 3, 10))


def call(service: str, path: str = "", status: int = 0, **more: Any) -> UefiCall:
    return UefiCall(service, 1.0, status=status, path=path, **more)


BLOCKS = call("protocol", DISK, text="BlockIo", subject=1, bytes=512, lba=4095)
FILES = call("protocol", ESP, text="SimpleFileSystem", subject=2)
STARTED = call("StartImage", f"{ESP}/{BOOT}", subject=7, address=MANAGER, bytes=0x1000)


def opened(path: str, status: int = 0, caller: int = 0) -> UefiCall:
    return call("Open", path, status, caller=caller)


def boot(*calls: UefiCall, kind: str = "idle", **more: Any) -> BootTrace:
    """Return the boot of somebody's disk by a UEFI that made these calls."""
    trace = loading_trace(0, [], ending=kind)
    trace = replace(trace, ending=Ending(kind, 30.0), kernel=None, machine=UEFI, uefi_calls=calls)
    return replace(trace, **more)


# a disk without anything to start


def test_a_disk_without_a_file_system_is_told_with_its_blocks() -> None:
    judgement = judge(boot(BLOCKS, replace(BLOCKS, path="CD", bytes=2048, lba=None)))
    assert judgement.cause == "efi-no-file-system"
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (
        f"disk {DISK}, 4,096 blocks of 512 bytes", "disk CD, 1 blocks of 2,048 bytes",
    )  # fmt: skip
    assert judge(boot(BLOCKS, FILES)).cause != "efi-no-file-system"
    assert judge(boot(call("recorder"))).cause != "efi-no-file-system"


def test_what_is_wrong_with_the_disk_or_is_on_it_instead_is_said() -> None:
    damaged = judge(boot(BLOCKS, efi_disk=EfiDisk(("one", "two", "three", "four"))))
    assert damaged.summary == "a UEFI finds no file system on the disk: one; two; three"
    lacks = (BLOCKS, FILES, opened(BOOT, NOT_FOUND))
    for disk, said in (
        (None, "for which it has no boot entry"),
        (EfiDisk(), "no boot entry, and no other program of a UEFI"),
        (EfiDisk(programs=(EfiProgram("\\a.efi", "", "a text"),)), "no other program of a UEFI"),
        (EfiDisk(programs=tuple(EfiProgram(f"\\{each}.efi", "arm64") for each in range(4))),
         r"it has \0.efi for arm64, \1.efi for arm64, \2.efi for arm64 and 1 more"),
    ):  # fmt: skip
        judgement = judge(boot(*lacks, efi_disk=disk))
        assert judgement.cause == "efi-no-boot-file"
        assert judgement.summary.endswith(said)


@pytest.mark.parametrize(
    "more",
    [
        {"network": NetworkFacts("uefi-ipxe", "uefi", "virtio", "10.0.2.2", "", {})},
        {"uefi_calls": ()},
        {"uefi_handoff": UefiHandoff(2.0, KERNEL)},
        {"ending": Ending("reached", 30.0)},
        {"milestones": (Milestone("banner", 2.0),)},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_boot_that_came_to_a_kernel_or_from_the_network_lacks_no_file(
    more: dict[str, Any],
) -> None:
    for calls in ((BLOCKS,), (FILES, opened(BOOT, NOT_FOUND)), (FILES, STARTED, RESET)):
        judgement = judge(boot(*calls, **{"uefi_calls": calls, **more}))
        causes = [judgement.cause, *(each.cause for each in judgement.consequences)]
        assert not [each for each in causes if each and each.startswith("efi-")]


def test_who_rests_once_boot_services_have_ended_is_the_kernel() -> None:
    """Where it unpacks itself it is not yet where Linux has its own addresses."""
    looks = tuple(CpuSample(each, KERNEL, 0x38, KERNEL, "long", False, True) for each in (3.0, 4.0))
    handoff = UefiHandoff(2.0, KERNEL, cmdline="")
    judgement = judge(boot(FILES, STARTED, uefi_handoff=handoff, samples=looks))
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "kernel-silent")
    assert "started without a command line" in judgement.summary
    assert judge(boot(FILES, STARTED, samples=looks)).cause != "kernel-silent"


def test_a_file_that_is_started_without_an_entry_is_missing() -> None:
    folder = opened("\\EFI\\BOOT", NOT_FOUND)
    shell = opened("\\EFI\\BOOT\\grubx64.txt", NOT_FOUND)
    judgement = judge(
        boot(FILES, folder, shell, opened(BOOT.lower(), NOT_FOUND), opened(BOOT, NOT_FOUND))
    )
    assert judgement.cause == "efi-no-boot-file"
    assert judgement.summary == (
        f"there is no {BOOT} on the disk (Not Found), which a UEFI starts of a disk for which it "
        "has no boot entry"
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (
        f"Open {BOOT.lower()}: Not Found", f"Open {BOOT}: Not Found",
    )  # fmt: skip


@pytest.mark.parametrize(
    "calls",
    [
        (opened(BOOT, NOT_FOUND),),
        (FILES, opened(BOOT, NOT_FOUND), STARTED),
        (FILES, opened(BOOT, NOT_FOUND), opened(BOOT)),
        (FILES,),
        (FILES, opened("\\other\\a.efi", NOT_FOUND), opened("\\EFI\\BOOT\\a.txt", NOT_FOUND)),
    ],
)
def test_what_was_started_or_not_looked_for_is_not_missing(calls: tuple[UefiCall, ...]) -> None:
    assert judge(boot(*calls)).cause != "efi-no-boot-file"


# an image that was not loaded


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (3, "Unsupported: it is no EFI program for this machine (x64), or not a whole one"),
        (1, "Load Error: it is no EFI program, or cut short"),
        (15, "Access Denied: Secure Boot does not accept its signature"),
        (26, "Security Violation: Secure Boot does not accept its signature"),
        (10, "Volume Corrupt: its file system is damaged"),
        (7, "Device Error: the disk could not be read"),
        (2, "Invalid Parameter"),
        (99, "error 99"),
    ],
)
def test_why_a_firmware_does_not_load_an_image(code: int, why: str) -> None:
    good = call("LoadImage", f"{ESP}/\\a.efi")
    bad = call("LoadImage", f"{ESP}/{BOOT}", 1 << 63 | code)
    judgement = judge(boot(FILES, good, call("LoadImage", "MemoryMapped", UNSUPPORTED), bad))
    assert judgement.cause == "efi-refused"
    assert judgement.summary == f"the firmware does not load {BOOT}: {why}"
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (f"LoadImage {ESP}/{BOOT}: {why.partition(':')[0]}",)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (1, "Load Error: its sections .a and .b lie on each other"),
        (10, "Volume Corrupt: its file system is damaged"),
    ],
)
def test_a_program_of_odd_sections_is_told_where_it_could_be_read(code: int, why: str) -> None:
    flaw = "its sections .a and .b lie on each other"
    program = EfiProgram(BOOT, "x64", "application", flaw=flaw)
    bad = call("LoadImage", f"{ESP}/{BOOT}", 1 << 63 | code)
    judgement = judge(boot(FILES, bad, efi_programs=(program,)))
    assert judgement.summary == f"the firmware does not load {BOOT}: {why}"


@pytest.mark.parametrize(
    ("caller", "by"),
    [
        (MANAGER, f", for {BOOT}"),
        (MANAGER + 0xFFF, f", for {BOOT}"),
        (MANAGER + 0x1000, ""),
        (MANAGER - 1, ""),
    ],
)
def test_whom_an_image_was_to_be_loaded_for(caller: int, by: str) -> None:
    kernel = call("LoadImage", f"{ESP}/\\vmlinuz", UNSUPPORTED, caller=caller)
    assert (
        f"does not load \\vmlinuz{by}: Unsupported" in judge(boot(FILES, STARTED, kernel)).summary
    )


def test_a_file_that_was_looked_at_and_not_loaded_is_no_program() -> None:
    looked = opened(BOOT.lower())
    judgement = judge(boot(FILES, opened(BOOT, NOT_FOUND), looked, opened("\\EFI\\a.efi")))
    assert judgement.cause == "efi-refused"
    assert judgement.summary.startswith(f"the firmware does not load {BOOT.lower()}: Unsupported")
    assert judge(boot(FILES, looked, STARTED)).cause != "efi-refused"
    assert judge(boot(FILES)).cause != "efi-refused"


# what had been started, and came back


LEFT = call("image returned", status=NOT_FOUND, subject=7)
RESET = call("ResetSystem")


@pytest.mark.parametrize(
    ("calls", "how"),
    [
        ((STARTED, LEFT), "gave up and went back to the firmware (Not Found)"),
        ((STARTED, replace(LEFT, status=0)), "gave up and went back to the firmware"),
        ((STARTED, call("Exit", subject=7)), "gave up and went back to the firmware"),
        ((STARTED, RESET), "had the machine reset (ResetSystem)"),
        ((STARTED, LEFT, RESET), "gave up and went back to the firmware (Not Found)"),
    ],
)
def test_what_came_back_without_a_kernel_gave_up(calls: tuple[UefiCall, ...], how: str) -> None:
    judgement = judge(boot(FILES, *calls))
    assert judgement.cause == "efi-gave-up"
    assert judgement.summary == f"{BOOT} {how}"


@pytest.mark.parametrize(
    "calls",
    [
        (STARTED,),
        (RESET,),
        (STARTED, replace(LEFT, subject=8)),
        (LEFT, STARTED),
        (RESET, STARTED),
        (STARTED, call("Exit", subject=8)),
        (replace(STARTED, path="MemoryMapped"), LEFT),
    ],
)
def test_what_has_not_come_back_has_not_given_up(calls: tuple[UefiCall, ...]) -> None:
    assert judge(boot(FILES, *calls)).cause != "efi-gave-up"


def test_of_several_that_were_started_the_last_is_the_one() -> None:
    kernel = replace(STARTED, path=f"{ESP}/\\vmlinuz", subject=9, address=KERNEL)
    judgement = judge(boot(FILES, STARTED, kernel, replace(LEFT, subject=9)))
    assert judgement.summary.startswith("\\vmlinuz gave up")


def test_what_a_boot_manager_did_not_find_is_told_each_once() -> None:
    asked = (
        opened("\\loader\\loader.conf", NOT_FOUND, MANAGER + 5),
        opened("\\loader\\loader.conf", NOT_FOUND, MANAGER + 5),
        opened("\\EFI\\Linux", NOT_FOUND, MANAGER + 5),
        opened("\\there", 0, MANAGER + 5),
        opened("\\by-the-firmware", NOT_FOUND, MANAGER - 1),
        call("Read", "\\no-open", NOT_FOUND, caller=MANAGER + 5),
        opened("\\vmlinuz", NOT_FOUND, MANAGER),
    )
    judgement = judge(boot(FILES, STARTED, *asked, LEFT))
    assert judgement.summary == (
        f"{BOOT} gave up and went back to the firmware (Not Found): of what it asked for there was "
        "no \\loader\\loader.conf, \\vmlinuz"
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (
        "not there: \\loader\\loader.conf", "not there: \\vmlinuz",
    )  # fmt: skip


def test_what_was_not_found_by_who_was_started_by_the_image_is_told() -> None:
    by_another, later = (opened(f"\\EFI\\{name}", NOT_FOUND, KERNEL) for name in ("mine", "later"))
    judgement = judge(boot(FILES, STARTED, by_another, LEFT, later))
    assert judgement.summary.endswith("of what it asked for there was no \\EFI\\mine")


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ((), ", which found no list of programs (BOOTX64.CSV)"),
        (("\\EFI\\debian\\BOOTX64.CSV",), ", which went by \\EFI\\debian\\BOOTX64.CSV"),
    ],
)
def test_what_shims_fallback_went_by_is_told(read: tuple[str, ...], said: str) -> None:
    fallback = opened("\\EFI\\BOOT\\fbx64.efi", caller=MANAGER)
    judgement = judge(boot(FILES, STARTED, fallback, *map(opened, read), RESET))
    assert judgement.summary == (
        f"{BOOT} had the machine reset (ResetSystem), by its fallback ({fallback.path}){said}"
    )


def test_of_much_that_was_not_found_the_last_is_in_the_sentence() -> None:
    asked = [opened(f"\\{number}", NOT_FOUND, MANAGER) for number in range(14)]
    judgement = judge(boot(FILES, STARTED, *asked, LEFT))
    assert judgement.summary.partition("there was no ")[2] == ", ".join(
        f"\\{number}" for number in range(2, 14)
    )
    assert judgement.diagnosis
    assert len(judgement.diagnosis.evidence) == 14


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (EfiProgram(BOOT.lower(), "aa64", "application"), "it is a program for aa64, and the "
         "firmware is one for x64"),
        (EfiProgram(BOOT, "x64", "boot service driver"), "it is a boot service driver, and a UEFI "
         "boots only an application"),
        (EfiProgram(BOOT, "x64", "application"), "it is no EFI program for this machine (x64), or "
         "not a whole one"),
        (EfiProgram(BOOT, "x64", ""), "it is no EFI program for this machine (x64), or not a whole "
         "one"),
        (EfiProgram(BOOT, "", "compressed with gzip"), "it is compressed with gzip"),
        (EfiProgram(BOOT, "", ""), "it is no EFI program for this machine (x64), or not a whole "
         "one"),
        (EfiProgram("\\other.efi", "aa64", "application"), "it is no EFI program for this machine "
         "(x64), or not a whole one"),
    ],
)  # fmt: skip
def test_what_a_program_is_that_was_refused(program: EfiProgram, why: str) -> None:
    bad = call("LoadImage", f"{ESP}/{BOOT}", UNSUPPORTED)
    judgement = judge(boot(FILES, bad, efi_programs=(program,)))
    assert judgement.summary == f"the firmware does not load {BOOT}: Unsupported: {why}"


@pytest.mark.parametrize(
    ("before", "error"),
    [
        (call("Read", BOOT.lower(), DAMAGED), "Volume Corrupt: its file system is damaged"),
        (call("Write", BOOT, DAMAGED), "Load Error: it is no EFI program, or cut short"),
        (call("Read", "\\other", DAMAGED), "Load Error: it is no EFI program, or cut short"),
        (call("Read", BOOT), "Load Error: it is no EFI program, or cut short"),
    ],
)
def test_a_file_that_could_not_be_read_is_not_refused_for_what_it_is(
    before: UefiCall, error: str
) -> None:
    bad = call("LoadImage", f"{ESP}/{BOOT}", 1 << 63 | 1)
    assert judge(boot(FILES, before, bad)).summary == f"the firmware does not load {BOOT}: {error}"


def test_of_a_refusal_with_signatures_they_are_told() -> None:
    files = (SignedFile(BOOT, "00" * 32, (), ()),)
    for code in (15, 26):
        bad = call("LoadImage", f"{ESP}/{BOOT}", 1 << 63 | code)
        assert judge(boot(FILES, bad)).cause == "efi-refused"
        assert judge(boot(FILES, bad, signed_files=files)).cause != "efi-refused"


def test_the_name_that_was_looked_for_last_is_told() -> None:
    other = "\\EFI\\BOOT\\BOOTIA32.EFI"
    judgement = judge(boot(FILES, opened(other, NOT_FOUND), opened(BOOT, NOT_FOUND)))
    assert judgement.summary.startswith(f"there is no {BOOT} on the disk")
