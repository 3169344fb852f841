"""Judge a boot: a pure function of its trace."""

from collections.abc import Callable

from bootharness.diagnosis import (
    cmdline,
    disk_reads,
    foreseen,
    hangs,
    kernel,
    memory,
    moves,
    network,
    protocol,
)
from bootharness.diagnosis.agreement import disagreement
from bootharness.diagnosis.verdict import Diagnosis, Finding, Judgement, Verdict
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace

__all__ = ["RULES", "judge"]

Rule = Callable[[BootTrace], Finding | None]

# In the order in which a boot can go wrong: of the rules that hold, the first is the root
# and the others follow from it.
RULES: tuple[tuple[str, Rule], ...] = (
    ("no-efi-stub", foreseen.no_efi_stub),
    ("no-boot-signature", disk_reads.no_boot_signature),
    ("payload-truncated", disk_reads.file_cut_short),
    ("wrong-sectors", disk_reads.wrong_sectors),
    ("disk-read-failed", disk_reads.disk_read_failed),
    ("kernel-rejected", protocol.kernel_rejected),
    ("descriptor-invalid", moves.descriptor_invalid),
    ("move-failed", moves.move_failed),
    ("destination-wrapped", moves.destination_wrapped),
    ("destination-misplaced", moves.destination_misplaced),
    ("payload-truncated", moves.not_all_placed),
    ("initrd-misplaced", memory.initrd_does_not_fit),
    ("memory-clobbered", memory.memory_clobbered),
    ("setup-corrupt", memory.setup_corrupt),
    ("payload-corrupt", memory.payload_corrupt),
    ("initrd-misplaced", memory.initrd_missing),
    ("cmdline-wrong", cmdline.cmdline_wrong),
    ("header-not-set", protocol.header_not_set),
    ("handoff-state", protocol.handoff_state),
    ("initramfs-cut", kernel.initramfs_cut),
    ("wrong-cpu", kernel.wrong_cpu),
    ("setup-hang", hangs.setup_hang),
    ("kernel-silent", hangs.kernel_silent),
    ("decompress-failed", kernel.decompress_failed),
    ("no-init", kernel.no_init),
    ("kernel-panic", kernel.kernel_panic),
    ("kernel-hang", hangs.kernel_hang),
    ("kernel-reset", kernel.kernel_reset),
    ("stage1-hang", hangs.stage1_hang),
    ("bios-hang", hangs.bios_hang),
    ("triple-fault", kernel.triple_fault),
)
# for a boot that did not get as far as wanted and that no rule explains
_LAST_RESORTS: tuple[tuple[str, Rule], ...] = (
    ("loader-gave-up", protocol.loader_gave_up),
    ("timed-out", kernel.timed_out),
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
    found = [failed for sign in network.SIGNS if (failed := sign(trace))]
    found += _apply(RULES, trace)
    if not found and trace.ending.kind != "reached":
        found = _apply(_LAST_RESORTS, trace)[:1]
    if found:
        return Judgement(Verdict.BAD, found[0].sentence, found[0], tuple(found[1:]))
    return Judgement(Verdict.GOOD, _good(trace))


def _apply(rules: tuple[tuple[str, Rule], ...], trace: BootTrace) -> list[Diagnosis]:
    findings = [(cause, rule(trace)) for cause, rule in rules]
    return [Diagnosis(cause, *finding) for cause, finding in findings if finding]


def _good(trace: BootTrace) -> str:
    seconds = trace.milestones[-1].seconds if trace.milestones else trace.ending.seconds
    proof = trace.proof
    memory_said = f"memory was not compared: {proof.not_compared}"
    if proof.not_compared is None:
        memory_said = f"{count(proof.compared_bytes, 'byte')} in memory equal the file"
    when = f" in {seconds:.2f} s" if trace.timed else ""
    without = " without an initrd" if proof.initrd is False else ""
    return f"reached {trace.until}{when}{without}, {memory_said}"
