"""A kernel that was started without its initrd, for that did not come over the network."""

from bootharness.diagnosis.certainty import CAUSES
from bootharness.diagnosis.kernel import no_init
from bootharness.diagnosis.net_servers import their_sentence
from bootharness.diagnosis.refusals import REFUSALS
from bootharness.diagnosis.verdict import Diagnosis
from bootharness.diagnosis.wire_words import SENTENCES
from bootharness.trace.boot_trace import BootTrace

__all__ = ["initrd_never_came"]


def initrd_never_came(trace: BootTrace) -> Diagnosis | None:
    """What was asked for behind the kernel was refused, and the kernel found nothing to run."""
    facts = trace.network
    if facts is None or not no_init(trace):
        return None
    came = [each for each in facts.files if each.outcome == "served"]
    if not came or facts.role(came[-1].name) != "kernel":
        return None
    refused = [
        each
        for each in facts.events
        if each.kind in REFUSALS and each.seconds > came[-1].requested_at
    ]
    if not refused:
        return None
    cause = CAUSES[refused[-1].kind]
    why = their_sentence(cause, refused[-1], facts) or SENTENCES[cause](refused[-1], facts)
    return Diagnosis(
        "initrd-dropped",
        f"the kernel was started without its initrd, and found no /init to run: {why}",
        tuple(str(each) for each in refused),
    )
