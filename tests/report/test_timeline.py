"""The timeline of a boot: nothing of what was seen is missing, and a browser draws it."""

import json
import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.formats.call_lines import writes_text
from bootharness.report.document import read_trace
from bootharness.report.timeline.event import Event, Seen
from bootharness.report.timeline.lanes import lanes
from bootharness.report.timeline.page import timeline_html
from bootharness.report.timeline.serial_lines import serial_lines
from bootharness.trace.arrivals import Arrival, Arrivals
from bootharness.trace.backwards import LastWrite, Made, Origin, Recorded
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import MachineFacts, QmpEvent, Restored
from bootharness.trace.milestones import Milestone
from bootharness.trace.sighting import Sighting
from tests.support.browser import WIDER_THAN_THE_WINDOW, browser
from tests.support.record import recorded
from tests.support.traces import loading_trace, move, read, teletype

BOOTS = recorded()
NASTY = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\x1b[31m"
WRONG_MOVE = """
[...document.querySelectorAll("#chart .mark.wrong")]
  .find((mark) => mark.textContent.includes("block move")).dispatchEvent(new Event("click"))
"""
CALLS = ("disk reads", "block moves", "other BIOS calls")


def by_lane(trace: BootTrace, **more: object) -> dict[str, tuple[Event, ...]]:
    seen = msgspec.structs.replace(Seen(trace), **more)
    return {lane.name: lane.events for lane in lanes(seen, judge(trace))}


@pytest.mark.sample(10)
@pytest.mark.parametrize("name", BOOTS)
def test_nothing_that_was_seen_is_missing(name: str) -> None:
    trace = read_trace(BOOTS[name])
    found = by_lane(trace)
    told = sum(len(found.get(lane, ())) for lane in CALLS)
    assert told == sum(not writes_text(call) for call in trace.bios_calls)
    assert len(found["milestones"]) == len(trace.milestones) + 1
    assert len(found.get("wire", ())) == (len(trace.network.events) if trace.network else 0)
    for events in found.values():
        assert [event.seconds for event in events] == sorted(event.seconds for event in events)
        assert not any(event.at for event in events)  # nobody has said that it can be debugged
    page = timeline_html(Seen(trace), judge(trace))
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert data
    assert sum(len(events) for _, events in json.loads(data[1])["lanes"]) == sum(
        map(len, found.values())
    )


def test_text_is_drawn_by_lines_and_each_when_it_began() -> None:
    letters = teletype("Disk error\r\nagain")
    letters = [replace(each, called_at=number / 10) for number, each in enumerate(letters)]
    found = by_lane(loading_trace(1024, letters))["screen"]
    assert [(event.text, event.seconds) for event in found] == [("Disk error", 0.0), ("again", 1.2)]


def test_a_wrapped_move_is_wrong_and_a_failed_read_too() -> None:
    calls = [read(1, 2, at=0.1, status=4), move(0x100000, at=0.2), move(0x1C00, at=0.3)]
    found = by_lane(loading_trace(1 << 20, calls), debuggable=True)
    assert [event.wrong for event in found["block moves"]] == [False, True]
    assert [event.at for event in found["block moves"]] == ["move:0", "move:1"]
    assert "instead of 0x10fe00" in found["block moves"][1].text
    (failed,) = found["disk reads"]
    assert failed.wrong
    assert failed.text == "read of LBA 1, 2 sectors to 0x020000: sector not found"


def test_positions_are_places_and_put_what_was_asked_between_calls() -> None:
    trace = loading_trace(1 << 20, [move(0x100000, at=0.2), move(0x1C00, at=0.4)])
    made = Made(1500, 0x7D00, "add di, cx")
    told = LastWrite("byte 7", 0x7DA1, 0, "device", "nobody wrote it")
    trace = replace(trace, recorded=Recorded(
        3000, 0.5, (told,), Origin("it", "it comes from there", (made,), made)))  # fmt: skip
    found = by_lane(trace, positions={0: 1000, 1: 2000})
    assert [event.at for event in found["block moves"]] == ["1000", "2000"]
    (guilty,) = found["going back"]
    assert (guilty.at, guilty.position) == ("1500", 1500)
    assert guilty.seconds == pytest.approx(0.3)
    assert "going back" not in by_lane(trace)  # without positions nobody knows when it was


def test_serial_lines_are_as_old_as_is_known() -> None:
    serial = "loader\n[    0.000000] Linux version 6.1\n[    0.250000] PCI\nlogin:\nlast\n"
    trace = BootTrace(
        "k",
        "login:",
        Ending("reached", 3.0),
        milestones=(Milestone("banner", 1.0),),
        serial=serial,
        marker=Sighting("login:", "login:", "serial line", 2.5),
    )
    told = [
        (event.text.split("] ")[-1], event.seconds, event.about) for event in serial_lines(trace)
    ]
    assert told == [
        ("loader", 1.0, "at the latest"),
        ("Linux version 6.1", 1.0, ""),
        ("PCI", 1.25, "by the kernel's own clock"),
        ("login:", 2.5, ""),
        ("last", 3.0, "at the latest"),
    ]


def test_serial_lines_come_when_they_were_read() -> None:
    arrivals = Arrivals()
    arrivals.note(b"loader\r", 0.5)
    arrivals.note(b"\nLinux", 1.0)
    arrivals.note(b" version 6.1\n\nlog", 1.5)
    arrivals.note(b"in: \n", 4.0)
    serial = "loader\r\nLinux version 6.1\n\nlogin: \nnever read\n"
    trace = BootTrace(
        "k", "init", Ending("reached", 5.0), serial=serial, serial_arrivals=arrivals.every
    )
    assert [(event.text, event.seconds, event.about) for event in serial_lines(trace)] == [
        ("loader", 0.5, ""),
        ("Linux version 6.1", 1.0, ""),
        ("login:", 1.5, ""),
        ("never read", 5.0, "at the latest"),
    ]
    # of one who wrote more than a trace keeps, the beginning is not there
    assert [event.seconds for event in serial_lines(replace(trace, serial="login: \n"))] == [1.5]
    restored = MachineFacts("q", "7", "tcg", "pc", None, 1 << 20, (), restored=Restored(0.4, 0.1))
    assert next(serial_lines(replace(trace, machine=restored))).about == "at the latest"


def test_of_a_guest_that_writes_on_and_on_some_hundred_moments_are_kept() -> None:
    arrivals = Arrivals()
    for number in range(100_000):
        arrivals.note(b"x\n", number / 1000)
    kept = arrivals.every
    assert 200 < len(kept) <= 500
    assert kept[-1] == Arrival(99.999, 100_000)
    assert [each.lines for each in kept] == sorted({each.lines for each in kept})
    apart = [after.seconds - before.seconds for before, after in pairwise(kept)]
    assert max(apart) < 1  # nowhere much coarser than elsewhere


def test_a_machine_that_the_recorder_stops_has_not_panicked() -> None:
    trace = read_trace(BOOTS[next(name for name in BOOTS if "heap flag" in name)])
    assert trace.handoff
    panicked = QmpEvent("GUEST_PANICKED", trace.handoff.seconds, {"action": "pause"})
    later = replace(panicked, seconds=trace.handoff.seconds + 1)
    told = by_lane(replace(trace, events=(panicked, later)))["QEMU"]
    assert "the recorder stops the machine as the kernel takes over" in told[0].text
    assert told[1].text == "GUEST_PANICKED action pause"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    name = next(name for name in BOOTS if "15,735,824" in name)
    trace = read_trace(BOOTS[name])
    trace = replace(trace, source=f"a {NASTY}", serial=f"{NASTY}\n", cmdline=NASTY)
    calls = {number: 1000 * number for number in range(len(trace.bios_calls))}
    text = timeline_html(
        Seen(trace, calls, True), judge(trace), f"bootharness debug 'x {NASTY}' --at"
    )
    file = tmp_path_factory.mktemp("page") / "boot.html"
    file.write_text(text)
    return file


def test_it_needs_no_network_and_obeys_no_guest(page: Path) -> None:
    text = page.read_text()
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)[^\"']+", text)
    assert not re.findall(r"@import|url\((?!#|data:)", text)
    assert "default-src 'none'" in text
    assert text.count("<script") == 3  # what is drawn from, what copies, what draws
    assert "<img" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_draws_it_zooms_and_says_where_to_stop(
    page: Path, tmp_path: Path, width: int
) -> None:
    with browser(tmp_path / "profile", width) as seen:
        seen.open(page.as_uri())
        frame = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        seen.value(frame)  # the chart is drawn when the window is
        assert "owned" not in seen.value("document.title").partition("</script>")[0]
        assert seen.value("document.querySelectorAll('img').length") == 0
        assert seen.value(WIDER_THAN_THE_WINDOW) == []
        marks = "document.querySelectorAll('#chart .mark').length"
        assert seen.value(marks) > 10
        assert seen.value("document.querySelectorAll('#chart .mark.wrong').length") >= 1
        seen.value("document.querySelector('[data-zoom=all]').click()")
        seen.value(frame)
        before = seen.value("document.getElementById('window').textContent")
        assert before.startswith("0.0")
        seen.value("document.querySelector('[data-zoom=in]').click()")
        seen.value(frame)
        assert seen.value("document.getElementById('window').textContent") != before
        assert seen.value("location.hash").startswith("#")
        seen.value("document.querySelector('[data-zoom=all]').click()")
        seen.value(frame)
        assert seen.value("document.getElementById('window').textContent") == before
        seen.value("document.querySelector('[data-zoom=wrong]').click()")
        seen.value(frame)
        seen.value(WRONG_MOVE)
        chosen = seen.value("document.getElementById('chosen').innerText")
        assert "instruction" in chosen
        assert "--at" in chosen
