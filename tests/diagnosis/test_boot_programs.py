"""What boot programs and firmwares of a network boot did last, from hand-made events."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.diagnosis.programs import client_of
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import CpuSample, MachineFacts, PostMortem
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile, NetworkFacts
from tests.support.traces import handoff

pytestmark = pytest.mark.usefixtures("every_word")

KIND = NetEventKind
MAC = "52:54:00:12:34:01"
ROLES = {"nbp": "pxelinux.0", "script": "pxelinux.cfg/default", "kernel": "vmlinuz"}
MACHINE = MachineFacts("qemu", "7.2", "tcg", "pc", None, 512 << 20, (), firmware="uefi")
CPU = CpuSample(1.0, 0x7C10, 0, 0x7C10, "real", halted=False, interrupts=True)
DENIED = "BdsDxe: failed to load Boot0001: Access Denied"


def event(seconds: float, kind: NetEventKind, file: str = "", text: str = "") -> NetEvent:
    return NetEvent(seconds, kind, MAC, file, text=text)


def came(*names: str) -> tuple[NetEvent, ...]:
    return tuple(event(3.0 + at, KIND.FILE_SERVED, name) for at, name in enumerate(names))


def facts(*events: NetEvent, **more: Any) -> NetworkFacts:
    values: dict[str, Any] = {"roles": ROLES, "events": events, **more}
    return NetworkFacts(
        path="pxelinux", firmware="bios", nic="virtio", server="wire", mac=MAC, **values
    )


def boot(network: NetworkFacts | None, kind: str = "idle", said: str = "") -> BootTrace:
    return BootTrace("k", "init", Ending(kind, 20.0, said), network=network)


def shown(screen: str) -> PostMortem:
    return PostMortem("running", CPU, "", 16, 0, "", screen)


# who hangs


@pytest.mark.parametrize(
    ("kind", "then"),
    [
        ("halted", "the CPU has halted with interrupts off"),
        ("idle", "from then on nothing was asked for or booted for 17.0 s"),
        ("timeout", "from then on nothing was asked for or booted for 17.0 s"),
    ],
)
def test_a_boot_program_that_does_nothing_more_hangs(kind: str, then: str) -> None:
    judgement = judge(boot(facts(*came("pxelinux.0")), kind))
    assert judgement.cause == "nbp-hang"
    assert judgement.summary == (
        f"pxelinux.0 hangs: pxelinux.0, the nbp, came whole at 3.00 s, and {then}"
    )


@pytest.mark.parametrize(
    ("roles", "who"),
    [
        ({**ROLES, "initrd": "initrd.img"}, "vmlinuz was not seen to begin: "),
        ({"nbp": "pxelinux.0", "initrd": "initrd.img"}, "the kernel was not seen to begin: "),
        (ROLES, "pxelinux.0 hangs: "),
    ],
)
def test_behind_an_initrd_it_may_be_the_kernel_that_hangs(roles: dict[str, str], who: str) -> None:
    network = facts(*came("pxelinux.0", "vmlinuz", "initrd.img"), roles=roles)
    assert judge(boot(network)).summary.startswith(who)


# who gave up, and over what


def test_what_came_beside_a_boot_program_is_the_last_of_it() -> None:
    network = facts(*came("pxelinux.0", "ldlinux.c32", "menu.c32"))
    judgement = judge(boot(network, "boot-program", "It failed"))
    assert "before it had got a script, with menu.c32, which came whole: " in judgement.summary


def test_a_url_that_no_build_knows_is_asked_about() -> None:
    said = "Operation not supported (https://ipxe.org/3c092003)"
    judgement = judge(boot(facts(*came("pxelinux.0")), "boot-program", said))
    assert judgement.summary.endswith(
        f'"{said}"; this build of iPXE does not know the URL\'s protocol: is it HTTPS or FTP?'
    )


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (
            "No such file or directory (http://ipxe.org/2d02803b)",
            "a `goto` of the script went to a label that is not in it",
        ),
        (
            "No such file or directory (http://ipxe.org/2d02203b)",
            "what an `isset` of the script asks for is not set, and that ends a script unless `||` "
            "follows",
        ),
        (
            "Result too large (http://ipxe.org/46022085)",
            "what an `iseq` of the script compares is not equal, and that ends a script unless "
            "`||` follows",
        ),
    ],
)
def test_what_a_script_fails_at_by_itself_is_told_by_the_number_of_the_error(
    said: str, means: str
) -> None:
    said = f"Could not boot image: {said}"
    judgement = judge(boot(facts(*came("undionly.kpxe")), "boot-program", said))
    assert judgement.summary.endswith(f'"{said}"; {means}')


@pytest.mark.parametrize(
    ("number", "cause"), [("2d028", "tree-wrong-file"), ("2d022", "script-error")]
)
def test_a_label_that_is_not_there_counts_where_a_script_went_to_it(
    number: str, cause: str
) -> None:
    script = NetFile("boot.ipxe", "tftp", MAC, 40, "", 3.0, 3.0, 40, "served", role="script")
    script = replace(script, flaw="goes to x, a label that is not in it")
    network = facts(*came("undionly.kpxe", "boot.ipxe"), root="/srv", files=(script,))
    said = f"Could not boot image: No such file or directory (http://ipxe.org/{number}03b)"
    assert judge(boot(network, "boot-program", said)).cause == cause


@pytest.mark.parametrize(
    ("served", "what"),
    [
        (("pxelinux.0",), "the firmware refused to start pxelinux.0, the nbp, though"),
        ((), "the firmware refused to start what it was to boot though"),
    ],
)
def test_what_a_firmware_does_not_start_is_named_if_it_came(
    served: tuple[str, ...], what: str
) -> None:
    judgement = judge(boot(facts(*came(*served)), "boot-program", DENIED))
    assert judgement.cause == "secure-boot-refused"
    assert judgement.summary.startswith(what)


def test_words_of_a_refusal_are_the_networks_only_in_a_boot_from_it() -> None:
    silent = replace(boot(None), serial=f"{DENIED}\r\n")
    assert judge(silent).cause != "secure-boot-refused"
    entered = replace(boot(facts(*came("pxelinux.0"))), serial=f"{DENIED}\r\n", handoff=handoff(0))
    assert judge(entered).cause != "secure-boot-refused"


# a firmware that crashed

CRASH = "!!!! X64 Exception Type - 06(#UD - Invalid Opcode)  CPU Apic ID - 00000000 !!!!"


def crashed(network: NetworkFacts | None, serial: str, **more: Any) -> BootTrace:
    return replace(boot(network, "firmware-crash", CRASH), serial=serial, **more)


def test_a_crash_is_told_with_what_had_come_by_then() -> None:
    files = tuple(
        NetFile(name, "tftp", MAC, 1000, "", 3.0, 4.0, 1000, outcome)
        for name, outcome in (("a", "served"), ("b", "served"), ("c", "open"))
    )
    network = facts(*came("snponly.efi", "a", "b"), files=files)
    judgement = judge(crashed(network, f"iPXE\r\n{CRASH}\r\nRIP\r\n", machine=MACHINE))
    assert judgement.cause == "firmware-crashed"
    assert judgement.summary == (
        "the UEFI firmware, or what it had started, crashed 20.00 s after launch, after it had got "
        "a and b (2,000 bytes in all) in a machine of 512 MiB: "
        '"X64 Exception Type - 06(#UD - Invalid Opcode)  CPU Apic ID - 00000000"'
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (CRASH, "RIP")


def test_a_crash_of_which_little_is_known_is_told_all_the_same() -> None:
    for network in (None, facts()):
        judgement = judge(crashed(network, "one\r\n\r\ntwo\r\n"))
        assert judgement.cause == "firmware-crashed"
        assert "crashed 20.00 s after launch: " in judgement.summary
        assert judgement.diagnosis
        assert judgement.diagnosis.evidence == ("one", "two")


# folders that somebody brought


def missing(*names: str) -> tuple[NetEvent, ...]:
    return tuple(event(5.0, KIND.FILE_MISSING, name, "tftp") for name in names)


CONFIGS = ("grub/grub.cfg-01", "grub/grub.cfg-0A", "grub/grub.cfg")


def test_a_prompt_behind_configurations_that_are_missing_is_told_by_those() -> None:
    waits = boot(facts(*came("core.0"), *missing("grub/command.lst", *CONFIGS), root="/srv"))
    prompt = replace(waits, boot_screen="Minimal BASH-like line editing\n\ngrub>")
    assert judge(prompt).cause == "tree-no-config"
    # without a word and without a prompt it may have done without
    assert judge(waits).cause != "tree-no-config"
    said = judge(replace(waits, ending=Ending("boot-program", 9.0, "No configuration")))
    assert said.cause == "tree-no-config"


@pytest.mark.parametrize("on", ["screen at the end", "serial line", "nowhere"])
def test_who_names_a_file_that_is_missing_did_not_do_without(on: str) -> None:
    waits = boot(facts(*came("pxelinux.0"), *missing("images/vmlinuz"), root="/srv"))
    said = "Loading vmlinuz... "
    if on == "serial line":
        waits = replace(waits, serial=said)
    elif on == "screen at the end":
        waits = replace(waits, post_mortem=shown(said))
    assert (judge(waits).cause == "tftp-not-found") is (on != "nowhere")


def flawed(**more: Any) -> NetworkFacts:
    page = NetFile("vmlinuz", "tftp", MAC, 9, "", 3.0, 3.0, 9, "served", flaw="is a page of HTML")
    return facts(*came("vmlinuz"), files=(page,), **{"root": "/srv", "roles": {}, **more})


def test_a_file_that_cannot_be_what_it_is_for_is_told_with_what_came_of_it() -> None:
    nothing = judge(boot(flawed()))
    assert nothing.cause == "tree-wrong-file"
    assert nothing.summary.startswith("vmlinuz is a page of HTML, and nothing came of it 20.00 s")
    gave_up = judge(boot(flawed(), "boot-program", "Invalid or corrupt kernel image"))
    assert gave_up.summary.startswith("vmlinuz is a page of HTML, and the card's iPXE gave up 20")


def test_a_file_that_was_entered_all_the_same_or_is_ours_has_no_flaw() -> None:
    entered = replace(boot(flawed()), handoff=handoff(0))
    assert judge(entered).cause != "tree-wrong-file"
    assert judge(boot(flawed(root=""))).cause != "tree-wrong-file"
    assert judge(boot(flawed(root="", servers=("kea:x",)))).cause == "tree-wrong-file"


def test_a_client_is_known_from_its_question_on() -> None:
    asks = event(2.0, KIND.DISCOVER, text="architecture 7, PXEClient")
    later = event(3.0, KIND.DISCOVER, text="architecture 0, PXEClient")
    network = facts(event(1.0, KIND.LINK_UP), asks, later)
    assert client_of(network, network.events[0]) is None
    assert client_of(network, asks) == (7, "x64 UEFI")
    assert client_of(network, later) == (0, "PC BIOS")
