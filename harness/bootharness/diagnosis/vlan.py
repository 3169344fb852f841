"""A client that is on another VLAN than the network."""

from bootharness.diagnosis.verdict import Diagnosis
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetEventKind

__all__ = ["other_vlan"]


def other_vlan(trace: BootTrace) -> Diagnosis | None:
    """All that the client sent was of another VLAN, so that nobody heard it."""
    facts = trace.network
    if facts is None or trace.ending.kind == "reached":
        return None
    others = [each for each in facts.events if each.kind == NetEventKind.OTHER_VLAN]
    if not others or len(others) < len(facts.events):
        return None
    texts = " and ".join(dict.fromkeys(each.text.partition(",")[0] for each in others))
    return Diagnosis(
        "other-vlan",
        f"all that the card sent came {texts}, so the network, "
        f"{others[0].text.partition('network is ')[2]}, did not take it",
        tuple(map(str, others)),
    )
