"""What the wire has seen of a boot's failure, in words, from hand-made events."""

from typing import Any

import pytest

from bootharness.diagnosis import judge
from bootharness.diagnosis.certainty import still_awaited
from bootharness.diagnosis.wire_words import asking
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile, NetworkFacts

pytestmark = pytest.mark.usefixtures("every_word")

KIND = NetEventKind
MAC = "52:54:00:12:34:01"
ROLES = {"nbp": "pxelinux.0", "script": "pxelinux.cfg/default", "kernel": "vmlinuz"}


def event(seconds: float, kind: NetEventKind, file: str = "", **more: Any) -> NetEvent:
    return NetEvent(seconds, kind, MAC, file, **more)


def facts(*events: NetEvent, **more: Any) -> NetworkFacts:
    values: dict[str, Any] = {"path": "pxelinux", "firmware": "bios", "roles": ROLES, **more}
    return NetworkFacts(nic="virtio", server="wire", mac=MAC, events=events, **values)


def said(network: NetworkFacts, kind: str = "network", detail: str = "") -> str:
    return judge(BootTrace("k", "init", Ending(kind, 60.0, detail), network=network)).summary


def test_a_proxy_is_named_by_its_address_to_who_waits() -> None:
    text = "192.168.77.2, architecture 0, PXEClient, iPXE"
    wait = still_awaited(facts(event(2.0, KIND.PROXY_REQUEST, text=text)), 3.0)
    assert wait
    assert asking(wait).startswith("asks for its boot file at 192.168.77.2, since 2.00 s, and may")


DISCOVERS = tuple(event(2.0 + at, KIND.DISCOVER, repeats=at) for at in range(3))


@pytest.mark.parametrize("fault", ["no-offer", "blocked", "loss:rate=0.1,seed=1"])
def test_the_fault_that_kept_an_offer_back_is_named(fault: str) -> None:
    assert said(facts(*DISCOVERS, faults=(fault,))).endswith(f"got no DHCP offer (fault {fault})")


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("10.0.2.15, by dnsmasq at 10.0.2.9", ", by dnsmasq at 10.0.2.9, names"),
        ("10.0.2.15", " names"),
    ],
)
def test_who_names_no_file_is_told_where_it_is_known(text: str, by: str) -> None:
    network = facts(event(2.2, KIND.ACK, text=text))
    assert said(network) == (
        f"the DHCP ack at 2.20 s{by} no boot file, so there is nothing to boot"
    )


def loaded(name: str, times: int) -> tuple[NetEvent, ...]:
    return tuple(
        event(at + behind, kind, name)
        for at in range(times)
        for behind, kind in ((0.5, KIND.FILE_REQUESTED), (0.6, KIND.FILE_SERVED))
    )


def test_a_boot_program_that_loads_itself_is_named_to_itself() -> None:
    by_itself = loaded("pxelinux.0", 3)
    again = (
        "pxelinux.0, the nbp, is loaded again and again: it came 3 times, the last at 0.60, 1.60 "
        "and 2.60 s, and nothing new was asked for between"
    )
    assert said(facts(*by_itself)) == again
    asked = (*by_itself[:4], event(2.1, KIND.ACK, ""), *by_itself[4:])
    assert said(facts(*asked)) == (
        f"{again}; the DHCP server names it to every client, so to itself too"
    )
    script = facts(*loaded("pxelinux.cfg/default", 20))
    assert said(script).endswith(
        "it came 20 times, the last at 17.60, 18.60 and 19.60 s, and nothing new was asked for "
        "between"
    )


@pytest.mark.parametrize(("count", "shown"), [(14, 14), (15, 15), (20, 15)])
def test_of_many_configurations_the_first_and_the_last_are_named(count: int, shown: int) -> None:
    names = [f"pxelinux.cfg/{number:02d}" for number in range(count)]
    missing = (event(5.0, KIND.FILE_MISSING, name, text="tftp") for name in names)
    network = facts(*missing, root="/srv", roles={})
    listed = said(network, "boot-program", "No configuration").partition("order, for ")[2]
    listed = listed.partition("; then")[0]
    expected = names if count == 14 else [*names[:13], "...", names[-1]]
    assert listed.split(", ") == expected
    assert len(expected) == shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tftp", "vmlinuz was asked for, and the folder has no such file;"),
        ("tftp but there is VMLINUZ", "and the folder has no such file, but there is VMLINUZ;"),
        ("tftp is a link that leads nowhere", "and it is a link that leads nowhere;"),
    ],
)
def test_why_a_folder_does_not_give_a_file(text: str, words: str) -> None:
    network = facts(event(5.0, KIND.FILE_MISSING, "vmlinuz", text=text), root="/srv")
    assert words in said(network, "boot-program", "No such file")


@pytest.mark.parametrize(
    ("root", "text", "words"),
    [
        ("/srv", "404 Not Found, but there is VMLINUZ",
         "and the folder has no such file, but there is VMLINUZ, over HTTP (404 Not Found);"),
        ("/srv", "404 Not Found", "and the folder has no such file, over HTTP (404 Not Found);"),
        ("/srv", "503 Busy", "the HTTP server answered 503 Busy to the request for vmlinuz, the "
         "kernel;"),
        ("", "404 Not Found", "the HTTP server answered 404 Not Found to the request for vmlinuz, "
         "the kernel;"),
    ],
)  # fmt: skip
def test_what_an_http_server_answers_in_place_of_a_file(root: str, text: str, words: str) -> None:
    network = facts(event(5.0, KIND.HTTP_STATUS, "vmlinuz", text=text), root=root)
    assert words in said(network, "boot-program", "No such file")


def test_where_something_was_asked_for_is_told_where_that_is_not_our_server() -> None:
    refused = event(3.0, KIND.HTTP_REFUSED, "vmlinuz", text="nobody listens", at="10.0.2.9:81")
    assert said(facts(refused)) == "vmlinuz: nobody listens, asked at 10.0.2.9:81"
    part = NetFile("vmlinuz", "http", MAC, 1000, "", 2.0, 3.0, 10, "open")
    assert said(facts(refused, files=(part,))) == (
        "vmlinuz: nobody listens, asked at 10.0.2.9:81, after 10 of 1,000 bytes"
    )
    assert said(facts(event(3.0, KIND.HTTP_REFUSED, text="nobody listens"))) == "nobody listens"


@pytest.mark.parametrize(
    ("block", "instead"),
    [
        (65535, "and got nothing"),
        (65536, "and got it under another number (fault wrong-rollover:file=vmlinuz)"),
        (None, "and got nothing"),
    ],
)
def test_a_block_behind_the_last_number_may_have_come_under_another(
    block: int | None, instead: str
) -> None:
    again = tuple(
        event(3.0 + at, KIND.REPEATED, "vmlinuz", block=block, repeats=at) for at in range(1, 5)
    )
    network = facts(*again, faults=("wrong-rollover",))
    assert said(network).endswith(instead)
    assert said(facts(*again)).endswith("and got nothing")
