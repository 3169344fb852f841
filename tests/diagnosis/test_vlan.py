"""A client on another VLAN than the network."""

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts

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
