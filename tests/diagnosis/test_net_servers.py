"""Causes that lie in somebody's own servers, from hand-made events."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.diagnosis.certainty import QUIET_S, certain, root
from bootharness.diagnosis.patience import client_at
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.network_facts import (
    MENU_WAITS,
    NOT_FOR_HTTP,
    NetEvent,
    NetEventKind,
    NetFile,
    NetworkFacts,
)

pytestmark = pytest.mark.usefixtures("every_word")

KIND = NetEventKind
BIOS = "architecture 0, PXEClient, iPXE"
DISCOVER = ((2.0, KIND.DISCOVER, "", 0, BIOS),)
KEA, PROXY = "by kea-dhcp4 at 192.168.77.1", "by dnsmasq at 192.168.77.2"
LEASED = (
    *DISCOVER,
    (2.1, KIND.OFFER, "", 0, f"192.168.77.100 {KEA}"),
    (2.2, KIND.REQUEST, "", 0, BIOS),
    (2.3, KIND.ACK, "", 0, f"192.168.77.100 {KEA}"),
)
NAMED = (
    *DISCOVER,
    (2.3, KIND.ACK, "pxelinux.0", 0, f"192.168.77.100 {KEA}, from 192.168.77.5"),
)
TO_NOWHERE = (
    2.3, KIND.ACK, "pxelinux.0", 0,
    f"192.168.77.100 {KEA}, from 192.168.77.1, for it names no next server",
)  # fmt: skip
OFFERED = (2.1, KIND.PROXY_OFFER, "", 0, PROXY)
MENU = (2.1, KIND.PROXY_OFFER, "", 0, f"{PROXY}, with {MENU_WAITS}: Boot / Local")
TIMED_MENU = (2.1, KIND.PROXY_OFFER, "", 0, f"{PROXY}, with a PXE menu whose first is taken")
OF_HTTP = (2.1, KIND.OFFER, "a.efi", 0,
           f"192.168.77.100 {KEA}, from x, {NOT_FOR_HTTP}its boot file is no URL")  # fmt: skip
ASKED = tuple((2.4 + at, KIND.PROXY_REQUEST, "", at, f"192.168.77.2, {BIOS}") for at in range(3))
REQUESTED = (2.5, KIND.FILE_REQUESTED, "pxelinux.0", 0, "tftp")
AGAIN = tuple(
    (2.5 + at, KIND.REPEATED, "pxelinux.0", at, "tftp from 192.168.77.5") for at in (1, 2, 3)
)

Said = tuple[float, NetEventKind, str, int, str]


def facts(*said: Said, files: tuple[NetFile, ...] = (), firmware: str = "bios") -> NetworkFacts:
    events = tuple(
        NetEvent(seconds, kind, "52:54:00:12:34:01", file, None, repeats, text)
        for seconds, kind, file, repeats, text in said
    )
    return NetworkFacts(
        "net-server", firmware, "virtio", "kea-dhcp4 at 192.168.77.1, dnsmasq at 192.168.77.2",
        "52:54:00:12:34:01", {each.role: each.name for each in files}, (), events, files,
        servers=("kea:kea.conf", "dnsmasq:dnsmasq.conf"),
    )  # fmt: skip


def failed(network: NetworkFacts) -> BootTrace:
    return BootTrace("kea:kea.conf", "banner", Ending("idle", 60.0), "net-server", network=network)


def program(kind: str) -> NetFile:
    return NetFile("boot.efi", "tftp", "", 10, "", 2.9, 3.0, 10, "served", role="nbp", program=kind)


GOT_IT = (*LEASED, (2.9, KIND.FILE_REQUESTED, "boot.efi", 0, ""),
          (3.0, KIND.FILE_SERVED, "boot.efi", 0, ""))  # fmt: skip


@pytest.mark.parametrize(
    ("said", "cause", "words"),
    [
        (DISCOVER * 3, "dhcp-no-offer", "got no DHCP offer from kea-dhcp4 at 192.168.77.1"),
        ((*DISCOVER, OFFERED), "dhcp-no-offer", "only a proxy, dnsmasq at 192.168.77.2, answered"),
        (LEASED, "dhcp-no-filename", "kea-dhcp4 at 192.168.77.1, names no boot file, and nobody"),
        ((*LEASED[:2], (2.1, KIND.OFFER, "grub.0", 0, PROXY), *LEASED[2:]), "dhcp-no-filename",
         "took that offer, and not the one by dnsmasq at 192.168.77.2, which names grub.0"),
        ((OFFERED, *LEASED, *ASKED), "proxy-silent",
         "offered to name the boot file and does not answer at 192.168.77.2 port 4011, where it "
         "was asked 3 times"),
        ((OFFERED, *LEASED, *ASKED,
          (5.0, KIND.UNREACHABLE, "", 0, "192.168.77.2 has nobody at UDP port 4011")),
         "proxy-silent", "nobody listens at its port 4011"),
        ((OFFERED, *LEASED, ASKED[0], (2.5, KIND.PROXY_ACK, "boot.ipxe", 0, PROXY), *ASKED[1:]),
         "proxy-ignored", "3 times at port 4011 and was answered, but did not take the answer, "
         "which names boot.ipxe"),
        ((*NAMED, (4.0, KIND.UNANSWERED_ARP, "", 4, "who has 192.168.77.5?")), "tftp-stalled",
         "nobody has the address 192.168.77.5, to which kea-dhcp4 at 192.168.77.1 sent it for "
         "pxelinux.0: iPXE asked for it 5 times"),
        ((*DISCOVER, (2.3, KIND.ACK, "pxelinux.0", 0,
                      f"192.168.77.100 {KEA}, from 10.9.0.5, through 192.168.77.9"),
          (4.0, KIND.UNANSWERED_ARP, "", 4, "who has 192.168.77.9?")), "tftp-stalled",
         "nobody has the address 192.168.77.9, the router that kea-dhcp4 at 192.168.77.1 named: "
         "iPXE asked for it 5 times"),
        ((*DISCOVER, (2.1, KIND.RELAYED, "", 0, "to 10.9.0.5")), "dhcp-no-offer",
         "the relay passed it on to 10.9.0.5, and no answer came back"),
        ((*DISCOVER, (2.4, KIND.RELAYED, "", 0, "to 10.9.0.5, an address that nobody has"),
          (2.5, KIND.RELAYED, "", 0, "to 10.9.0.6")), "dhcp-no-offer",
         "the relay passed it on to 10.9.0.5, an address that nobody has"),
        ((*NAMED, REQUESTED, *AGAIN), "tftp-stalled",
         "pxelinux.0 was asked for at 192.168.77.5 4 times, and nothing came"),
        ((*NAMED, REQUESTED, *AGAIN,
          (2.6, KIND.UNREACHABLE, "", 0, "192.168.77.5 has nobody at UDP port 69")),
         "tftp-stalled", "no TFTP server runs there, its port 69 is closed"),
        ((*NAMED, REQUESTED, *AGAIN,
          (2.6, KIND.UNREACHABLE, "", 0, "192.168.77.1 has nobody at UDP port 69"),
          (2.7, KIND.UNREACHABLE, "", 0, "192.168.77.5 has nobody at UDP port 4011")),
         "tftp-stalled", "4 times, and nothing came"),
        ((*NAMED, REQUESTED, (3.5, KIND.REPEATED, "menu", 1, "tftp from 192.168.77.9"),
          (4.0, KIND.UNANSWERED_ARP, "", 4, "who has 192.168.77.9?")), "server-not-there",
         "nobody has the address 192.168.77.9, which it asks for: "),
        ((OFFERED, *LEASED), "dhcp-no-filename",
         "names no boot file, and the proxy, dnsmasq at 192.168.77.2, told none either"),
        ((*LEASED[:3], (2.3, KIND.ACK, "", 0, "192.168.77.100")), "dhcp-no-filename",
         "the DHCP ack at 2.30 s names no boot file, and"),
        ((OFFERED, *LEASED, ASKED[0], (2.5, KIND.PROXY_ACK, "", 0, PROXY)), "dhcp-no-filename",
         "told none either"),
        ((*LEASED, *ASKED), "proxy-silent", "the proxy offered to name the boot file and does"),
        ((OFFERED, *NAMED, ASKED[0], (2.5, KIND.PROXY_ACK, "", 0, PROXY), *ASKED[1:]),
         "proxy-ignored", "did not take the answer, which names no file"),
        ((MENU, *LEASED), "boot-menu-waits",
         "dnsmasq at 192.168.77.2 told iPXE of a PXE menu that waits for a person: Boot / Local; "),
        ((TIMED_MENU, *LEASED), "dhcp-no-filename", "told none either"),
        ((MENU, *LEASED, *ASKED), "proxy-silent", "does not answer at 192.168.77.2 port 4011"),
        ((MENU, *LEASED, ASKED[0], (2.5, KIND.PROXY_ACK, "", 0, PROXY)), "dhcp-no-filename",
         "told none either"),
        ((*DISCOVER, LEASED[1], *DISCOVER * 2), "dhcp-no-filename",
         "the DHCP offer by kea-dhcp4 at 192.168.77.1 names no boot file, and nobody else named "
         "one: iPXE took none, and asked 3 times from 2.00 s on"),
        ((*DISCOVER, OF_HTTP, *DISCOVER * 2), "dhcp-offer-passed-over",
         "the DHCP offer of a.efi by kea-dhcp4 at 192.168.77.1 is not for HTTP boot, since its "
         "boot file is no URL: iPXE took none, and asked 3 times from 2.00 s on"),
        ((*DISCOVER, TO_NOWHERE), "dhcp-no-next-server", "by kea-dhcp4 at 192.168.77.1, names "
         "pxelinux.0 and no next server that has it, and iPXE asked nobody for it"),
    ],
)  # fmt: skip
def test_who_did_what_is_in_the_sentence(said: tuple[Said, ...], cause: str, words: str) -> None:
    said = tuple(
        (at, kind, file, number if kind == KIND.DISCOVER else repeats, text)
        for number, (at, kind, file, repeats, text) in enumerate(said)
    )
    if cause == "dhcp-no-offer":
        said = (*said, (6.0, KIND.DISCOVER, "", 3, BIOS))
    judgement = judge(failed(facts(*said)))
    assert judgement.cause == cause, judgement.summary
    assert words in judgement.summary


def test_what_a_server_complained_of_is_quoted() -> None:
    network = facts(*DISCOVER, (6.0, KIND.DISCOVER, "", 3, BIOS))
    words = "no address range available for DHCP request via eth0"
    judgement = judge(failed(replace(network, said=(f"dnsmasq: {words}",))))
    assert f'; dnsmasq: "{words}"' in judgement.summary
    more = (f"dnsmasq: {words}", "kea-dhcp4: DHCP4_OPEN: no socket")
    judgement = judge(failed(replace(network, said=more)))
    assert judgement.summary.endswith(f'; dnsmasq: "{words}"; kea-dhcp4: "DHCP4_OPEN: no socket"')
    proxied = facts(OFFERED, *LEASED)
    assert words in judge(failed(replace(proxied, said=more))).summary


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tftp error 1 no such file, by 192.168.77.2", ': "no such file", and iPXE asked'),
        ("tftp error 2 refused, by order, by 192.168.77.2", ': "refused, by order", and'),
        ("tftp error 1 , by 192.168.77.2", "pxelinux.0, and iPXE asked for nothing else"),
    ],
)
def test_what_a_server_does_not_give_is_told_in_its_words(text: str, words: str) -> None:
    network = facts(*NAMED, (3.0, KIND.FILE_MISSING, "pxelinux.0", 0, text))
    judgement = judge(replace(failed(network), ending=Ending("boot-program", 5.0, "No such file")))
    assert judgement.cause == "tftp-not-found"
    assert judgement.summary.startswith("the TFTP server at 192.168.77.2 does not give pxelinux.0")
    assert words in judgement.summary


def test_what_was_refused_before_is_told_of() -> None:
    gone = [(3.0 + at, KIND.FILE_MISSING, name, 0, "tftp error 1 no, by 192.168.77.2")
            for at, name in enumerate(("a.cfg", "b.png", "c.txt", "d.txt", "linux"))]  # fmt: skip
    trace = failed(facts(*NAMED, *gone))
    judgement = judge(replace(trace, ending=Ending("boot-program", 9.0, "linux: No such file")))
    assert judgement.cause == "tftp-not-found"
    assert "does not give linux: " in judgement.summary
    assert ", after a.cfg, b.png, c.txt and 1 more had been refused, and" in judgement.summary


@pytest.mark.parametrize(("block", "theirs"), [(0, True), (1, True), (2, False)])
def test_a_server_that_began_to_send_runs(block: int, *, theirs: bool) -> None:
    network = facts(*NAMED, REQUESTED, *AGAIN)
    events = tuple(
        replace(each, block=block) if each.kind == KIND.REPEATED else each
        for each in network.events
    )
    judgement = judge(failed(replace(network, events=events)))
    assert judgement.cause == "tftp-stalled"
    assert ("was asked for at 192.168.77.5" in judgement.summary) is theirs


def test_who_names_no_file_proves_nothing_as_long_as_others_may() -> None:
    assert certain(facts(*LEASED), 100.0) is None
    assert root(facts(*LEASED)) is not None
    named = (*LEASED, (2.5, KIND.PROXY_ACK, "pxelinux.0", 0, PROXY))
    assert root(facts(*named)) is None
    assert root(facts(*LEASED, REQUESTED)) is None


def test_an_offer_is_passed_over_by_who_asks_on() -> None:
    again = (7.0, KIND.DISCOVER, "", 1, BIOS)
    offered = (*DISCOVER, LEASED[1], again)
    assert root(facts(*offered)) is None
    found = root(facts(*offered, again))
    assert found is not None
    assert (found[0], found[1].kind) == ("dhcp-no-filename", KIND.OFFER)
    assert certain(facts(*offered, again), 100.0) is None
    assert root(facts(*DISCOVER, again, LEASED[1])) is None
    assert root(facts(*offered, again, (7.1, KIND.REQUEST, "", 0, BIOS))) is None
    named = (2.2, KIND.PROXY_OFFER, "grub.0", 0, PROXY)
    assert root(facts(*offered, named, again)) is None
    ours = replace(facts(*offered, again), servers=(), root="/srv")
    assert root(ours) is None


@pytest.mark.parametrize(
    ("after", "ignored"),
    [
        ((), False),
        (ASKED, True),
        (ASKED[:2], False),
        ((*ASKED, (5.0, KIND.REQUEST, "", 0, BIOS)), True),
        ((*ASKED, REQUESTED), False),
    ],
)
def test_who_asks_a_proxy_on_after_its_answer_ignores_that(
    after: tuple[Said, ...], *, ignored: bool
) -> None:
    network = facts(*NAMED, *ASKED, (2.5, KIND.PROXY_ACK, "boot.ipxe", 0, PROXY), *after)
    found = root(network)
    assert (found is not None and found[0] == "proxy-ignored") is ignored


def test_a_proxy_is_waited_for_as_long_as_its_client_asks() -> None:
    network = facts(OFFERED, *LEASED, *ASKED)
    assert certain(network, 10.0) is None
    found = certain(network, 40.0)
    assert found
    assert found[0] == "proxy-silent"


@pytest.mark.parametrize(
    ("client", "kind", "wrong"),
    [("0", "x64 UEFI", True), ("0", "PC BIOS", False), ("7", "PC BIOS", True),
     ("9", "x64 UEFI", False), ("11", "x64 UEFI", True), ("99", "x64 UEFI", False),
     ("0", "", False)],
)  # fmt: skip
def test_a_boot_program_runs_on_its_own_kind_of_client(
    client: str, kind: str, *, wrong: bool
) -> None:
    said = tuple((*each[:4], each[4].replace("architecture 0", f"architecture {client}"))
                 for each in GOT_IT)  # fmt: skip
    network = facts(*said, files=(program(kind),))
    found = root(network)
    assert (found is not None and found[0] == "wrong-boot-program") is wrong
    # a UEFI has further boot options
    over = certain(network, 3.0 + QUIET_S + 0.1)
    assert (over is not None) is (wrong and client == "0")
    assert certain(network, 3.0 + QUIET_S) is None


@pytest.mark.parametrize(
    ("named", "by"),
    [
        ((), ", PC BIOS: it came whole"),
        (
            ((2.2, KIND.OFFER, "boot.efi", 0, f"192.168.77.100 {KEA}"),),
            f", to which {KEA[3:]} named",
        ),
        (
            (
                (2.2, KIND.OFFER, "boot.efi", 0, f"192.168.77.100 {KEA}"),
                (2.4, KIND.PROXY_ACK, "boot.efi", 0, f"{PROXY}, from 192.168.77.2"),
                (2.5, KIND.ACK, "boot.efi", 0, "192.168.77.100"),
                (2.6, KIND.ACK, "", 0, f"192.168.77.100 {KEA}"),
            ),
            f", to which {PROXY[3:]} named",
        ),
    ],
)  # fmt: skip
def test_who_named_a_boot_program_to_a_client_that_cannot_run_it(
    named: tuple[Said, ...], by: str
) -> None:
    other = replace(program("PC BIOS"), name="menu.c32")
    network = facts(*DISCOVER, *named, *GOT_IT[-2:], files=(program("x64 UEFI"), other))
    judgement = judge(failed(network))
    assert judgement.cause == "wrong-boot-program"
    assert judgement.summary.startswith(
        "boot.efi is a boot program for x64 UEFI, and the client is of architecture 0, PC BIOS"
    )
    assert by in judgement.summary


def test_a_boot_program_that_asks_for_more_runs() -> None:
    more = (*GOT_IT, (3.5, KIND.FILE_REQUESTED, "menu", 0, ""))
    assert root(facts(*more, files=(program("x64 UEFI"),))) is None


@pytest.mark.parametrize(
    ("firmware", "text", "name"),
    [("bios", BIOS, "iPXE"), ("uefi", "architecture 7, PXEClient", "the UEFI's PXE"),
     ("uefi", "architecture 7, PXEClient, iPXE", "iPXE")],
)  # fmt: skip
def test_who_asks_is_known_by_what_it_says(firmware: str, text: str, name: str) -> None:
    network = facts((2.0, KIND.DISCOVER, "", 0, text), firmware=firmware)
    assert client_at(network, network.events[0]).name == name
