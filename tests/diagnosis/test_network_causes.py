"""Network causes from hand-made events: what is certain, when, and what it is called."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.diagnosis.certainty import (
    QUIET_S,
    certain,
    last_asked,
    root,
    served_as,
    still_awaited,
)
from bootharness.diagnosis.wire_words import asking
from bootharness.report.document import document, encode, read_trace
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import MachineFacts
from bootharness.trace.milestones import NET_MILESTONES, Milestone
from bootharness.trace.network_facts import (
    NetEvent,
    NetEventKind,
    NetFile,
    NetworkFacts,
    milestones,
)
from tests.support.traces import handoff, loading_trace, teletype

pytestmark = pytest.mark.usefixtures("every_word")

KIND = NetEventKind
ROLES = {"nbp": "pxelinux.0", "script": "pxelinux.cfg/default", "kernel": "vmlinuz"}


def event(seconds: float, kind: NetEventKind, file: str = "", **more: Any) -> NetEvent:
    return NetEvent(seconds, kind, "52:54:00:12:34:01", file, **more)


def kernel(**more: Any) -> NetFile:
    """Return a kernel of 1,000 bytes that came whole."""
    values: dict[str, Any] = {
        "name": "vmlinuz", "protocol": "tftp", "mac": "", "file_bytes": 1000,
        "file_sha256": "a" * 64,
        "requested_at": 3.0, "last_at": 4.0, "sent_bytes": 1000, "outcome": "served",
        "promised_bytes": 1000, "sha256": "a" * 64,
    }  # fmt: skip
    return NetFile(**{**values, **more})


def facts(
    *events: NetEvent, files: tuple[NetFile, ...] = (), faults: tuple[str, ...] = ()
) -> NetworkFacts:
    begin = (event(2.0, KIND.LINK_UP),)
    return NetworkFacts(
        "pxelinux",
        "bios",
        "virtio",
        "wire",
        "52:54:00:12:34:01",
        ROLES,
        faults,
        (*begin, *events),
        files,
    )


DISCOVERS = tuple(event(2.0 + at, KIND.DISCOVER, repeats=n) for n, at in enumerate((0, 1, 3)))
REQUESTS = tuple(event(2.0 + at, KIND.REQUEST, repeats=n) for n, at in enumerate((0, 0.2, 0.8)))
OFFER = event(2.1, KIND.OFFER, "pxelinux.0")
ACK = event(2.2, KIND.ACK, "pxelinux.0", text="10.0.2.15")
SERVED = event(4.0, KIND.FILE_SERVED, "vmlinuz")


@pytest.mark.parametrize(
    ("events", "files", "fault", "cause", "said"),
    [
        (DISCOVERS, (), "no-offer", "dhcp-no-offer",
         "at 2.00, 3.00 and 5.00 s and got no DHCP offer (fault no-offer)"),
        (REQUESTS, (), "no-ack", "dhcp-no-ack",
         "at 2.00, 2.20 and 2.80 s and got no DHCP ack (fault no-ack)"),
        ((event(2.1, KIND.NAK), *REQUESTS), (), "nak", "dhcp-no-ack", "NAK"),
        ((event(2.2, KIND.ACK, "", text="10.0.2.15"),), (), "", "dhcp-no-filename", "no boot file"),
        ((event(2.3, KIND.UNANSWERED_ARP, repeats=2, text="who has 10.0.2.9?"),), (),
         "wrong-next-server", "tftp-stalled", "who has 10.0.2.9? was asked 3 times"),
        ((event(2.3, KIND.FILE_MISSING, "boot/ldlinux/vmlinuz"),), (), "", "tftp-not-found",
         "kernel"),
        ((event(3.5, KIND.REPEATED, "vmlinuz", block=7, repeats=3),),
         (kernel(sent_bytes=600, outcome="open"),), "stall:block=7", "tftp-stalled",
         "block 7, after 600 of 1,000 bytes: iPXE asked for that block 3 more times in 0.0 s, and "
         "got nothing (fault stall:file=vmlinuz,block=7)"),
        ((SERVED,), (kernel(sent_bytes=600),), "", "tftp-truncated", "after 600 bytes"),
        ((event(3.5, KIND.REPEATED, "vmlinuz", repeats=3),), (), "stall:block=1", "tftp-stalled",
         "block 0, after nothing"),
        ((SERVED,), (kernel(sent_bytes=600, promised_bytes=None),), "",
         "tftp-truncated", "after 600 bytes: the client was told 1,000"),
        ((SERVED,), (kernel(promised_bytes=2000),), "",
         "tftp-truncated", "told 2,000, and the file has 1,000"),
        ((SERVED,), (kernel(sha256="b" * 64),), "",
         "tftp-corrupt", "bbbbbbbbbbbb instead of aaaaaaaaaaaa"),
        ((event(3.0, KIND.HTTP_STATUS, "vmlinuz", text="503 Service Unavailable"),), (), "",
         "http-status", "answered 503"),
        ((event(3.0, KIND.HTTP_STALLED, "vmlinuz", text="no data for 1.5 s"),),
         (kernel(protocol="http", sent_bytes=5, outcome="open", last_at=2.0, requested_at=2.0),),
         "http-stall", "http-stalled", "after 5 of 1,000 bytes"),
        ((event(3.0, KIND.HTTP_CLOSED, "vmlinuz"),), (), "", "http-truncated", "vmlinuz"),
        ((event(3.0, KIND.HTTP_REFUSED, text="refused"),), (), "", "http-refused", "refused"),
        ((event(3.0, KIND.LINK_DOWN),), (), "link-down", "link-down",
         "down since 3.00 s (fault link-down)"),
        ((OFFER, REQUESTS[0], event(2.3, KIND.NAK)), (), "nak", "dhcp-no-ack", "(NAK) at 2.00 s"),
        ((event(3.5, KIND.SENT_AGAIN, "vmlinuz", block=7, repeats=2,
                text="nothing heard for 3.1 s"),),
         (kernel(sent_bytes=600, outcome="open"),), "stall:block=7", "tftp-stalled",
         "block 7, after 600 of 1,000 bytes: iPXE said nothing any more, nothing heard for 3.1 s, "
         "and got nothing (fault stall:file=vmlinuz,block=7)"),
        ((event(2.3, KIND.CERTIFICATE_REFUSED, text="certificate expired"),), (), "cert-expired",
         "certificate-refused", "iPXE refused the server's certificate, which has expired by the "
         'machine\'s clock: it broke the connection off with the alert "certificate expired" '
         "(fault cert-expired)"),
        ((event(2.3, KIND.NAME_ASKED, text="boot.example.org"),
          event(2.4, KIND.NAME_ASKED, text="ca.ipxe.org"),
          event(2.4, KIND.HTTP_STATUS, "/auto/5457e048.der", text="404 Not Found",
                at="ca.ipxe.org"),
          event(2.5, KIND.CERTIFICATE_REFUSED)), (), "", "certificate-refused",
         "the certificate of boot.example.org: it broke the connection off and said nothing"),
        ((event(2.3, KIND.NAME_UNANSWERED, repeats=2, text="boot.example.org"),), (), "dns-silent",
         "dns-no-answer", "asked the name server that it was told of 3 times for the address of "
         "boot.example.org, and got no answer (fault dns-silent)"),
        ((event(2.3, KIND.NAME_UNKNOWN, text="boot.example.org"),), (), "dns-no-name",
         "dns-no-name", "was answered that there is no such name (fault dns-no-name)"),
        ((event(2.1, KIND.PROXY_OFFER, "proxy.0", text="by another server, 10.0.2.4"), OFFER, ACK,
          event(2.3, KIND.FILE_MISSING, "proxy.0", at="10.0.2.4")), (), "proxy-first",
         "proxy-obeyed", "iPXE took the boot file proxy.0, which a proxy at 10.0.2.4 offered at "
         "2.10 s, and not pxelinux.0, which our DHCP server names; the proxy has no such file "
         "(fault proxy-first)"),
        ((ACK, event(2.3, KIND.UNANSWERED_ARP, repeats=2, text="who has 10.0.2.9?")), (),
         "wrong-next-server", "tftp-stalled", "who has 10.0.2.9? was asked 3 times"),
    ],
)  # fmt: skip
def test_cause_and_its_sentence(
    events: tuple[NetEvent, ...], files: tuple[NetFile, ...], fault: str, cause: str, said: str
) -> None:
    network = facts(*events, files=files, faults=(fault,) if fault else ())
    found = certain(network, 10.0)
    assert found
    assert found[0] == cause
    assert found[1] == events[-1]
    assert root(network) == found
    judgement = judge(BootTrace("k", "init", Ending("network", 10.0, cause), network=network))
    assert judgement.verdict is Verdict.BAD
    assert judgement.cause == cause
    assert said in judgement.summary
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence


@pytest.mark.parametrize(
    ("events", "fault", "until"),
    [
        (DISCOVERS, "no-offer:seconds=30", 2 + 20 + 30),
        (DISCOVERS, "loss:rate=0.1", 2 + 20),
        (DISCOVERS, "", 2 + 20),
        (REQUESTS, "no-ack:seconds=7", 2 + 20 + 7),
        ((event(3.5, KIND.REPEATED, "vmlinuz", block=7, repeats=3),), "loss:rate=0.1", 3.5 + 22),
        ((event(3.5, KIND.REPEATED, "vmlinuz", block=7, repeats=3),), "stall:file=initrd.img",
         3.5 + 22),
        (tuple(event(3.5 + at, KIND.REPEATED, "vmlinuz", block=7, repeats=at + 1)
               for at in range(4)), "loss:rate=0.1", 3.5 + 22),
        ((event(3.0, KIND.HTTP_STALLED, "vmlinuz"),), "http-stall:file=initrd.img", 3 + 22),
        ((event(2.1, KIND.FILE_SERVED, "pxelinux.0"),
          event(3.5, KIND.REPEATED, "vmlinuz", block=7, repeats=3)), "loss:rate=0.1", 3.5 + 145),
        ((event(3.0, KIND.LINK_DOWN),), "link-down:seconds=10", 3 + 10 + 22),
        ((event(3.0, KIND.LINK_DOWN), event(13.0, KIND.LINK_UP)), "link-down:seconds=10", 13 + 22),
        ((event(3.0, KIND.HTTP_STALLED, "vmlinuz"),), "loss:rate=0.1", 3 + 22),
        ((event(2.3, KIND.UNANSWERED_ARP, repeats=2, text="?"),), "", 2.3 + 22),
    ],
)  # fmt: skip
def test_what_ends_by_itself_is_waited_for_as_long_as_the_client_asks_on(
    events: tuple[NetEvent, ...], fault: str, until: float
) -> None:
    network = facts(*events, faults=(fault,) if fault else ())
    assert certain(network, until - 0.1) is None
    awaited = still_awaited(network, until - 0.1)
    assert awaited
    assert awaited.until == pytest.approx(until)
    assert awaited.proven is None
    assert certain(network, awaited.until) is None
    assert still_awaited(network, awaited.until) == awaited
    found = certain(network, until + 0.1)
    assert found
    assert found[1] == events[-1]
    assert still_awaited(network, until + 0.1) is None
    # the clock of a client is behind by what the host kept back since it began to ask
    kept_back = {awaited.since: 2.0}.__getitem__
    assert certain(network, until + 1.9, kept_back) is None
    assert still_awaited(network, until + 1.9, kept_back=kept_back) == awaited
    assert certain(network, until + 2.1, kept_back) == found
    gave_up = BootTrace("k", "init", Ending("boot-program", 9.0, "Timed out"), network=network)
    judgement = judge(gave_up)
    assert judgement.cause == found[0]
    assert f"(fault {fault}" in judgement.summary or "loss" not in fault
    assert 'gave up: "Timed out"' in judgement.summary


@pytest.mark.parametrize("kind", [KIND.FILE_MISSING, KIND.HTTP_STATUS, KIND.HTTP_CLOSED])
def test_what_was_refused_is_the_end_only_if_nothing_is_asked_for_after_it(
    kind: NetEventKind,
) -> None:
    refused = event(3.0, kind, "vmlinuz")
    on = event(3.1, KIND.FILE_REQUESTED, "other/vmlinuz")
    assert certain(facts(refused, on), 10.0) is None
    assert root(facts(refused, on)) is None
    again = event(3.2, KIND.DISCOVER, text="PXEClient, iPXE")
    assert certain(facts(refused, again), 3.2 + QUIET_S) is None
    assert certain(facts(refused, again), 3.3 + QUIET_S)
    other = event(9.0, KIND.DISCOVER, text="architecture 16")
    assert certain(facts(refused, other), 9.0)
    assert last_asked(facts(refused, other)) == 3.0


CLOSED = event(3.0, KIND.HTTP_CLOSED, "vmlinuz", text="the server closed the connection early")


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        (("initrd.img",), True),  # LPXELINUX takes what it got for all of it
        (("vmlinuz", "initrd.img"), False),
        (("boot.ipxe",), False),
        (("other/vmlinuz",), False),
        (("unknown",), False),
    ],
)
def test_part_of_a_file_is_its_end_where_the_client_went_on_with_what_is_behind(
    asked: tuple[str, ...], taken: bool
) -> None:
    on = (event(3.1 + at, KIND.FILE_REQUESTED, name) for at, name in enumerate(asked))
    seen = facts(CLOSED, *on)
    seen = replace(seen, roles={**seen.roles, "initrd": "initrd.img"})
    assert (certain(seen, 3.2) == ("http-truncated", CLOSED)) is taken
    assert (root(seen) is not None) is taken


REPEATED = event(3.5, KIND.REPEATED, "vmlinuz", block=2, repeats=9)
STALLED = event(3.5, KIND.HTTP_STALLED, "vmlinuz", text="no data for 1.5 s")


@pytest.mark.parametrize(
    ("events", "file", "answered"),
    [
        ((REPEATED,), kernel(sent_bytes=800, block_bytes=400, outcome="open"), True),
        ((REPEATED,), kernel(sent_bytes=799, block_bytes=400, outcome="open"), False),
        ((REPEATED,), kernel(sent_bytes=400, block_bytes=400, outcome="open"), False),
        ((REPEATED,), kernel(sent_bytes=800, outcome="open"), False),  # in blocks of unknown size
        ((REPEATED,), kernel(block_bytes=400), True),
        ((REPEATED,), kernel(), True),
        ((replace(REPEATED, block=None),), kernel(block_bytes=400, outcome="open"), False),
        ((replace(REPEATED, block=0),), kernel(block_bytes=400, outcome="open"), False),
        ((REPEATED, event(3.6, KIND.FILE_REQUESTED, "vmlinuz")), None, True),
        ((REPEATED, event(3.6, KIND.FILE_SERVED, "vmlinuz")), None, True),
        ((REPEATED, event(3.6, KIND.FILE_SIZE_ASKED, "vmlinuz")), None, False),
        ((REPEATED, event(3.6, KIND.FILE_REQUESTED, "initrd.img")), None, False),
        ((REPEATED, event(3.6, KIND.FILE_REQUESTED, "vmlinuz")),
         kernel(sent_bytes=0, outcome="open"), True),
        ((STALLED,), kernel(protocol="http", last_at=3.4, outcome="open"), False),
        ((STALLED,), kernel(protocol="http", last_at=3.5, outcome="open"), False),
        ((STALLED,), kernel(protocol="http", last_at=3.6, outcome="open"), True),
        ((STALLED,), kernel(protocol="http", last_at=3.5), True),
    ],
)  # fmt: skip
def test_question_is_open_until_it_is_answered(
    events: tuple[NetEvent, ...], file: NetFile | None, answered: bool
) -> None:
    network = facts(*events, files=(file,) if file else ())
    assert (root(network) is None) == answered


@pytest.mark.parametrize(
    ("by", "words"), [("a.ipxe", ", which a.ipxe names: iPXE asked"), ("", ", but iPXE asked")]
)
def test_address_that_nobody_has_and_dhcp_did_not_give_is_a_cause_of_its_own(
    by: str, words: str
) -> None:
    asked = event(5.0, KIND.UNANSWERED_ARP, by, repeats=2, text="who has 10.0.2.9?")
    network = facts(ACK, SERVED, asked)
    assert root(network) == ("server-not-there", asked)
    judgement = judge(BootTrace("k", "init", Ending("network", 90.0, ""), network=network))
    assert f"nobody has the address 10.0.2.9{words} for it 3 times" in judgement.summary


@pytest.mark.parametrize("kind", [KIND.FILE_REQUESTED, KIND.DISCOVER])
def test_server_that_was_found_at_last_is_known_by_what_is_asked_of_it(kind: NetEventKind) -> None:
    unanswered = event(3.0, KIND.UNANSWERED_ARP, repeats=2, text="who has 10.0.2.9?")
    found = root(facts(unanswered, event(3.5, kind)))
    assert (found is None) == (kind == KIND.FILE_REQUESTED)


def test_question_is_awaited_from_its_first_time_on() -> None:
    awaited = still_awaited(facts(DISCOVERS[0]), 2.5)
    assert awaited
    assert awaited.client.name == "iPXE"
    assert certain(facts(DISCOVERS[0]), 100.0) is None


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (DISCOVERS[0], "asks for an address"),
        (REQUESTS[0], "asks for the address that it was offered"),
        (event(2.0, KIND.NAK), "was refused its address"),
        (event(2.0, KIND.UNANSWERED_ARP, text="who has 10.0.2.9?"), "asks who has 10.0.2.9?"),
        (event(2.0, KIND.REPEATED, "vmlinuz", block=1234, repeats=1),
         "asks for block 1,234 of vmlinuz"),
        (event(2.0, KIND.REPEATED, "vmlinuz", repeats=1), "asks for block 0 of vmlinuz"),
        (event(2.0, KIND.HTTP_STALLED, "vmlinuz"), "waits for more of vmlinuz"),
        (event(2.0, KIND.LINK_DOWN), "has no link"),
    ],
)  # fmt: skip
def test_what_a_client_asks_for(event: NetEvent, words: str) -> None:
    awaited = still_awaited(facts(event), 3.0)
    assert awaited
    until = f"{awaited.until:.0f}"
    assert asking(awaited) == f"{words}, since 2.00 s, and may go on until {until} s"


def test_client_whose_link_came_back_may_ask_for_something_yet() -> None:
    awaited = still_awaited(facts(event(3.0, KIND.LINK_DOWN), event(13.0, KIND.LINK_UP)), 14.0)
    assert awaited
    assert asking(awaited) == (
        "has its link again and asks for nothing yet, since 13.00 s, and may go on until 35 s"
    )


@pytest.mark.parametrize("beside", ["stall:file=initrd.img", "of another time", "loss:rate=0.1"])
def test_fault_that_keeps_an_answer_back_for_ever_is_found_among_others(beside: str) -> None:
    assert certain(facts(REPEATED, faults=(beside,)), 10.0) is None
    found = certain(facts(REPEATED, faults=(beside, "stall")), 10.0)
    assert found == ("tftp-stalled", REPEATED)


def test_all_faults_that_have_a_part_in_it_are_named() -> None:
    network = facts(DISCOVERS[0], DISCOVERS[2], faults=("no-offer", "nak", "loss:rate=0.1"))
    judgement = judge(BootTrace("k", "init", Ending("network", 10.0), network=network))
    assert judgement.summary == (
        "the card asked for an address at 2.00 and 5.00 s and got no DHCP offer "
        "(fault no-offer and loss:rate=0.1,seed=1)"
    )


def test_loss_of_frames_has_no_part_in_what_a_server_closes() -> None:
    closed = event(3.0, KIND.HTTP_CLOSED, "vmlinuz", text="the server closed the connection early")
    network = facts(closed, faults=("loss:rate=0.1",))
    judgement = judge(BootTrace("k", "init", Ending("network", 10.0), network=network))
    assert judgement.summary == "vmlinuz: the server closed the connection early"


def test_nobody_asked_for_anything() -> None:
    assert last_asked(facts()) == 0.0


def test_event_tells_of_the_last_transfer_of_its_file_that_had_begun() -> None:
    first, same_time, later = (kernel(requested_at=at) for at in (3.0, 4.0, 4.1))
    other = kernel(name="initrd.img", requested_at=3.5)
    begun = event(4.0, KIND.FILE_REQUESTED, "vmlinuz")
    for said, files, told in (
        (SERVED, (first, other), first),
        (SERVED, (first, same_time, later), first),  # what is asked for when it has come is another
        (begun, (first, same_time, later), same_time),
        (SERVED, (other, later), None),
    ):
        assert served_as(said, facts(said, files=files)) == told


def test_digest_of_what_comes_over_http_is_not_known_to_be_the_files() -> None:
    network = facts(SERVED, files=(kernel(protocol="http", sha256=""),))
    assert certain(network, 10.0) is None


@pytest.mark.parametrize(
    "events",
    [
        DISCOVERS[:2],
        REQUESTS[:2],
        (DISCOVERS[0], OFFER, *DISCOVERS[1:]),
        (ACK, *REQUESTS),
        (ACK,),
        (event(2.2, KIND.ACK, "", text="not a PXE client"),),
        (event(2.3, KIND.UNANSWERED_ARP, repeats=1),),
        (event(2.3, KIND.FILE_MISSING, "pxelinux.cfg/0A00020F"),),
        (event(3.5, KIND.REPEATED, "vmlinuz", block=7, repeats=2),),
        (event(3.0, KIND.LINK_DOWN), event(3.5, KIND.LINK_UP)),
        (REQUESTS[0], event(2.0, KIND.NAK), event(2.4, KIND.DISCOVER)),
        (event(3.0, KIND.HTTP_STATUS, "favicon.ico", text="404"),),
    ],
)
def test_what_a_boot_can_get_over_is_not_certain(events: tuple[NetEvent, ...]) -> None:
    assert certain(facts(*events), 10.0) is None


@pytest.mark.parametrize(
    ("kind", "fault"),
    [(KIND.LINK_DOWN, "link-down"), (KIND.NAK, "nak"), (KIND.HTTP_CLOSED, "http-reset")],
)
def test_it_is_given_a_moment(kind: NetEventKind, fault: str) -> None:
    network = facts(event(3.0, kind), faults=(fault,))
    assert certain(network, 3.0 + QUIET_S) is None
    assert certain(network, 3.1 + QUIET_S) is not None


def test_good_file_is_no_cause() -> None:
    assert certain(facts(SERVED, files=(kernel(),)), 10.0) is None


def test_the_first_of_several_is_the_cause() -> None:
    missing = event(3.0, KIND.FILE_MISSING, "vmlinuz")
    later = event(4.0, KIND.FILE_MISSING, "other/vmlinuz")
    found = certain(facts(missing, later), 10.0)
    assert found
    assert found[1] == missing


def test_earlier_transfer_of_the_same_file_is_not_confused_with_the_later() -> None:
    first = kernel(outcome="aborted", sent_bytes=0)
    second = kernel(requested_at=3.5)
    assert certain(facts(SERVED, files=(first, second)), 10.0) is None


@pytest.mark.parametrize("ending", ["boot-program", "idle", "timeout"])
def test_client_that_was_told_too_little_and_failed(ending: str) -> None:
    network = facts(event(3.0, KIND.FILE_REQUESTED, "vmlinuz"), files=(kernel(promised_bytes=10),))
    assert certain(network, 10.0) is None
    judgement = judge(BootTrace("k", "init", Ending(ending, 10.0, "no kernel"), network=network))
    assert judgement.cause == "tftp-truncated"
    assert "told that vmlinuz has 10 bytes, and it has 1,000" in judgement.summary
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == ("   3.000 file-requested vmlinuz",)


def test_client_that_was_told_too_little_and_got_over_it() -> None:
    network = facts(SERVED, files=(kernel(promised_bytes=10),))
    good = judge(BootTrace("k", "init", Ending("reached", 10.0), network=network))
    assert good.verdict is Verdict.GOOD


@pytest.mark.parametrize(("kind", "still"), [("timeout", True), ("idle", False)])
def test_file_that_was_on_its_way_at_the_end_of_the_time(kind: str, still: bool) -> None:
    asked = event(3.0, KIND.FILE_REQUESTED, "vmlinuz")
    network = facts(asked, files=(kernel(sent_bytes=500, outcome="open"),))
    judgement = judge(BootTrace("k", "init", Ending(kind, 10.0), network=network))
    assert (
        "vmlinuz was still on its way, 500 of 1,000 bytes, 500 a second" in judgement.summary
    ) is still


def test_what_is_told_of_other_files_does_not_matter() -> None:
    network = facts(files=(kernel(name="favicon.ico", promised_bytes=10),))
    judgement = judge(BootTrace("k", "init", Ending("boot-program", 10.0, "no"), network=network))
    assert judgement.cause == "script-error"


def test_corrupt_file_makes_even_a_boot_that_reached_its_end_bad() -> None:
    network = facts(SERVED, files=(kernel(sha256="b" * 64),))
    assert (
        judge(BootTrace("k", "init", Ending("reached", 10.0), network=network)).cause
        == "tftp-corrupt"
    )


def test_boot_that_got_there_in_spite_of_retries_is_good() -> None:
    network = facts(event(3.5, KIND.REPEATED, "vmlinuz", block=7, repeats=3))
    assert (
        judge(BootTrace("k", "init", Ending("reached", 10.0), network=network)).verdict
        is Verdict.GOOD
    )


def test_boot_program_is_quoted() -> None:
    network = facts(ACK, event(3.0, KIND.FILE_SERVED, "pxelinux.0"))
    ending = Ending("boot-program", 4.0, "Could not boot: Exec format error")
    judgement = judge(BootTrace("k", "init", ending, network=network))
    assert judgement.cause == "script-error"
    assert '"Could not boot: Exec format error"' in judgement.summary
    assert "pxelinux.0" in judgement.summary


SAID = "Could not boot: Exec format error (https://ipxe.org/2e008001)"
GOT = {each: event(3.0, KIND.FILE_SERVED, each) for each in (*ROLES.values(), "initrd.img", "data")}


@pytest.mark.parametrize(
    ("served", "roles", "words"),
    [
        ((), ROLES, "the card's PXE gave up 4.00 s after launch, before it had got a script: "),
        ((), {"kernel": "vmlinuz"}, "the card's iPXE gave up "),
        (("pxelinux.0",), ROLES, "iPXE gave up 4.00 s after launch, before it asked for"),
        (("pxelinux.0", "data"), ROLES,
         ", before it had got a script, with data, which came whole: "),
        (("pxelinux.cfg/default",), ROLES, ", running pxelinux.cfg/default, the script: "),
        (("pxelinux.cfg/default", "data"), ROLES,
         ", running pxelinux.cfg/default, the script, with data, which came whole: "),
        (("pxelinux.0", "vmlinuz"), ROLES, ", with vmlinuz, the kernel, which came whole: "),
        (("vmlinuz", "initrd.img"), {**ROLES, "initrd": "initrd.img"},
         ", with vmlinuz, the kernel, and initrd.img, the initrd, which came whole: "),
        (("pxelinux.0", "initrd.img"), {"nbp": "pxelinux.0", "initrd": "initrd.img"},
         ", with the kernel, the kernel, and initrd.img, the initrd, which came whole: "),
    ],
)  # fmt: skip
def test_what_a_boot_program_that_gave_up_was_about(
    served: tuple[str, ...], roles: dict[str, str], words: str
) -> None:
    network = replace(facts(ACK, *(GOT[each] for each in served)), roles=roles)
    judgement = judge(BootTrace("k", "init", Ending("boot-program", 4.0, SAID), network=network))
    assert judgement.cause == "script-error"
    assert words in judgement.summary
    assert judgement.summary.endswith(f': "{SAID}"')


def test_command_of_a_script_that_failed_is_quoted_before_the_last_words() -> None:
    ended = BootTrace("k", "init", Ending("boot-program", 4.0, SAID), network=facts(ACK))
    judgement = judge(replace(ended, serial=f"\r\nkernl: command not found\r\n{SAID}\r\n"))
    assert judgement.summary.endswith(f': "kernl: command not found", and then "{SAID}"')


@pytest.mark.parametrize("came", [True, False])
def test_boot_program_that_leaves_it_to_the_bios_is_told_with_what_it_had_got(came: bool) -> None:
    served = [GOT["pxelinux.0"], *([GOT["vmlinuz"]] if came else [])]
    network = replace(facts(ACK, *served), roles=ROLES)
    calls = tuple(teletype("ok\r\n\r\nBooting from local disk...\r\n"))
    left = BootTrace("k", "init", Ending("boot-failed", 4.0), network=network, bios_calls=calls)
    judgement = judge(left)
    assert judgement.cause == "loader-gave-up"
    kernel = "; vmlinuz, the kernel, had come whole and was not booted" if came else ""
    assert judgement.summary == (
        "pxelinux.0 left it to the BIOS to go on 4.00 s after launch, with INT 18h, and there is "
        f'nothing else to boot from{kernel}: its screen ends in "ok / Booting from local disk..."'
    )


@pytest.mark.parametrize("entered", ["by nobody", "as seen", "as the kernel says"])
def test_what_a_boot_program_said_before_a_kernel_ran_is_history(entered: str) -> None:
    network = facts(ACK, GOT["pxelinux.0"])
    denied = "BdsDxe: failed to load Boot0001: Access Denied"
    for said, cause in ((SAID, "script-error"), (denied, "secure-boot-refused")):
        trace = BootTrace(
            "k", "init", Ending("idle", 14.0), network=network, serial=f"\r\n{said}\r\n"
        )
        if entered == "as seen":
            trace = replace(trace, handoff=handoff(0))
        elif entered == "as the kernel says":
            trace = replace(trace, milestones=(Milestone("banner", 5.0),))
        judgement = judge(trace)
        causes = [judgement.cause, *(each.cause for each in judgement.consequences)]
        assert (cause in causes) == (entered == "by nobody")


@pytest.mark.parametrize("seconds", [10.0, 30.0])
@pytest.mark.parametrize("entered", ["by nobody", "as seen", "as the kernel says"])
def test_question_is_not_held_against_a_kernel_that_ran_while_it_was_open(
    entered: str, seconds: float
) -> None:
    ending = Ending("panic", seconds, "Attempted to kill init!")
    trace = BootTrace("k", "init", ending, network=facts(*DISCOVERS, faults=("loss:rate=0.1",)))
    if entered == "as seen":
        trace = replace(trace, handoff=handoff(0))
    elif entered == "as the kernel says":
        trace = replace(trace, milestones=(Milestone("banner", 5.0),))
    open_still = seconds < 22 and entered != "by nobody"
    assert judge(trace).cause == ("kernel-panic" if open_still else "dhcp-no-offer")


@pytest.mark.parametrize("said", [SAID, "Could not boot: No such file"])
@pytest.mark.parametrize("firmware", ["uefi", "seabios", None])
@pytest.mark.parametrize("stub", [True, False, None])
def test_why_a_uefi_refuses_a_kernel_that_it_could_start(
    said: str, firmware: str | None, stub: bool | None
) -> None:
    network = facts(ACK, GOT["pxelinux.0"], GOT["vmlinuz"])
    machine = replace(MACHINE, firmware=firmware) if firmware else None
    booted = loading_trace(16, []).kernel
    assert booted
    judgement = judge(
        BootTrace(
            "k", "init", Ending("boot-program", 4.0, said), network=network, machine=machine,
            kernel=None if stub is None else replace(booted, efi_stub=stub),
        )
    )  # fmt: skip
    asks = judgement.summary.endswith(
        '"; the kernel has an EFI stub, so the firmware refused it: is Secure Boot on?'
    )
    assert asks == (said == SAID and firmware == "uefi" and stub is True)


@pytest.mark.parametrize("firmware", ["uefi", "seabios"])
@pytest.mark.parametrize("serial", ["Booting from PXE menu\r\n", "No more network devices\r\n"])
def test_an_ipxe_of_a_uefi_goes_by_a_menu_that_it_does_not_show(firmware: str, serial: str) -> None:
    said = 'BdsDxe: failed to start Boot0001 "UEFI PXEv4": Unsupported'
    network = facts(ACK, event(3.0, KIND.FILE_SERVED, "snponly.efi"))
    trace = BootTrace("k", "init", Ending("boot-program", 60.0, said), network=network,
                      machine=replace(MACHINE, firmware=firmware), serial=serial)  # fmt: skip
    judgement = judge(trace)
    assert judgement.cause == "script-error"
    by_menu = judgement.summary.endswith("; by a UEFI it shows none")
    assert by_menu == (firmware == "uefi" and "menu" in serial)


@pytest.mark.parametrize("stub", [True, False])
def test_kernel_that_secure_boot_does_not_start(*, stub: bool) -> None:
    booted = loading_trace(16, []).kernel
    assert booted
    network = facts(ACK, GOT["pxelinux.0"], GOT["vmlinuz"])
    trace = BootTrace("k", "init", Ending("boot-program", 4.0, SAID), network=network,
                      machine=replace(MACHINE, firmware="uefi", secure_boot=True),
                      kernel=replace(booted, efi_stub=stub))  # fmt: skip
    judgement = judge(trace)
    assert judgement.cause == ("secure-boot-refused" if stub else "script-error")
    if stub:
        assert "refused to start vmlinuz, the kernel, though it came whole" in judgement.summary


def test_silence_after_the_boot_program_came_is_its_hang() -> None:
    network = facts(ACK, event(3.0, KIND.FILE_SERVED, "pxelinux.0"))
    trace = BootTrace("k", "init", Ending("idle", 13.0), network=network)
    assert judge(trace).cause == "nbp-hang"
    later = facts(*network.events[1:], event(3.1, KIND.FILE_REQUESTED, "vmlinuz"))
    assert judge(replace(trace, network=later)).cause == "timed-out"


def test_who_hangs_when_the_kernel_has_come_is_not_known() -> None:
    network = facts(ACK, event(3.0, KIND.FILE_SERVED, "pxelinux.0"), SERVED, files=(kernel(),))
    judgement = judge(BootTrace("k", "init", Ending("idle", 13.0), network=network))
    assert judgement.cause == "nbp-hang"
    assert judgement.summary.startswith("vmlinuz was not seen to begin: vmlinuz, the kernel, came")


def test_milestones_come_from_the_first_event_of_each() -> None:
    points = milestones(
        facts(
            DISCOVERS[0], OFFER, REQUESTS[0], ACK,
            event(2.5, KIND.FILE_SERVED, "pxelinux.0"),
            event(2.6, KIND.DISCOVER),
            event(2.7, KIND.FILE_SERVED, "pxelinux.cfg/default"),
            event(3.0, KIND.FILE_REQUESTED, "vmlinuz"),
            SERVED,
        )
    )  # fmt: skip
    assert points == {
        "link-up": 2.0, "dhcp-discover": 2.0, "dhcp-offer": 2.1, "dhcp-request": 2.0,
        "dhcp-ack": 2.2, "nbp-served": 2.5, "script-served": 2.7, "kernel-requested": 3.0,
        "kernel-served": 4.0,
    }  # fmt: skip
    assert set(points) <= set(NET_MILESTONES)


def test_trace_of_a_network_boot_comes_back_from_json() -> None:
    network = facts(*DISCOVERS, SERVED, files=(kernel(),))
    trace = BootTrace("k", "init", Ending("network", 10.0, "dhcp-no-offer"), network=network)
    assert read_trace(encode(document(trace, judge(trace)))) == trace


MACHINE = MachineFacts("qemu", "7.2", "tcg", "pc", None, 512 << 20, ())
INITRD = kernel(
    name="initrd.img", file_bytes=400 << 20, sent_bytes=400 << 20, promised_bytes=400 << 20
)


def with_initrd(
    memory_mib: int, said: str = "Booting kernel failed: Invalid argument"
) -> BootTrace:
    """Return a boot whose program gave up when it had a kernel and an initrd of 400 MiB."""
    network = facts(SERVED, event(54.0, KIND.FILE_SERVED, "initrd.img"), files=(kernel(), INITRD))
    network = replace(network, roles={**ROLES, "initrd": "initrd.img"})
    ending = Ending("boot-program", 55.0, said)
    booted = loading_trace(14 << 20, []).kernel
    machine = replace(MACHINE, memory_bytes=memory_mib << 20)
    return BootTrace("k", "init", ending, network=network, kernel=booted, machine=machine)


def test_initrd_that_came_whole_and_has_no_place() -> None:
    judgement = judge(with_initrd(440))
    assert judgement.cause == "initrd-misplaced"
    assert "Invalid argument" in judgement.summary
    assert "of the machine's 440" in judgement.summary
    assert judge(with_initrd(2048)).cause == "script-error"


@pytest.mark.parametrize("init_size", [None, 32 << 20])
@pytest.mark.parametrize("spare", [0, -1])
def test_initrd_has_a_place_where_the_machine_has_room_to_move_it(
    spare: int, init_size: int | None
) -> None:
    trace = with_initrd(440)
    assert trace.kernel
    assert trace.machine
    assert trace.network
    kernel = replace(trace.kernel, header=replace(trace.kernel.header, init_size=init_size))
    header = kernel.header
    room = (48 << 20) + (header.pref_address or header.load_address) + (init_size or 0)
    memory = INITRD.file_bytes + kernel.file_bytes + room + spare
    network = replace(trace.network, events=(GOT["pxelinux.0"], *trace.network.events))
    machine = replace(trace.machine, memory_bytes=memory)
    judgement = judge(replace(trace, kernel=kernel, machine=machine, network=network))
    assert judgement.cause == ("initrd-misplaced" if spare else "script-error")


@pytest.mark.parametrize("unknown", ["kernel", "machine"])
def test_whether_an_initrd_has_a_place_is_known_of_a_known_kernel_and_machine(unknown: str) -> None:
    assert judge(replace(with_initrd(440), **{unknown: None})).cause == "script-error"


def test_firmware_that_refuses_what_is_not_signed() -> None:
    said = 'BdsDxe: failed to load Boot0001 "UEFI PXEv4 (MAC:525400123401)": Access Denied'
    network = facts(ACK, event(3.0, KIND.FILE_SERVED, "pxelinux.0"))
    for ending, serial in (
        (Ending("boot-program", 4.0, said), ""),
        (Ending("idle", 14.0), f"\r\n{said}\r\n>>Start PXE over IPv6.\r\n"),
    ):
        trace = BootTrace("k", "init", ending, network=network, serial=serial)
        judgement = judge(trace)
        assert judgement.cause == "secure-boot-refused"
        assert "pxelinux.0, the nbp, though it came whole" in judgement.summary
        assert "script-error" not in [each.cause for each in judgement.consequences]


@pytest.mark.parametrize("secure", [True, False])
def test_shim_that_does_not_accept_a_kernels_signature(*, secure: bool) -> None:
    network = facts(ACK, GOT["pxelinux.0"], GOT["vmlinuz"])
    serial = "Booting\r\nerror: ../sb.c:1:bad shim signature.\r\nerror: load the kernel first.\r\n"
    trace = BootTrace("k", "init", Ending("idle", 14.0), network=network, serial=serial,
                      machine=replace(MACHINE, firmware="uefi", secure_boot=secure))  # fmt: skip
    judgement = judge(trace)
    assert (judgement.cause == "secure-boot-refused") == secure
    if secure:
        assert "vmlinuz, the kernel, came whole, and GRUB did not start it" in judgement.summary


def test_firmware_that_crashes() -> None:
    dump = (
        "!!!! X64 Exception Type - 06(#UD - Invalid Opcode)  CPU Apic ID - 00000000 !!!!",
        "RIP  - 000000000F4EA252, CS  - 0000000000000038",
        "!!!! Find image based on IP(0xF4EA252) (No PDB)  !!!!",
    )
    trace = with_initrd(256)
    ending = Ending("firmware-crash", 33.0, dump[0].strip("! "))
    judgement = judge(replace(trace, ending=ending, serial="iPXE\r\n" + "\r\n".join(dump)))
    assert judgement.cause == "firmware-crashed"
    also = judge(replace(trace, ending=ending, serial=f"\r\n{SAID}\r\n"))
    assert "script-error" not in [each.cause for each in also.consequences]
    assert "vmlinuz and initrd.img (419,431,400 bytes in all) in a machine of 256 MiB" in (
        judgement.summary
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == dump
    assert judgement.consequences == ()
