"""A client on another VLAN than the network."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts
from tests.support.traces import handoff

pytestmark = pytest.mark.usefixtures("every_word")

MAC = "52:54:00:12:34:01"
BARE, OTHER = (
    NetEvent(at, NetEventKind.OTHER_VLAN, MAC, text=f"{came}, and the network is VLAN 5")
    for at, came in ((2.0, "without a VLAN's tag"), (3.0, "with the tag of VLAN 6"))
)
ASKED = NetEvent(4.0, NetEventKind.DISCOVER, MAC)


def booted(*events: NetEvent, ending: str = "idle") -> BootTrace:
    facts = NetworkFacts("net-root", "bios", "virtio", "wire", MAC, {}, events=events)
    return BootTrace("root", "banner", Ending(ending, 30.0), "net-root", network=facts)


@pytest.mark.parametrize(
    ("events", "came"),
    [
        ((BARE,), "without a VLAN's tag, so"),
        ((BARE, OTHER, BARE), "without a VLAN's tag and with the tag of VLAN 6, so"),
    ],
)
def test_what_came_of_other_vlans_is_told_once(events: tuple[NetEvent, ...], came: str) -> None:
    judgement = judge(booted(*events))
    assert judgement.cause == "other-vlan"
    assert judgement.summary == (
        f"all that the card sent came {came} the network, VLAN 5, did not take it"
    )


def test_who_was_heard_as_well_is_not_on_another_vlan() -> None:
    assert judge(booted(OTHER, ASKED)).cause != "other-vlan"
    assert judge(booted()).cause != "other-vlan"


def test_a_boot_that_got_there_took_another_way() -> None:
    assert judge(booted(BARE, ending="reached")).verdict is Verdict.GOOD


def test_a_boot_program_on_another_vlan_is_told_by_its_name() -> None:
    first = NetEvent(1.0, NetEventKind.OTHER_VLAN, MAC, text="with the tag of VLAN 7, and the ...")
    served = NetEvent(1.5, NetEventKind.FILE_SERVED, MAC, "core.0")
    facts = NetworkFacts(
        "net-root", "bios", "virtio", "wire", MAC, {"nbp": "core.0"},
        events=(ASKED, first, served, BARE, OTHER),
    )  # fmt: skip
    judgement = judge(replace(booted(), network=facts))
    assert judgement.cause == "other-vlan"
    assert judgement.summary.startswith(
        "all that core.0 sent since it runs came without a VLAN's tag and with the tag of VLAN 6, "
    )
    at_once = replace(facts, events=(served, replace(BARE, seconds=1.5), OTHER))
    assert "came with the tag of VLAN 6, so" in judge(replace(booted(), network=at_once)).summary


@pytest.mark.parametrize(
    "more",
    [
        {"handoff": handoff(1)},
        {"milestones": (Milestone("banner", 2.0),)},
        {"ending": Ending("reached", 30.0)},
    ],
)
def test_a_boot_that_came_to_a_kernel_is_on_its_vlan(more: dict[str, Any]) -> None:
    judgement = judge(replace(booted(BARE), **more))
    assert "other-vlan" not in (judgement.cause, *(each.cause for each in judgement.consequences))
