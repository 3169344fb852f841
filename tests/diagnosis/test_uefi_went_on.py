"""What a UEFI, or a boot manager, goes on to without a kernel, from calls made by hand."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.trace.efi_program import EfiProgram
from bootharness.trace.machine_facts import CpuSample, PostMortem
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_handoff import UefiHandoff
from tests.diagnosis.test_uefi import (
    BOOT,
    ESP,
    FILES,
    KERNEL,
    LEFT,
    MANAGER,
    NOT_FOUND,
    STARTED,
    boot,
    call,
    opened,
)

pytestmark = pytest.mark.usefixtures("every_word")

INVALID = 1 << 63 | 2
SHELL = call("StartImage", "Fv(1)/FvFile(7C04A583-9E3E-4F1C-AD65-E05268D0B4D1)", subject=20,
             address=0x5000000, bytes=0x1000)  # fmt: skip
MENU = replace(SHELL, path="FvFile(462CAA21-7614-4503-836E-8AB6F4662331)")
CARD = replace(SHELL, path="PciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,0x1)/IPv4(0.0.0.0)")
SCRIPT = opened("\\startup.nsh", NOT_FOUND)
GRUB = EfiProgram(BOOT, "x64", "application", ("\\EFI\\debian\\grub.cfg", "\\boot\\grub\\grub.cfg"))
PROMPT = "Minimal BASH-like line editing is supported.\ngrub> "


def said(text: str, caller: int = 0x5000001) -> UefiCall:
    return call("OutputString", text=text, caller=caller)


def waits(*calls: UefiCall, **more: Any) -> Judgement:
    return judge(boot(FILES, *calls, kind="boot-manager", **more))


def causes(judgement: Judgement) -> list[str | None]:
    return [judgement.cause, *(each.cause for each in judgement.consequences)]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (SHELL, "went on to its own shell"),
        (MENU, "went on to its own menu"),
        (CARD, "went on to the network"),
    ],
)
def test_where_the_firmware_goes_on_to_is_told(image: UefiCall, words: str) -> None:
    judgement = waits(image)
    assert judgement.cause == "efi-fell-back"
    assert judgement.summary == f"having started nothing from the disk the firmware {words}"
    after = waits(STARTED, LEFT, image)
    assert (causes(after)[0], causes(after)[-1]) == ("efi-gave-up", "efi-fell-back")
    assert after.consequences[-1].sentence == f"after {BOOT} the firmware {words}"
    assert "efi-fell-back" not in causes(waits(STARTED))


def test_a_shell_tells_of_its_script() -> None:
    assert "which waits for a person, for there is no startup.nsh" in (
        waits(SHELL, SCRIPT, said("Shell> ")).summary
    )
    ran = (opened("\\startup.nsh"), said("'vmlinux' is not recognized\r\n"), said("Shell> "))
    assert waits(SHELL, *ran).summary.endswith(
        "waits for a person after \\startup.nsh; it says last \"'vmlinux' is not recognized\""
    )
    own = replace(SHELL, path=f"{ESP}/{BOOT}")
    judgement = waits(own, SCRIPT, said("Shell> "))
    assert judgement.cause == "boot-menu-waits"
    assert judgement.summary == (
        f"the UEFI shell ({BOOT}) waits for a person, for there is no startup.nsh"
    )


COUNTS = said("Press ESC in 1 seconds to skip startup.nsh or any other key to continue.")
NO_BOOT_FILE = opened(BOOT, NOT_FOUND)


@pytest.mark.parametrize(
    ("calls", "kind", "words"),
    [
        ((said("Shell> pause\r\n"), said("Enter 'q' to quit, any other key to continue:\r\n")),
         "boot-manager", "which waits for a person in \\startup.nsh; it says last \"Enter 'q' to "
         'quit, any other key to continue:"'),
        ((said("Shell> goto again\r\n"),), "timeout",
         'which ran \\startup.nsh and was not through with it 30.00 s after launch; it says last '
         '"Shell> goto again"'),
        ((), "timeout", "which ran \\startup.nsh and was not through with it 30.00 s after launch"),
        ((), "guest-reset", "which ran \\startup.nsh and had the machine reset"),
        ((), "guest-shutdown", "which ran \\startup.nsh and switched the machine off"),
    ],
    ids=["pause", "a loop", "a loop without a word", "reset", "reset -s"],
)  # fmt: skip
def test_a_script_of_the_shell_is_what_the_disk_boots_by(
    calls: tuple[UefiCall, ...], kind: str, words: str
) -> None:
    ran = (SHELL, COUNTS, opened("\\startup.nsh"), *calls)
    serial = 'BdsDxe: failed to load Boot0001 "UEFI QEMU HARDDISK" from Sata(0x0): Not Found\n'
    judgement = judge(boot(FILES, NO_BOOT_FILE, *ran, kind=kind, serial=serial))
    assert judgement.cause == "efi-fell-back"
    assert judgement.summary.endswith(f"went on to its own shell, {words}")


def test_a_shell_that_came_back_had_a_script() -> None:
    ran = (SHELL, opened("\\startup.nsh"), replace(LEFT, subject=SHELL.subject), MENU)
    judgement = waits(NO_BOOT_FILE, *ran)
    assert causes(judgement) == ["efi-fell-back"]
    assert judgement.summary == (
        "after its own shell, which ran \\startup.nsh, the firmware went on to its own menu"
    )
    assert waits(FILES, NO_BOOT_FILE, SHELL, SCRIPT).cause == "efi-no-boot-file"


def test_a_grub_without_a_configuration_is_told_with_the_names() -> None:
    judgement = waits(STARTED, serial=PROMPT, efi_programs=(GRUB,))
    assert judgement.cause == "no-grub-config"
    assert "it looks for \\EFI\\debian\\grub.cfg and \\boot\\grub\\grub.cfg" in judgement.summary
    assert judgement.summary.endswith("it has no grub.cfg at all")
    elsewhere = replace(GRUB, has=("\\efi\\ubuntu\\grub.cfg",))
    judgement = waits(STARTED, serial=PROMPT, efi_programs=(elsewhere,))
    assert judgement.summary.endswith("it has \\efi\\ubuntu\\grub.cfg")


@pytest.mark.parametrize(
    "more",
    [
        {"serial": PROMPT, "efi_programs": (replace(GRUB, has=("\\efi\\DEBIAN\\grub.cfg",)),)},
        {"serial": "error: you need to load the kernel first.\n" + PROMPT.splitlines()[-1],
         "efi_programs": (GRUB,)},
        {"serial": "GNU GRUB", "efi_programs": (GRUB,)},
        {"serial": PROMPT, "efi_programs": (replace(GRUB, looks_for=()),)},
    ],
    ids=["a configuration is there", "it complains of something else", "no prompt", "no GRUB"],
)  # fmt: skip
def test_a_grub_that_waits_for_something_else_has_a_configuration(more: dict[str, Any]) -> None:
    assert "no-grub-config" not in causes(waits(STARTED, **more))


def test_an_end_of_boot_services_that_is_refused_is_told() -> None:
    refused = call("ExitBootServices", status=INVALID, caller=KERNEL + 1)
    linux = call("StartImage", "\\vmlinuz", subject=9, address=KERNEL, bytes=0x2000)
    judgement = judge(boot(FILES, STARTED, linux, refused, refused, LEFT))
    assert judgement.cause == "efi-exit-refused"
    assert "asked by \\vmlinuz, in 2 attempts (Invalid Parameter)" in judgement.summary
    handoff = UefiHandoff(2.0, KERNEL, cmdline="console=ttyS0")
    ended = call("ExitBootServices", caller=KERNEL + 1)
    judgement = judge(boot(FILES, STARTED, linux, refused, ended, uefi_handoff=handoff))
    assert any("ended in attempt 2: ExitBootServices returned" in each
               for each in judgement.warnings)  # fmt: skip
    assert judgement.cause != "efi-exit-refused"
    assert judgement.verdict is not Verdict.GOOD
    plain = judge(boot(FILES, STARTED, linux, ended, uefi_handoff=handoff))
    assert not any("attempt" in each for each in plain.warnings)


def test_what_was_asked_of_a_person_is_told() -> None:
    asked = said("Press any key to perform MOK management", MANAGER + 1)
    judgement = judge(boot(FILES, STARTED, asked, said("Booting", MANAGER + 1), LEFT))
    assert judgement.summary.endswith('it asked a person "Press any key to perform MOK management"')
    last = judge(boot(FILES, STARTED, said("No more network devices\r\n", MANAGER + 1), LEFT))
    assert last.summary.endswith('it said last "No more network devices"')


def test_what_a_firmware_goes_on_to_without_a_shell_waits_for_nobody() -> None:
    judgement = waits(MENU, said("Select"))
    assert judgement.summary == (
        "having started nothing from the disk the firmware went on to its own menu"
    )
    silent = waits(SHELL, opened("\\startup.nsh"), said("Shell> "))
    assert silent.summary.endswith("which waits for a person after \\startup.nsh")
    assert "efi-fell-back" not in causes(waits(replace(SHELL, path="Fv(1)/FvFile(1)")))


def test_what_grub_complains_of_is_the_evidence() -> None:
    complaint = "error: file `/boot/grub/x.mod' not found."
    judgement = waits(STARTED, serial=f"{complaint}\n{PROMPT}", efi_programs=(GRUB,))
    assert judgement.cause == "no-grub-config"
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (f'it says "{complaint}"',)
    silent = waits(STARTED, serial=PROMPT, efi_programs=(GRUB,)).diagnosis
    assert silent
    assert silent.evidence == ()
    two = replace(GRUB, has=("\\a\\grub.cfg", "\\b\\grub.cfg"), looks_for=("\\c\\grub.cfg",))
    summary = waits(STARTED, serial=PROMPT, efi_programs=(two,)).summary
    assert "it looks for \\c\\grub.cfg; of what" in summary
    assert summary.endswith("it has \\a\\grub.cfg, \\b\\grub.cfg")
    three = replace(GRUB, looks_for=("\\a\\grub.cfg", "\\b\\grub.cfg", "\\c\\grub.cfg"))
    assert "it looks for \\a\\grub.cfg, \\b\\grub.cfg and \\c\\grub.cfg;" in (
        waits(STARTED, serial=PROMPT, efi_programs=(three,)).summary
    )


def test_a_grub_waits_where_its_prompt_is_on_the_screen_or_the_line() -> None:
    cpu = CpuSample(1.0, 0, 0, 0, "long", halted=True, interrupts=True)
    screen = PostMortem("paused", cpu, "", 64, 0, "", PROMPT)
    assert waits(STARTED, post_mortem=screen, efi_programs=(GRUB,)).cause == "no-grub-config"
    other = replace(screen, screen="Boot in progress")
    assert "no-grub-config" not in causes(
        waits(STARTED, post_mortem=other, serial=PROMPT, efi_programs=(GRUB,))
    )
    blank = replace(screen, screen=" \n ")
    judgement = waits(STARTED, post_mortem=blank, serial=PROMPT, efi_programs=(GRUB,))
    assert judgement.cause == "no-grub-config"


def test_a_grub_that_has_left_looks_for_nothing_any_more() -> None:
    upper = replace(GRUB, path=BOOT.upper())
    for program in (GRUB, upper):
        judgement = waits(STARTED, LEFT, serial=PROMPT, efi_programs=(program,))
        assert "no-grub-config" not in causes(judgement)


def test_whose_end_of_boot_services_was_refused_is_told_where_it_is_known() -> None:
    refused = call("ExitBootServices", status=INVALID, caller=KERNEL + 1)
    judgement = judge(boot(FILES, STARTED, refused, LEFT))
    assert "did not end the boot services, in 1 attempt (Inv" in judgement.summary
    from_memory = call("StartImage", subject=9, address=KERNEL, bytes=0x2000)
    judgement = judge(boot(FILES, STARTED, from_memory, refused, LEFT))
    assert "did not end the boot services, in 1 attempt (Inv" in judgement.summary
    uki = replace(from_memory, path="MemoryMapped(0x0)/\\uki.efi")
    other = replace(refused, caller=5, status=NOT_FOUND)
    judgement = judge(boot(FILES, STARTED, uki, other, refused, LEFT))
    assert "asked by \\uki.efi, in 2 attempts (Invalid Parameter)" in judgement.summary


def test_of_a_script_that_was_there_the_last_line_is_told() -> None:
    ran = (opened("\\startup.nsh"), said("one\r\ntwo\r\n"), said("Shell> "))
    assert waits(SHELL, *ran).summary.endswith('after \\startup.nsh; it says last "two"')
    read = call("Read", "\\startup.nsh", NOT_FOUND)
    opened_too = (opened("\\other.txt"), read, said("Shell> "))
    assert "startup.nsh" not in waits(SHELL, *opened_too).summary


def test_a_menu_of_a_program_that_came_back_says_why_its_entry_failed() -> None:
    error = "error: file `/vmlinuz' not found."
    texts = [said(each, MANAGER + 1) for each in f"Booting\n\r{error}\n\r\n\rPress any key"]
    menu = "Use the ^ and v keys to select which entry is highlighted."
    judgement = waits(STARTED, *texts, serial=menu)
    assert judgement.cause == "boot-manager-error"
    assert judgement.summary == f'the boot manager gave up; it says "{error}"'
    assert waits(STARTED, serial=menu).cause == "boot-menu-waits"
    gone = waits(STARTED, *texts, LEFT, serial=menu)
    assert "boot-manager-error" not in causes(gone)
