"""What was wrong with a folder of boot files, from hand-made events."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.diagnosis.certainty import certain, root, still_awaited
from bootharness.diagnosis.refusals import tried_again
from bootharness.formats.bzimage import SetupHeader
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import CpuSample, MachineFacts, PostMortem
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile, NetworkFacts
from tests.support.builders import bzimage
from tests.support.traces import handoff

pytestmark = pytest.mark.usefixtures("every_word")

KIND = NetEventKind
BY_IPXE = "architecture 0, PXEClient, iPXE"
FAILED = "Could not boot image: Exec format error (http://ipxe.org/2e022001)"


def event(seconds: float, kind: NetEventKind, file: str = "", text: str = "") -> NetEvent:
    return NetEvent(seconds, kind, "52:54:00:12:34:01", file, text=text)


def came(name: str, seconds: float) -> tuple[NetEvent, ...]:
    """Return the events of a file that came whole."""
    return (event(seconds, KIND.FILE_REQUESTED, name), event(seconds + 0.1, KIND.FILE_SERVED, name))


def file(name: str, at: float = 1.0, **more: Any) -> NetFile:
    values: dict[str, Any] = {"outcome": "served", "file_bytes": 9, "sent_bytes": 9, **more}
    return NetFile(
        name=name, protocol="tftp", mac="", file_sha256="", requested_at=at, last_at=at, **values
    )


def facts(
    *events: NetEvent, files: tuple[NetFile, ...] = (), firmware: str = "bios"
) -> NetworkFacts:
    roles = {each.role: each.name for each in files if each.role}
    return NetworkFacts(
        path="net-root", firmware=firmware, nic="virtio", server="wire", mac="",
        roles=roles, root="/srv/tftp", events=events, files=files,
    )  # fmt: skip


def trace(
    network: NetworkFacts, ending: str = "boot-program", said: str = "It failed"
) -> BootTrace:
    return BootTrace("/srv/tftp", "banner", Ending(ending, 9.0, said), network=network)


def test_script_may_do_without_what_a_fault_keeps_back() -> None:
    waits = (
        event(2, KIND.NAME_UNANSWERED, text="boot.example.org"),
        replace(event(3, KIND.NAME_UNANSWERED, text="boot.example.org"), repeats=2),
    )
    faulty = replace(facts(*waits, files=(SCRIPT,)), faults=("dns-silent",))
    assert certain(faulty, 5.0) is None
    found = certain(faulty, 40.0)
    assert found
    assert found[0] == "dns-no-answer"
    assert root(replace(faulty, events=(*waits, *came("vmlinuz", 22)))) is None


def test_client_that_is_silent_within_a_file_may_want_no_more_unless_a_fault_keeps_it_back() -> (
    None
):
    silent = replace(event(3, KIND.SENT_AGAIN, "vmlinuz"), block=7, repeats=2)
    half = file("vmlinuz", outcome="open", sent_bytes=3, file_bytes=9_000)
    waiting = facts(*came("core.0", 1), silent, files=(file("core.0", role="nbp"), half))
    assert certain(waiting, 200.0) is None
    assert root(waiting) is None
    assert still_awaited(waiting, 5.0) is None
    found = certain(replace(waiting, faults=("stall:block=7",)), 3.5)
    assert found
    assert found[0] == "tftp-stalled"


def test_configuration_of_another_case_is_named() -> None:
    asked = ("pxelinux.cfg/0A", "pxelinux.cfg/default")
    why = ("tftp", "tftp but there is PXELINUX.CFG/Default")
    missing = tuple(event(2, KIND.FILE_MISSING, *each) for each in zip(asked, why, strict=True))
    nbp = file("pxelinux.0", role="nbp")
    judgement = judge(trace(facts(*came("pxelinux.0", 1), *missing, files=(nbp,))))
    assert judgement.cause == "tree-no-config"
    assert "for pxelinux.cfg/0A, pxelinux.cfg/default, but there is PXELINUX.CFG/Default; then" in (
        judgement.summary
    )


def test_initrd_that_cannot_be_one_is_why_there_is_no_init() -> None:
    page = file("initrd.img", 3.0, flaw="is a page of HTML")
    whole = file("vmlinuz", 2.0, role="kernel")
    for files, said in (((whole, page), "; initrd.img is a page of HTML"), ((whole,), '"')):
        ran = trace(facts(files=files), "panic", "VFS: Unable to mount root fs on unknown-block(0)")
        judgement = judge(replace(ran, milestones=(Milestone("banner", 4.0),)))
        assert judgement.cause == "no-init"
        assert judgement.summary.endswith(said)


def test_initrd_that_was_refused_behind_the_kernel_is_why_there_is_no_init() -> None:
    kernel, other = file("vmlinuz", 2.0, role="kernel"), file("other.cfg", 4.0)
    gone = event(3, KIND.FILE_MISSING, "gone.img", "tftp but there is initrd.img")
    early = replace(gone, seconds=1.0)
    for events, files, cause in (
        ((gone,), (kernel,), "initrd-dropped"),
        ((early,), (kernel,), "no-init"),
        ((gone,), (kernel, other), "no-init"),
        ((), (kernel,), "no-init"),
    ):
        ran = trace(
            facts(*came("vmlinuz", 2), *events, files=files),
            "panic",
            "VFS: Unable to mount root fs on unknown-block(0,0)",
        )
        judgement = judge(replace(ran, milestones=(Milestone("banner", 4.0),)))
        assert judgement.cause == cause
        if cause == "initrd-dropped":
            assert judgement.summary == (
                "the kernel was started without its initrd, and found no /init to run: gone.img "
                "was asked for, and the folder has no such file, but there is initrd.img"
            )


def test_server_of_somebodys_own_that_has_no_initrd_of_that_name_is_told_as_theirs() -> None:
    gone = event(3, KIND.FILE_MISSING, "gone.img", "tftp")
    theirs = replace(
        facts(*came("vmlinuz", 2), gone, files=(file("vmlinuz", 2.0, role="kernel"),)),
        root="", server="dnsmasq", servers=("dnsmasq",),
    )  # fmt: skip
    panic = trace(theirs, "panic", "VFS: Unable to mount root fs on unknown-block(0,0)")
    judgement = judge(replace(panic, milestones=(Milestone("banner", 4.0),)))
    assert judgement.cause == "initrd-dropped"
    assert "gone.img" in judgement.summary
    assert "None" not in judgement.summary


def test_kernel_with_the_name_of_a_boot_program_is_one_to_pxelinux() -> None:
    nbp, module = file("pxelinux.0", role="nbp"), file("ldlinux.c32", role="module")
    whole = file("vmlinuz-6.1.0", 2.0, role="kernel")
    jumped = facts(*came("vmlinuz-6.1.0", 2), files=(nbp, module, whole))
    judgement = judge(trace(jumped, "guest-reset", ""))
    assert judgement.cause == "kernel-as-boot-program"
    assert "took it for a boot program, as the end of its name has it: jumped into it" in (
        judgement.summary
    )
    # who is told to take it for a kernel starts one that says nothing, and has its memory in pages
    for mode, cause in (("long", "kernel-silent"), ("protected", "kernel-as-boot-program")):
        sample = CpuSample(3.0, 0x101000, 16, 0x101000, mode, halted=False, interrupts=False)
        runs = replace(trace(jumped, "timeout", ""), samples=(sample,))
        assert judge(runs).cause == cause
    half = replace(whole, outcome="open", sent_bytes=3)
    too_large = replace(
        trace(facts(*came("vmlinuz-6.1.0", 2), files=(nbp, half)), "boot-manager", ""),
        boot_screen="Too large for a boostrap (need LINUX instead of KERNEL?)\nboot:",
    )
    assert judge(too_large).summary.endswith("as the end of its name has it: it is too large")
    stalled = replace(too_large, boot_screen="boot:")
    assert judge(stalled).cause != "kernel-as-boot-program"
    for other in (
        facts(*came("vmlinuz-6.1.0", 2), files=(file("core.0", role="nbp"), whole)),
        replace(jumped, files=(nbp, replace(whole, name="vmlinuz"))),
        replace(jumped, files=(nbp, replace(whole, role="initrd"))),
    ):
        assert judge(trace(other, "guest-reset", "")).cause != "kernel-as-boot-program"
    cpu = CpuSample(1.0, 0x7C10, 0, 0x7C10, "real", halted=False, interrupts=True)

    def shown(screen: str) -> PostMortem:
        return PostMortem("running", cpu, "", 16, 0, "", screen)

    on_screen = replace(too_large, boot_screen="", post_mortem=shown("Too large for a boostrap"))
    assert judge(on_screen).cause == "kernel-as-boot-program"
    split = replace(on_screen, boot_screen="Too large ", post_mortem=shown("for a boostrap"))
    assert judge(split).cause != "kernel-as-boot-program"
    by_module = replace(jumped, files=(module, whole))
    assert judge(trace(by_module, "guest-reset", "")).cause == "kernel-as-boot-program"
    by_name = replace(jumped, files=(whole,), roles={"nbp": "bios/pxelinux.0"})
    assert judge(trace(by_name, "guest-reset", "")).cause == "kernel-as-boot-program"
    entered = trace(jumped, "guest-reset", "")
    for more in (
        {"milestones": (Milestone("banner", 2.0),)},
        {"handoff": replace(handoff(1), header=SetupHeader.parse(bzimage()))},
    ):
        judgement = judge(replace(entered, **more))  # type: ignore[arg-type]
        causes = [judgement.cause, *(each.cause for each in judgement.consequences)]
        assert "kernel-as-boot-program" not in causes


def test_program_that_does_not_run_on_a_uefi_is_told_though_that_is_named_it_once_more() -> None:
    asks = (
        event(1, KIND.REQUEST, text="architecture 7, PXEClient"),
        event(1, KIND.ACK, "pxelinux.0", "10.0.2.15"),
    )
    again = (
        event(3, KIND.REQUEST, text="architecture 16, HTTPClient"),
        event(3, KIND.ACK, "pxelinux.0", "10.0.2.15"),
    )
    nbp = file("pxelinux.0", 2.0, role="nbp", program="PC BIOS")
    network = facts(*asks, *came("pxelinux.0", 2), *again, files=(nbp,), firmware="uefi")
    said = 'BdsDxe: failed to load Boot0002 "UEFI HTTPv4"'
    judgement = judge(trace(network, said=said))
    assert judgement.cause == "wrong-boot-program"
    assert judgement.summary.endswith(f'; then the UEFI gave up: "{said}"')


def test_what_a_boot_program_says_counts_more_than_that_a_uefi_s_boot_option_failed() -> None:
    options = [
        f'BdsDxe: failed to load Boot000{at} "UEFI {what}": {why}\r\n'
        for at, what, why in ((1, "PXEv4", "Access Denied"), (2, "HTTPv4", "Not Found"))
    ]
    nbp = file("shimx64.efi", role="nbp", program="x64 UEFI")
    served = facts(*came("shimx64.efi", 2), files=(nbp,), firmware="uefi")
    ended = trace(served, said=options[1].strip())
    refused = judge(replace(ended, serial="".join(options)))
    assert refused.cause == "secure-boot-refused"
    full = "initrd.img... No space left on device (http://ipxe.org/3418208b)"
    said = judge(replace(ended, serial=f"{full}\r\n{''.join(options)}"))
    assert said.summary.endswith(f': "{full}"')
    assert said.summary.startswith("shimx64.efi gave up")


def test_file_that_stalled_is_no_cause_where_another_was_asked_for_in_its_place() -> None:
    stalled = replace(event(3, KIND.REPEATED, "gone"), block=7, repeats=4)
    half = file("gone", outcome="open", sent_bytes=3)
    known = (SCRIPT, half, file("vmlinuz", 22.0))
    assert certain(facts(stalled, files=known), 40.0)
    assert certain(facts(stalled, *came("vmlinuz", 22), files=known), 40.0) is None


PROGRAM = file("undionly.kpxe", role="nbp")
SCRIPT = file("boot.ipxe", role="script")


def test_program_that_comes_three_times_and_asks_for_nothing_else_loads_itself() -> None:
    loads = [each for at in (1, 4, 7) for each in came("undionly.kpxe", at)]
    twice = facts(*loads[:4], files=(PROGRAM,))
    assert certain(twice, 5.0) is None
    found = certain(facts(*loads, files=(PROGRAM,)), 7.1)
    assert found
    assert (found[0], found[1].seconds) == ("chain-loop", 7.1)


def test_program_that_asks_for_something_new_is_no_loop() -> None:
    loads = [each for at in (1, 4, 7) for each in came("undionly.kpxe", at)]
    loads.insert(4, event(5.0, KIND.FILE_MISSING, "boot.ipxe"))
    assert certain(facts(*loads, files=(PROGRAM,)), 7.1) is None


def test_script_may_come_often_and_not_for_ever() -> None:
    loads = [each for at in range(20) for each in came("boot.ipxe", at)]
    assert certain(facts(*loads[:-2], files=(SCRIPT,)), 20.0) is None
    hung = judge(trace(facts(*loads[:24], files=(SCRIPT,))))
    assert hung.cause == "chain-loop"
    assert "it came 12 times" in hung.summary
    found = certain(facts(*loads, files=(SCRIPT,)), 20.0)
    assert found
    assert found[0] == "chain-loop"
    assert "it came 20 times" in judge(trace(facts(*loads, files=(SCRIPT,)))).summary


def test_ipxe_that_is_named_itself_by_a_uefi_is_told_once_it_has_failed() -> None:
    events = (
        *came("snponly.efi", 1),
        event(2.0, KIND.REQUEST, text="architecture 7, PXEClient, iPXE"),
        event(3.0, KIND.FILE_REQUESTED, "snponly.efi"),
    )
    network = facts(*events, files=(file("snponly.efi", role="nbp"),), firmware="uefi")
    found = root(network)
    assert found
    assert found[0] == "chain-loop"
    assert root(replace(network, firmware="bios")) is None
    by_firmware = (*events[:2], event(2.0, KIND.REQUEST, text="PXEClient"), events[3])
    assert root(replace(network, events=by_firmware)) is None
    assert root(replace(network, events=events[:3])) is None
    late = (*events[:2], event(2.0, KIND.REQUEST, text="PXEClient"), *events[3:], events[2])
    assert root(replace(network, events=late)) is None
    assert certain(network, 9.0) is None


def test_names_of_a_configuration_are_told_in_their_order() -> None:
    names = ("pxelinux.cfg/01-52-54", "pxelinux.cfg/0A00020F", "pxelinux.cfg/default")
    missing = tuple(event(2.0, KIND.FILE_MISSING, name, "tftp") for name in names)
    program = file("pxelinux.0", role="nbp")
    asked = facts(*came("pxelinux.0", 1), *missing, files=(program,))
    judgement = judge(trace(asked))
    assert judgement.cause == "tree-no-config"
    assert ", ".join(names) in judgement.summary
    found = facts(*asked.events, *came("pxelinux.cfg/default", 3), files=(program,))
    assert judge(trace(found)).cause == "script-error"


def test_script_that_tries_the_same_again_and_again_has_not_given_up() -> None:
    words = "http://boot.example.org/gone... No such file or directory (http://ipxe.org/2d0c613b)"
    named = event(2.0, KIND.NAME_ASKED, text="boot.example.org")
    tries = [
        each
        for at in range(12)
        for each in (
            replace(named, seconds=2.0 + at, repeats=at + 1),
            event(2.1 + at, KIND.HTTP_STATUS, "/gone", text="404 Not Found"),
        )
    ]
    anew = replace(named, seconds=14.0, repeats=13)
    network = facts(*came("boot.ipxe", 1), *tries, anew, files=(SCRIPT,))
    ended = replace(trace(network, "timeout", ""), serial=f"{words}\r\n")
    judgement = judge(replace(ended, ending=Ending("timeout", 14.2)))
    assert judgement.cause == "http-status"
    assert judgement.summary.startswith("/gone was asked for again and again, and the folder has")
    assert "script-error" not in [each.cause for each in judgement.consequences]
    other = replace(anew, text="mirror.example.org", repeats=1)
    asked = replace(network, events=(*network.events[:-1], other))
    ended = replace(ended, network=asked, ending=Ending("timeout", 14.2))
    assert judge(ended).cause != "http-status"


def test_file_that_cannot_be_what_it_is_for_is_named_if_nothing_came_of_it() -> None:
    page = file("vmlinuz", 3.0, flaw="is a page of HTML")
    initrd = file("initrd.img", 4.0, role="initrd")
    judgement = judge(trace(facts(*came("vmlinuz", 3), files=(SCRIPT, page, initrd))))
    assert judgement.cause == "tree-wrong-file"
    assert judgement.summary.startswith("vmlinuz is a page of HTML, and ")
    other = file("other", 5.0)
    went_on = judge(trace(facts(*came("other", 5), files=(SCRIPT, page, other))))
    assert went_on.cause == "script-error"
    good = judge(trace(facts(*came("vmlinuz", 3), files=(SCRIPT, page)), "reached", ""))
    assert good.cause is None


def test_empty_file_is_a_cause_only_if_it_was_the_last() -> None:
    empty = file("early.img", 3.0, file_bytes=0, sent_bytes=0, flaw="is empty")
    assert judge(trace(facts(files=(SCRIPT, empty)))).cause == "tree-wrong-file"
    behind = file("initrd.img", 4.0, role="initrd")
    assert judge(trace(facts(files=(SCRIPT, empty, behind)))).cause == "script-error"


def test_ipxe_that_rests_in_its_script_waits() -> None:
    asked = event(0.5, KIND.REQUEST, text=BY_IPXE)
    waits = trace(facts(asked, *came("boot.ipxe", 1), files=(SCRIPT,)), "idle", "")
    waits = replace(waits, boot_screen="A menu\n\n one\n two\n")
    judgement = judge(waits)
    assert judgement.cause == "boot-menu-waits"
    assert 'its screen ends in "A menu / one / two"' in judgement.summary
    others = ("grub/grub.cfg", "pxelinux.cfg/default", "loader/loader.conf", "boot.menu")
    for name in others:
        configuration = file(name, role="script")
        other = facts(asked, *came(name, 1), files=(configuration,))
        assert judge(replace(waits, network=other)).cause == "nbp-hang"
    before = facts(asked, *came("boot.ipxe", 1), *came("boot.png", 2), files=(SCRIPT,))
    assert judge(replace(waits, network=before)).cause == "nbp-hang"
    page = file("boot.ipxe", role="script", flaw="is a page of HTML")
    flawed = facts(asked, *came("boot.ipxe", 1), files=(SCRIPT, page))
    assert judge(replace(waits, network=flawed)).cause == "tree-wrong-file"
    other_page = replace(page, name="other.ipxe", role="")
    beside = facts(
        asked, *came("boot.ipxe", 1), files=(replace(other_page, requested_at=0.0), SCRIPT)
    )
    assert judge(replace(waits, network=beside)).cause == "boot-menu-waits"


def test_initrd_that_a_kernel_was_not_told_of_is_named() -> None:
    initrd = file("initrd.img", 4.0, role="initrd")
    panic = trace(
        facts(*came("initrd.img", 4), files=(SCRIPT, initrd), firmware="uefi"),
        "panic",
        "VFS: Unable to mount root fs on unknown-block(0,0)",
    )
    panic = replace(
        panic,
        milestones=(Milestone("banner", 8.0),),
        serial="[    0.000000] Command line: vmlinuz console=ttyS0\n",
        machine=MachineFacts("q", "7", "tcg", "pc", None, 512 << 20, (), firmware="uefi"),
    )
    assert judge(panic).cause == "tree-initrd-unused"
    told = replace(panic, serial=panic.serial.replace("vmlinuz", "vmlinuz initrd=initrd.img"))
    assert judge(told).cause == "no-init"
    assert panic.network
    (*_, served) = panic.network.files
    for files in (
        (SCRIPT, replace(served, outcome="aborted")),
        (SCRIPT, replace(served, role="data")),
        (SCRIPT,),
    ):
        asked = (event(4.0, KIND.FILE_REQUESTED, "initrd.img"),)
        roles = {"script": "boot.ipxe"}
        without = replace(panic.network, files=files, roles=roles, events=asked)
        assert judge(replace(panic, network=without)).cause == "no-init"
    there = replace(panic, ending=Ending("reached", 9.0))
    assert judge(there).cause is None
    cut = replace(panic, serial=panic.serial.replace("vmlinuz", f"vmlinuz {'x' * 900}"))
    for unknown in (cut, replace(panic, serial="")):
        assert judge(unknown).cause == "no-init"


@pytest.mark.parametrize(("ramdisk", "unused"), [(0, True), (4096, False), (None, False)])
def test_initrd_that_the_header_in_memory_does_not_name_is_unused(
    ramdisk: int | None, *, unused: bool
) -> None:
    initrd = file("initrd.img", 4.0, role="initrd")
    seen = handoff(0)
    if ramdisk is not None:
        header = replace(SetupHeader.parse(bzimage()), ramdisk_size=ramdisk, type_of_loader=0xFF)
        seen = replace(seen, header=header)
    entered = trace(facts(*came("initrd.img", 4), files=(SCRIPT, initrd)), "idle", "")
    judgement = judge(replace(entered, handoff=seen))
    assert (judgement.cause == "tree-initrd-unused") is unused
    if unused:
        assert judgement.summary == (
            "initrd.img, the initrd, came whole, and the kernel was not told of it: its header "
            "says that there is none"
        )


def test_prompt_of_grub_that_found_no_configuration_is_told_by_that() -> None:
    missing = [event(2.0, KIND.FILE_MISSING, f"grub/grub.cfg{each}", "tftp") for each in ("-0", "")]
    waits = trace(facts(*came("core.0", 1), *missing), "boot-manager", "")
    waits = replace(waits, boot_screen="Minimal BASH-like line editing\n\ngrub>")
    judgement = judge(waits)
    assert judgement.cause == "tree-no-config"
    assert "for grub/grub.cfg-0, grub/grub.cfg" in judgement.summary
    lists = event(1.5, KIND.FILE_MISSING, "grub/x86_64-efi/command.lst", "tftp")
    behind = facts(*came("core.0", 1), lists, *missing)
    assert judge(replace(waits, network=behind)).cause == "tree-no-config"
    assert judge(replace(waits, ending=Ending("reached", 9.0, ""))).cause != "tree-no-config"


def test_kernel_that_grub_under_a_uefi_does_not_find_is_named_though_its_menu_came_again() -> None:
    events = (*came("grub/grub.cfg", 1), event(2.0, KIND.FILE_MISSING, "/linux", "tftp"))
    said = "GNU GRUB\n  Booting `Debian'\r\n\r\nerror: File not found.\r\nPress any key\r\n"
    machine = MachineFacts("q", "7", "tcg", "pc", None, 512 << 20, (), firmware="uefi")
    at_the_end = CpuSample(8.9, 0x1FEAE996, 0x38, 0x1FEAE996, "long", True, False)
    waits = trace(facts(*events, firmware="uefi"), "idle", "")
    waits = replace(waits, serial=said, machine=machine, samples=(at_the_end,))
    judgement = judge(waits)
    assert judgement.cause == "tftp-not-found"
    assert judgement.summary.startswith("/linux was asked for, and the folder has no such file")
    assert "started-kernel-stopped" not in [each.cause for each in judgement.consequences]
    before = replace(waits, serial=f"error: File not found.\n{said.split('error', maxsplit=1)[0]}")
    assert judge(before).cause != "tftp-not-found"


def test_file_that_is_asked_for_again_as_it_has_come_is_not_cut_short() -> None:
    again = file("boot.ipxe", 1.1, file_bytes=9, sent_bytes=0, outcome="open", role="script")
    loads = [*came("boot.ipxe", 1), event(1.1, KIND.FILE_REQUESTED, "boot.ipxe")]
    assert certain(facts(*loads, files=(SCRIPT, again)), 1.2) is None


@pytest.mark.parametrize(
    ("screen", "cause"),
    [
        ("Minimal BASH-like line editing is supported.\n\ngrub>", "tftp-not-found"),
        ("Welcome to GRUB!\n\nerror: File not found.\ngrub rescue>", "tftp-not-found"),
        ("Use the ^ and v keys to select which entry is highlighted.", "boot-menu-waits"),
    ],
)
def test_prompt_to_which_a_missing_file_led_is_no_menu(screen: str, cause: str) -> None:
    """A menu is one that may have done without: a picture behind it, a font."""
    asked = (*came("core.0", 1), event(2, KIND.FILE_MISSING, "conf/Linux.cfg", "tftp"))
    cpu = CpuSample(9.0, 0x7C10, 0, 0x7C10, "real", halted=False, interrupts=True)
    stands = replace(
        trace(facts(*asked, files=(file("core.0", role="nbp"),)), "boot-manager", ""),
        boot_screen=screen,
        post_mortem=PostMortem("running", cpu, "", 16, 0, "", screen),
    )
    assert judge(stands).cause == cause


def test_script_that_goes_round_is_the_cause_unless_something_led_there() -> None:
    round_ = file("boot.ipxe", role="script", flaw="goes round for ever: nothing ends it")
    waits = trace(facts(*came("boot.ipxe", 1), files=(round_,)), "idle", "")
    assert judge(waits).cause == "tree-wrong-file"
    gone = event(2, KIND.FILE_MISSING, "gone", "tftp")
    refused = facts(*came("boot.ipxe", 1), gone, files=(round_,))
    led = replace(waits, network=refused, serial="gone... No such file or directory\r\n")
    assert judge(led).cause == "tftp-not-found"


def test_redirects_that_lead_in_a_circle_never_come_to_a_file() -> None:
    ways = [("/a", "/b"), ("/b", "/a")] * 10
    sent = [
        event(2 + at / 10, KIND.REDIRECTED, here, f"http 301 to {there}")
        for at, (here, there) in enumerate(ways)
    ]
    assert certain(facts(*came("boot.ipxe", 1), *sent[:18], files=(SCRIPT,)), 4.0) is None
    found = certain(facts(*came("boot.ipxe", 1), *sent, files=(SCRIPT,)), 4.0)
    assert found
    assert (found[0], found[1].file) == ("chain-loop", "/a")
    each_time = [one for each in sent for one in (each, *came("menu.ipxe", 3))]
    menu = file("menu.ipxe", role="kernel")
    assert certain(facts(*each_time, files=(SCRIPT, menu)), 9.0) is None
    judge(trace(facts(*came("boot.ipxe", 1), *sent, files=(SCRIPT,)), "certain", ""))


@pytest.mark.parametrize("times", [1, 2])
def test_a_menu_that_tries_again_does_not_do_without(times: int) -> None:
    """A graphical menu wipes off what PXELINUX says; once may be an entry that another follows."""
    rounds = [(*came("vmlinuz", at), event(at + 0.2, KIND.FILE_MISSING, "gone.img"))
              for at in range(1, 1 + times)]  # fmt: skip
    on_its_way = event(8, KIND.FILE_REQUESTED, "vmlinuz")
    files = file("vmlinuz", role="kernel"), file("vmlinuz", 8, outcome="open", sent_bytes=5)
    network = facts(*(each for told in rounds for each in told), on_its_way, files=files)
    judgement = judge(trace(network, "timeout", ""))
    assert judgement.cause == ("tftp-not-found" if times == 2 else "timed-out")


def test_what_is_asked_for_behind_another_file_is_not_what_a_menu_tries_again_for() -> None:
    rounds = [(*came("ldlinux.c32", at), event(at + 0.2, KIND.FILE_MISSING, "pxelinux.cfg/0A"))
              for at in (1, 2)]  # fmt: skip
    network = facts(
        *(each for told in rounds for each in told), files=(file("vmlinuz", role="kernel"),)
    )
    assert tried_again(network) is None


@pytest.mark.parametrize(
    ("refused", "named", "before"),
    [
        (("nothere.ipxe", "vmlinuz"), "vmlinuz", "after nothere.ipxe had been refused"),
        (("boot.msg", "vmlinuz", "vmlinuz.cbt", "vmlinuz.c32"), "vmlinuz", "after boot.msg had"),
        (("a.cfg", "windows.c32", "windows.img", "windows"), "windows", "after a.cfg had been"),
        (("ldlinux.c32", "/boot/ldlinux.c32", "/ldlinux.c32"), "ldlinux.c32", "for, and the"),
        (("a", "b", "c", "d", "e"), "e", "after a, b, c and 1 more had been refused"),
        (("vmlinuz", "initrd.img"), "initrd.img", "after vmlinuz had"),
    ],
)
def test_the_last_file_that_was_refused_is_the_one_that_was_not_done_without(
    refused: tuple[str, ...], named: str, before: str
) -> None:
    missing = (event(2 + at / 10, KIND.FILE_MISSING, name) for at, name in enumerate(refused))
    judgement = judge(trace(facts(*came("boot.ipxe", 1), *missing, files=(SCRIPT,))))
    assert judgement.cause == "tftp-not-found"
    assert judgement.summary.startswith(f"{named} was asked for")
    assert before in judgement.summary


@pytest.mark.parametrize(
    ("screen", "cause"),
    [
        (f"extra.ipxe... Not found (http://ipxe.org/2d12603b)\n{FAILED}", "tftp-not-found"),
        (
            "extra.ipxe... Not found (http://ipxe.org/2d12603b)\n"
            f"frobnicate: command not found\n{FAILED}",
            "script-error",
        ),
        # a disk over HTTP: the step has the error of the file, and does not name it
        (f"Could not open SAN device: {FAILED.partition(': ')[2]}\n{FAILED}", "tftp-not-found"),
    ],
)
def test_a_step_that_failed_behind_a_file_that_is_not_there_is_why_a_script_ended(
    screen: str, cause: str
) -> None:
    missing = event(2, KIND.FILE_MISSING, "extra.ipxe")
    network = facts(*came("boot.ipxe", 1), missing, files=(SCRIPT,))
    assert judge(replace(trace(network, said=FAILED), serial=screen)).cause == cause


@pytest.mark.parametrize(("again_at", "cause"), [(2.2, "timed-out"), (3.5, "tftp-not-found")])
def test_a_file_that_is_asked_for_again_later_is_not_done_without(
    again_at: float, cause: str
) -> None:
    """A graphical menu tells nobody why it comes again."""
    events = (
        event(2, KIND.FILE_MISSING, "bg.png"),
        *(event(at, KIND.FILE_MISSING, "vmlinuz") for at in (2.1, again_at)),
    )
    judgement = judge(trace(facts(*came("menu.c32", 1), *events), "timeout", ""))
    assert judgement.cause == cause


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("error: File not found.\nerror: you need to load the kernel first.", "tftp-not-found"),
        ("error: File not found.\n\n\nGNU GRUB", "boot-manager-error"),
    ],
)
def test_a_kernel_that_grub_did_not_find_is_named(said: str, cause: str) -> None:
    events = (*came("grub.cfg", 1), event(2, KIND.FILE_MISSING, "/vmlinuz", "tftp"))
    shown = replace(trace(facts(*events), "idle", ""), boot_screen=said)
    assert judge(shown).cause == cause


@pytest.mark.parametrize(
    ("program", "said", "who"),
    [
        ("undionly.kpxe", "Loading gone... failed: No such file or directory", "PXELINUX"),
        ("lpxelinux.0", "Loading gone... failed: No such file or directory", "PXELINUX"),
        ("pxelinux.0", FAILED, "iPXE"),
        ("undionly.kpxe", FAILED, "iPXE"),
        ("pxelinux.0", 'BdsDxe: failed to load Boot0001 "UEFI PXEv4": Not Found', "the UEFI"),
    ],
)
def test_who_gave_up_is_known_by_its_words(program: str, said: str, who: str) -> None:
    missing = event(2, KIND.FILE_MISSING, "gone")
    network = facts(*came(program, 1), missing, files=(file(program, role="nbp"),))
    assert f'; then {who} gave up: "' in judge(trace(network, said=said)).summary
