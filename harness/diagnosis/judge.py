"""Judge a boot: a pure function of its trace."""

from collections.abc import Callable

from harness.agreement import disagreement
from harness.diagnosis import loading, network, running
from harness.diagnosis.verdict import Diagnosis, Judgement, Verdict
from harness.text import count
from harness.trace import BootTrace

__all__ = ["judge"]

Rule = Callable[[BootTrace], Diagnosis | None]

# In the order in which a boot can go wrong: of the rules that hold, the first is the root
# and the others follow from it.
_SIGNS: tuple[Rule, ...] = (
    loading.disk_read_failed,
    loading.kernel_rejected,
    loading.move_failed,
    loading.destination_wrapped,
    loading.payload_truncated,
    loading.setup_corrupt,
    loading.payload_corrupt,
    running.wrong_cpu,
    running.kernel_panic,
    running.triple_fault,
)
_NETWORK_SIGNS: tuple[Rule, ...] = (
    *network.SIGNS,
    loading.setup_corrupt,
    loading.payload_corrupt,
    running.wrong_cpu,
    running.kernel_panic,
    running.triple_fault,
)


def judge(trace: BootTrace) -> Judgement:
    """Return the verdict on a boot.

    No sign is trusted alone: a boot that came as far as wanted is bad all the same when its
    block moves wrapped or its memory differs.
    """
    if trace.ending.cause is not None:
        skip = Diagnosis(trace.ending.cause, trace.ending.detail)
        return Judgement(Verdict.SKIP, trace.ending.detail, skip)
    if trace.gdb_calls and (differs := disagreement(trace.loader_calls, trace.gdb_calls)):
        sentence = f"the recorder and gdb do not agree, so neither is trusted: {differs}"
        return Judgement(Verdict.SKIP, sentence, Diagnosis("tracers-disagree", sentence))
    signs = _NETWORK_SIGNS if trace.network else _SIGNS
    found = [diagnosis for rule in signs if (diagnosis := rule(trace))]
    if not found and trace.ending.kind != "reached":
        found = [found_nothing] if (found_nothing := running.timed_out(trace)) else []
    if found:
        return Judgement(Verdict.BAD, found[0].sentence, found[0], tuple(found[1:]))
    return Judgement(Verdict.GOOD, _good(trace))


def _good(trace: BootTrace) -> str:
    seconds = trace.milestones[-1].seconds if trace.milestones else trace.ending.seconds
    memory = ""
    if trace.handoff and trace.handoff.payload:
        memory = f", {count(trace.handoff.payload.compared_bytes, 'byte')} in memory equal the file"
    return f"reached {trace.until} in {seconds:.2f} s{memory}"
