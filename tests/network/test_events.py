"""The journal: bounded, and what matters is in it."""

from bootharness.network.events import Journal
from bootharness.trace.network_facts import NetEventKind

KIND = NetEventKind


def test_flood_takes_the_room_of_nothing_else() -> None:
    journal = Journal("52:54:00:12:34:01")
    journal.note(0.0, KIND.DISCOVER)
    for number in range(20_000):
        journal.note(1.0 + number, KIND.UNANSWERED_ARP, repeats=number)
        journal.note(1.5 + number, KIND.FILE_MISSING, f"name{number}")
        journal.note(1.7 + number, KIND.FILE_SERVED, "boot.ipxe")
    journal.note(30_000.0, KIND.FILE_REQUESTED, "vmlinuz")
    journal.note(30_001.0, KIND.FILE_SERVED, "vmlinuz")
    events = journal.events
    assert len(events) < 20_000
    assert journal.left_out + len(events) == journal.noted == 60_003
    assert events[0].kind == KIND.DISCOVER
    assert [event.kind for event in events[-2:]] == [KIND.FILE_REQUESTED, KIND.FILE_SERVED]
    assert [event.seconds for event in events] == sorted(event.seconds for event in events)


def test_the_last_of_a_kind_is_always_there() -> None:
    journal = Journal()
    for number in range(1000):
        journal.note(float(number), KIND.REPEATED, "vmlinuz", block=number, repeats=1)
    assert journal.events[-1].block == 999
    assert journal.events[0].block == 0


def test_what_a_guest_says_is_plain_and_short() -> None:
    journal = Journal()
    journal.note(0.0, KIND.FILE_MISSING, "a\x1b[2J\n" + "b" * 1000, text="\x00")
    (event,) = journal.events
    assert event.file.startswith("a?[2J?b")
    assert len(event.file) == 200
    assert event.text == "?"
