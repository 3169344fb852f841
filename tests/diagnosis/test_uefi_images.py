"""What became of a program that a UEFI had started, from calls made by hand."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.efi_program import EfiProgram
from bootharness.trace.machine_facts import CpuSample
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_handoff import UefiHandoff
from tests.diagnosis.test_uefi import (
    BLOCKS,
    BOOT,
    ESP,
    FILES,
    KERNEL,
    LEFT,
    MANAGER,
    NOT_FOUND,
    RESET,
    STARTED,
    UNSUPPORTED,
    boot,
    call,
    opened,
)

pytestmark = pytest.mark.usefixtures("every_word")

NO_MEMORY, LOAD_ERROR = (1 << 63 | code for code in (9, 1))
LOADED = call("LoadImage", f"{ESP}/{BOOT}", subject=7, address=MANAGER, bytes=0x1000)
LINUX = call("StartImage", "\\vmlinuz", subject=9, address=KERNEL, bytes=0x2000)


def said(text: str, caller: int = MANAGER) -> UefiCall:
    return call("OutputString", text=text, caller=caller)


def look(linear: int) -> tuple[CpuSample, ...]:
    return tuple(CpuSample(each, linear, 0x38, linear, "long", False, True) for each in (3.0, 4.0))


def causes(trace: BootTrace) -> list[str | None]:
    judgement = judge(trace)
    return [judgement.cause, *(each.cause for each in judgement.consequences)]


# who does not come back


def test_who_hangs_is_told_with_the_place_in_his_image() -> None:
    judgement = judge(boot(FILES, LOADED, STARTED, kind="loop", samples=look(MANAGER + 0x20)))
    assert judgement.cause == "efi-hang"
    assert judgement.summary == (
        f"{BOOT} was started and runs on at 0x1000020 and gets nowhere, at offset 0x000020 of "
        f"{BOOT}; it has neither come back nor ended the boot services, and it asked nothing of "
        "the firmware"
    )


def test_a_look_into_the_firmwares_interrupt_hides_no_place() -> None:
    inside, outside = look(MANAGER + 0x20)[0], look(0x5000)[0]
    judgement = judge(boot(FILES, LOADED, STARTED, kind="loop", samples=(inside, outside)))
    assert "runs on at 0x1000020 and gets nowhere, at offset 0x000020 of" in judgement.summary


def test_who_mostly_waits_in_the_firmware_is_not_told_by_a_look_between() -> None:
    inside, outside = look(MANAGER + 0x20)[0], look(0x5000)[0]
    seen = (outside, inside, outside)
    judgement = judge(boot(FILES, LOADED, STARTED, kind="loop", samples=seen))
    assert "runs on at 0x005000 and gets nowhere; it has" in judgement.summary


def test_what_he_asked_for_last_is_told() -> None:
    calls = (FILES, STARTED, opened("\\a", 0, MANAGER + 1), opened("\\b", 0, MANAGER - 1))
    judgement = judge(boot(*calls, kind="halted", samples=look(0x5000)))
    assert judgement.cause == "efi-hang"
    assert judgement.summary.endswith("and the last that it asked for was Open \\a")
    assert "at offset" not in judgement.summary


@pytest.mark.parametrize(
    ("calls", "kind"),
    [
        ((FILES,), "loop"),
        ((FILES, STARTED, LEFT), "loop"),
        ((FILES, STARTED), "timeout"),
        ((FILES, STARTED, said("Shell> ")), "boot-manager"),
    ],
)
def test_who_came_back_or_was_not_started_does_not_hang(
    calls: tuple[UefiCall, ...], kind: str
) -> None:
    assert judge(boot(*calls, kind=kind, samples=look(MANAGER))).cause != "efi-hang"


def test_a_loader_of_a_bios_is_not_looked_for_where_a_uefi_boots() -> None:
    judgement = judge(boot(FILES, kind="loop", samples=look(MANAGER)))
    assert "stage1-hang" not in (judgement.cause, *(each.cause for each in judgement.consequences))


# a kernel that its stub does not unpack


def test_a_kernel_that_is_not_unpacked_is_told_by_its_own_words() -> None:
    words = said("EFI stub: WARNING: Decompression failed: Decoding failed\r\n", KERNEL + 5)
    gone = replace(LEFT, subject=9, status=LOAD_ERROR)
    judgement = judge(boot(FILES, STARTED, LINUX, words, gone, kind="boot-manager"))
    assert judgement.cause == "decompress-failed"
    assert judgement.summary == (
        "the kernel \\vmlinuz could not unpack itself; its stub says "
        '"Decompression failed: Decoding failed"'
    )
    of_uki = boot(FILES, STARTED, replace(LINUX, path="MemoryMapped(0x0)"), words, gone)
    assert "the kernel that was loaded from memory could not" in judge(of_uki).summary
    built = EfiProgram(
        "\\a.efi", "x64", "application", flaw="its sections .a and .b lie on each other"
    )
    of_uki = replace(of_uki, efi_programs=(replace(built, flaw=""), built))
    assert judge(of_uki).summary.endswith(f"; \\a.efi is built wrong: {built.flaw}")
    another = replace(words, caller=0x5)
    assert judge(boot(FILES, STARTED, LINUX, another, gone)).cause == "efi-gave-up"


# memory


def test_memory_that_an_image_did_not_get_is_told_with_its_size() -> None:
    asked = call("AllocatePages", "", NO_MEMORY, wanted=1 << 20)
    judgement = judge(boot(FILES, STARTED, asked, replace(LEFT, status=NO_MEMORY)))
    assert judgement.cause == "efi-out-of-memory"
    assert judgement.summary == (
        f"{BOOT} gave up, for there was no memory of 1,048,576 bytes in a machine of 512 MiB "
        "(Out of Resources)"
    )
    assert judge(boot(FILES, STARTED, asked, LEFT)).cause == "efi-gave-up"


@pytest.mark.parametrize(
    ("before", "status", "cause"),
    [
        (opened("\\vmlinuz"), NOT_FOUND, "efi-out-of-memory"),
        (opened("\\VMLINUZ"), NOT_FOUND, "efi-out-of-memory"),
        (opened("\\vmlinuz"), NO_MEMORY, "efi-out-of-memory"),
        (opened("\\initrd"), NOT_FOUND, "efi-refused"),
        (opened("\\vmlinuz", NOT_FOUND), NOT_FOUND, "efi-refused"),
        (call("Read", "\\vmlinuz"), NOT_FOUND, "efi-refused"),
        (opened("\\vmlinuz"), UNSUPPORTED, "efi-refused"),
        (opened(""), NOT_FOUND, "efi-refused"),
    ],
)
def test_a_file_that_is_opened_and_not_read_has_no_memory(
    before: UefiCall, status: int, cause: str
) -> None:
    load = call("LoadImage", f"{ESP}/\\vmlinuz", status)
    assert judge(boot(FILES, STARTED, before, load)).cause == cause


# an image that the firmware loads and does not start


def test_a_program_that_is_loaded_and_not_started_is_refused() -> None:
    refused = replace(LEFT, status=UNSUPPORTED)
    assert judge(boot(FILES, STARTED, refused)).cause == "efi-refused"
    worked = opened("\\a", 0, MANAGER)
    assert judge(boot(FILES, STARTED, worked, refused)).cause == "efi-gave-up"


# who gave up


def test_who_gives_up_is_quoted() -> None:
    words = said("Unable to locate embedded .linux section: Not Found")
    judgement = judge(boot(FILES, STARTED, words, LEFT))
    assert judgement.summary.endswith(
        '; it says "Unable to locate embedded .linux section: Not Found"'
    )


def test_what_comes_to_lie_in_its_place_is_not_its_own() -> None:
    later = opened("\\startup.nsh", NOT_FOUND, MANAGER)
    own = opened("\\a", NOT_FOUND, MANAGER)
    usual = (opened(f"{BOOT}.extra.d", NOT_FOUND, MANAGER),
             opened("\\loader\\credentials", NOT_FOUND, MANAGER))  # fmt: skip
    judgement = judge(boot(FILES, STARTED, own, *usual, LEFT, later))
    assert judgement.summary.endswith("there was no \\a")


def test_a_reset_into_the_firmwares_setup_is_told_as_that() -> None:
    asked = call("SetVariable", "OsIndications")
    judgement = judge(boot(FILES, STARTED, asked, RESET))
    assert judgement.cause == "efi-gave-up"
    assert "had the machine reset into the firmware's setup (OsIndications)" in judgement.summary


# an exception


@pytest.mark.parametrize(
    ("serial", "where"),
    [
        ("RIP  - 0000000001000020, CS - 38", f", in {BOOT} at offset 0x000020"),
        ("RIP  - 0000000000000020, CS - 38", ", at 0x000020, which is in no image that was loaded"),
        ("RIP  - nonsense", " in a machine of 512 MiB"),
    ],
)
def test_an_exception_is_told_with_the_image_that_it_was_in(serial: str, where: str) -> None:
    trace = boot(FILES, LOADED, STARTED)
    words = "!!!! X64 Exception Type - 06(#UD - Invalid Opcode) !!!!"
    ending = Ending("firmware-crash", 30.0, words)
    judgement = judge(replace(trace, ending=ending, serial=f"{words}\r\n{serial}\r\n"))
    assert judgement.cause == "firmware-crashed"
    assert f'{where}: "X64 Exception' in judgement.summary


def test_blocks_alone_are_no_image() -> None:
    more: dict[str, Any] = {"kind": "loop", "samples": look(MANAGER)}
    assert judge(boot(BLOCKS, **more)).cause == "efi-no-file-system"


def test_a_file_for_which_there_was_no_memory_is_told() -> None:
    for service in ("LoadImage", "Read"):
        refused = call(service, f"{ESP}/\\vmlinuz", NO_MEMORY)
        judgement = judge(boot(FILES, STARTED, refused))
        assert judgement.cause == "efi-out-of-memory"
        assert judgement.summary == (
            "\\vmlinuz was not loaded, for there was no memory in a machine of 512 MiB (Out of "
            "Resources)"
        )
    exited = call("Exit", "", NO_MEMORY, subject=7)
    judgement = judge(boot(FILES, STARTED, exited, call("Stall"), opened("\\a")))
    assert judgement.summary.startswith(f"{BOOT} gave up, for there was no memory in a machine")
    bare = judge(replace(boot(FILES, STARTED, exited), machine=None))
    assert bare.summary == f"{BOOT} gave up, for there was no memory (Out of Resources)"
    for other in (call("Open", "\\vmlinuz", NO_MEMORY), call("Read", "", NO_MEMORY),
                  call("Exit", "", NO_MEMORY, subject=8)):  # fmt: skip
        assert "efi-out-of-memory" not in causes(boot(FILES, STARTED, other))


def test_the_largest_piece_that_was_asked_for_is_told() -> None:
    asked = [call("AllocatePages", "", NO_MEMORY, wanted=each << 12) for each in (1, 9, 4)]
    got = call("AllocatePages", "", 0, wanted=1 << 30)
    judgement = judge(boot(FILES, STARTED, got, *asked, replace(LEFT, status=NO_MEMORY)))
    assert "no memory of 36,864 bytes" in judgement.summary
    assert judgement.diagnosis
    assert len(judgement.diagnosis.evidence) == 3


def test_a_load_that_comes_first_was_not_opened() -> None:
    first = call("LoadImage", f"{ESP}/\\vmlinuz", NOT_FOUND)
    assert "efi-out-of-memory" not in causes(boot(first, FILES, opened("\\vmlinuz")))


def test_a_kernel_that_got_on_was_unpacked() -> None:
    words = said("Decompression failed: no", KERNEL + 5)
    handoff = UefiHandoff(2.0, KERNEL, cmdline="")
    assert "decompress-failed" in causes(boot(FILES, STARTED, LINUX, words, LEFT))
    ended = boot(FILES, STARTED, LINUX, words, uefi_handoff=handoff)
    assert "decompress-failed" not in causes(ended)


def test_who_waits_outside_of_his_image_is_told_so() -> None:
    asked = opened("\\a", 0, MANAGER)
    trace = boot(FILES, LOADED, STARTED, asked, kind="idle", samples=look(0x5000))
    assert ", outside of it, as one is that has the firmware wait for a key or a time; it" in (
        judge(trace).summary
    )
    for other in (
        boot(FILES, LOADED, STARTED, asked, kind="loop", samples=look(0x5000)),
        boot(FILES, LOADED, STARTED, kind="idle", samples=look(0x5000)),
        boot(FILES, LOADED, STARTED, asked, kind="idle", samples=look(MANAGER + 1)),
    ):
        assert "outside of it" not in judge(other).summary
    moved = (*look(0x5000)[:1], *look(MANAGER + 2)[:1])
    assert f"at offset 0x000002 of {BOOT}" in (
        judge(boot(FILES, LOADED, STARTED, kind="idle", samples=moved)).summary
    )


def test_only_a_variable_that_is_set_asks_for_the_setup() -> None:
    read = call("GetVariable", "OsIndications")
    other = call("SetVariable", "BootOrder")
    for each in (read, other):
        judgement = judge(boot(FILES, STARTED, each, RESET))
        assert "had the machine reset (ResetSystem)" in judgement.summary


def test_what_nobody_known_has_written_is_quoted_as_that() -> None:
    words = (said("one\r\n", 0x5), said("two\r\n", 0x5), said("after", 0x5))
    judgement = judge(boot(FILES, STARTED, *words[:2], LEFT, words[2]))
    assert judgement.summary.endswith('; what was written last is "one / two"')
    other = call("StartImage", "\\other.efi", subject=9, address=0x5000, bytes=0x1000)
    own = said("of another", 0x5001)
    judgement = judge(boot(FILES, STARTED, other, replace(LEFT, subject=9), own, LEFT))
    assert "of another" not in judgement.summary
