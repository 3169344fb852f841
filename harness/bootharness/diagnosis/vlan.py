"""A client that is on another VLAN than the network."""

from bootharness.diagnosis.verdict import Diagnosis
from bootharness.diagnosis.wire_words import program_of
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetEventKind

__all__ = ["other_vlan"]

_EVIDENCE = 8


def other_vlan(trace: BootTrace) -> Diagnosis | None:
    """All that the client sent, or all since a boot program runs, was of another VLAN, so that
    nobody heard it."""
    facts = trace.network
    if facts is None or trace.ending.kind == "reached":
        return None
    if trace.handed_off or trace.reached("banner"):
        return None
    others = [each for each in facts.events if each.kind == NetEventKind.OTHER_VLAN]
    if not others or facts.events[-1] is not others[-1]:
        return None
    heard = [each for each in facts.events if each.kind != NetEventKind.OTHER_VLAN]
    if heard and heard[-1].kind != NetEventKind.FILE_SERVED:
        return None
    since = [each for each in others if not heard or each.seconds > heard[-1].seconds]
    texts = " and ".join(dict.fromkeys(each.text.partition(",")[0] for each in since))
    who = f"{program_of(facts)} sent since it runs" if heard else "the card sent"
    return Diagnosis(
        "other-vlan",
        f"all that {who} came {texts}, so the network, "
        f"{others[0].text.partition('network is ')[2]}, did not take it",
        tuple(map(str, facts.events[-_EVIDENCE:])),
    )
