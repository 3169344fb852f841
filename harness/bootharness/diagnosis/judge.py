"""Judge a boot: a pure function of its trace."""

from collections.abc import Callable

from msgspec.structs import replace

from bootharness.diagnosis import (
    boot_params,
    cmdline,
    cpu,
    crash,
    disk_reads,
    endings,
    failed_reads,
    faulty_disk,
    foreseen,
    forgiven,
    hangs,
    kernel,
    lost_disk,
    memory,
    moves,
    network,
    odd_header,
    protocol,
    screens,
    secure_boot,
    started_kernel,
    survived,
    timer,
    uefi,
    uefi_images,
    uefi_reads,
    uefi_went_on,
    userspace,
    wanted,
    whose,
)
from bootharness.diagnosis.agreement import disagreement
from bootharness.diagnosis.verdict import Diagnosis, Finding, Judgement, Verdict
from bootharness.formats.bioscall import BiosCall
from bootharness.plan import SHUTDOWN
from bootharness.text import as_shown, count, printable
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.sighting import Sighting

__all__ = ["RULES", "judge"]

Rule = Callable[[BootTrace], Finding | None]

# In the order in which a boot can go wrong: of the rules that hold, the first is the root
# and the others follow from it.
RULES: tuple[tuple[str, Rule], ...] = (
    ("secure-boot-refused", secure_boot.signature_refused),
    ("no-efi-stub", foreseen.no_efi_stub),
    ("efi-refused", foreseen.of_32_bits),
    ("initrd-misplaced", foreseen.no_room),
    ("disk-cut-short", disk_reads.container_cut_short),
    ("no-boot-signature", disk_reads.no_boot_signature),
    ("no-boot-catalog", disk_reads.no_boot_catalog),
    ("disk-cut-short", disk_reads.disk_cut_short),
    ("payload-truncated", disk_reads.file_cut_short),
    ("memory-clobbered", memory.stack_over_loader),
    ("disk-no-answer", lost_disk.disk_no_answer),
    ("disk-vanished", lost_disk.disk_vanished),
    ("disk-read-failed", failed_reads.repeated_with_nothing),
    ("wrong-sectors", disk_reads.wrong_sectors),
    ("disk-read-failed", failed_reads.disk_read_failed),
    ("disk-cut-short", uefi_reads.disk_cut_short),
    ("disk-read-failed", uefi_reads.disk_read_failed),
    ("disk-read-failed", uefi_reads.taken_for_read),
    ("firmware-crashed", crash.firmware_crashed),
    ("efi-no-file-system", uefi.no_file_system),
    ("efi-no-boot-file", uefi.boot_file_missing),
    ("efi-out-of-memory", uefi_images.out_of_memory),
    ("efi-refused", uefi.image_refused),
    ("kernel-rejected", protocol.kernel_rejected),
    ("other-kernel", whose.other_kernel),
    ("descriptor-invalid", moves.descriptor_invalid),
    ("move-failed", moves.move_failed),
    ("destination-wrapped", moves.destination_wrapped),
    ("destination-misplaced", moves.destination_misplaced),
    ("payload-truncated", moves.not_all_placed),
    ("initrd-misplaced", memory.initrd_does_not_fit),
    ("memory-clobbered", memory.memory_clobbered),
    ("a20-closed", memory.a20_closed),
    ("setup-corrupt", memory.setup_corrupt),
    ("payload-corrupt", memory.payload_corrupt),
    ("initrd-misplaced", memory.initrd_missing),
    ("tree-initrd-unused", screens.initrd_unused),
    ("initrd-dropped", screens.initrd_dropped),
    ("cmdline-wrong", cmdline.cmdline_wrong),
    ("header-not-set", protocol.header_not_set),
    ("handoff-state", protocol.handoff_state),
    ("boot-params-wrong", boot_params.boot_params_wrong),
    ("initramfs-cut", kernel.initramfs_cut),
    ("fail-on-seen", wanted.fail_on_seen),
    ("command-failed", wanted.command_failed),
    ("command-skipped", wanted.command_skipped),
    ("too-slow", wanted.too_slow),
    ("no-32-bit-entry", whose.no_32_bit_entry),
    ("wrong-cpu", cpu.wrong_cpu),
    ("wrong-cpu", cpu.stopped_by_cpu_check),
    ("setup-hang", hangs.setup_hang),
    ("no-timer", timer.no_timer),
    ("screen-unreadable", wanted.screen_unreadable),
    ("kernel-silent", hangs.kernel_silent),
    ("decompress-failed", kernel.decompress_failed),
    ("no-init", kernel.no_init),
    ("kernel-panic", kernel.kernel_panic),
    ("kernel-hang", hangs.kernel_hang),
    ("started-kernel-stopped", started_kernel.started_kernel_stopped),
    ("kernel-reset", kernel.kernel_reset),
    ("decompress-failed", uefi_images.unpacking_failed),
    ("efi-exit-refused", uefi_went_on.exit_refused),
    ("efi-gave-up", uefi_images.boot_manager_left),
    ("no-grub-config", uefi_went_on.no_grub_configuration),
    ("boot-manager-error", screens.boot_manager_error),
    ("boot-menu-waits", uefi_went_on.shell_waits),
    ("boot-menu-waits", screens.boot_menu_waits),
    ("started-kernel-stopped", started_kernel.started_kernel_rests),
    ("kernel-silent", started_kernel.started_kernel_silent),
    ("kernel-not-entered", whose.kernel_not_entered),
    ("port-misused", endings.port_misused),
    ("efi-hang", uefi_images.image_hangs),
    ("efi-fell-back", uefi_went_on.fell_back),
    ("stage1-hang", hangs.stage1_hang),
    ("bios-hang", hangs.bios_hang),
    ("bios-stuck", hangs.bios_stuck),
    ("reset-keyboard", endings.reset_by_keyboard),
    ("reset-port-92", endings.reset_by_port_92),
    ("reset-cf9", endings.reset_by_port_cf9),
    ("reset-bios", endings.reset_by_bios),
    ("triple-fault", endings.triple_fault),
    ("machine-reset", endings.machine_reset),
    ("guest-powered-off", endings.guest_powered_off),
    ("guest-suspended", endings.guest_suspended),
)
# what these say rests on calls that are not all there when some have been left out
_NEED_ALL_CALLS = frozenset(
    (
        "wrong-sectors",
        "disk-cut-short",
        "disk-read-failed",
        "destination-wrapped",
        "destination-misplaced",
        "payload-truncated",
    )
)
# of which nothing is proven: it may boot
_NOT_KNOWN = (
    "bios-stuck",
    "command-skipped",
    "kernel-silent",
    "no-32-bit-entry",
    "no-timer",
    "screen-unreadable",
)
# what did no harm, as far as this boot went
_WARNINGS: tuple[Callable[[BootTrace], str | None], ...] = (
    forgiven.too_many_sectors,
    forgiven.across_64_kib,
    boot_params.not_zeroed,
    boot_params.no_memory_map,
    odd_header.will_not_get_far,
    survived.boot_manager_went_on,
    survived.never_asked,
    survived.read_again,
    survived.attached_otherwise,
    disk_reads.container_lacks,
    disk_reads.partition_beyond_the_end,
    survived.video_mode_not_set,
    uefi_went_on.exits_retried,
)
# what a boot has shown before it did what is not emulated, whatever comes after
_PROVEN = tuple(
    rule
    for rule in RULES
    if rule[1]
    in (
        disk_reads.file_cut_short,
        failed_reads.repeated_with_nothing,
        moves.descriptor_invalid,
        moves.move_failed,
        moves.destination_wrapped,
        memory.memory_clobbered,
        memory.a20_closed,
    )
)
_SHOWN, _ENTRY = 120, "the kernel's 32-bit entry"
# for a boot that did not get as far as wanted and that no rule explains
_LAST_RESORTS: tuple[tuple[str, Rule], ...] = (
    ("kernel-gave-up", protocol.kernel_gave_up),
    ("loader-gave-up", protocol.loader_gave_up),
    ("userspace-gave-up", userspace.userspace_gave_up),
    ("command-not-ended", wanted.command_not_run),
    ("marker-not-seen", wanted.marker_not_seen),
    ("not-switched-off", wanted.not_switched_off),
    ("timed-out", kernel.timed_out),
)


def judge(trace: BootTrace) -> Judgement:
    """Return the verdict on a boot.

    No sign is trusted alone: a boot that came as far as wanted is bad all the same when its
    block moves wrapped or its memory differs. What it says is fit to be shown, whatever a guest has
    written into it.
    """
    judgement = _judged(trace)
    return replace(
        judgement,
        summary=printable(judgement.summary),
        diagnosis=judgement.diagnosis and _shown(judgement.diagnosis),
        consequences=tuple(map(_shown, judgement.consequences)),
        warnings=tuple(map(printable, judgement.warnings)),
    )


def _shown(diagnosis: Diagnosis) -> Diagnosis:
    return replace(diagnosis, sentence=printable(diagnosis.sentence))


def _judged(trace: BootTrace) -> Judgement:
    if trace.ending.cause == "not-emulated" and (proven := _apply(_PROVEN, trace)):
        return Judgement(Verdict.BAD, proven[0].sentence, proven[0], tuple(proven[1:]))
    if trace.ending.cause is not None:
        skip = Diagnosis(trace.ending.cause, trace.ending.detail)
        return Judgement(Verdict.SKIP, trace.ending.detail, skip)
    if silent := whose.recorder_silent(trace):
        return Judgement(Verdict.SKIP, silent, Diagnosis("recorder-silent", silent))
    if trace.gdb_calls and (differs := _disagreement(trace)):
        sentence = f"the recorder and gdb do not agree, so neither is trusted: {differs}"
        return Judgement(Verdict.SKIP, sentence, Diagnosis("tracers-disagree", sentence))
    found = [failed for sign in network.SIGNS if (failed := sign(trace))]
    found += _apply(RULES, trace)
    if not found and trace.ending.kind != "reached":
        found = _apply(_LAST_RESORTS, trace)[:1]
    warnings = tuple(said for warning in _WARNINGS if (said := warning(trace)))
    warnings += forgiven.adverse(trace)
    warnings += faulty_disk.did_no_harm(trace) + faulty_disk.did_nothing(trace)
    if found:
        verdict = Verdict.SKIP if found[0].cause in _NOT_KNOWN else Verdict.BAD
        return Judgement(verdict, found[0].sentence, found[0], tuple(found[1:]), warnings)
    return Judgement(Verdict.GOOD, _good(trace), warnings=warnings)


def _disagreement(trace: BootTrace) -> str | None:
    """Return how the two tracers differ: of a loader that nobody has named gdb watches the boot
    sector alone, so only calls from there are compared."""
    recorded = trace.loader_calls
    if trace.loader is None:
        watched = {_caller(call) for call in trace.gdb_calls}
        recorded = tuple(call for call in recorded if _caller(call) in watched)
    return disagreement(recorded, trace.gdb_calls)


def _caller(call: BiosCall) -> tuple[int, int]:
    return call.registers_in.cs, call.registers_in.ip


def _apply(rules: tuple[tuple[str, Rule], ...], trace: BootTrace) -> list[Diagnosis]:
    some = trace.calls_left_out > 0
    findings = [
        (cause, rule(trace)) for cause, rule in rules if not (some and cause in _NEED_ALL_CALLS)
    ]
    return [Diagnosis(cause, *finding) for cause, finding in findings if finding]


def _seen(seen: Sighting) -> str:
    """Say what a person's pattern was found in, or his picture."""
    if seen.likeness:
        return f"{seen.likeness.percent:g} % alike, {seen.likeness.area}"
    by = ", as OCR reads it," if seen.by == "ocr" else ""
    return f'"{printable(" ".join(as_shown(seen.line).split())[:_SHOWN])}"{by}'


def _good(trace: BootTrace) -> str:
    seconds = trace.milestones[-1].seconds if trace.milestones else trace.ending.seconds
    seen = trace.marker
    if seen or trace.until == SHUTDOWN:
        seconds = seen.seconds if seen else trace.ending.seconds
    proof = trace.proof
    memory_said = f"memory was not compared: {proof.not_compared}"
    if proof.not_compared is None:
        memory_said = f"{count(proof.compared_bytes, 'byte')} in memory equal the file"
        if proof.pieces:
            memory_said += f", by the sums of {count(proof.pieces, 'piece')} of 64 KiB"
    when = f" in {seconds:.2f} s" if trace.timed else ""
    if trace.guest_s is not None:
        when += f", {trace.guest_s:.3f} s by the guest's own clock"
    without = " without an initrd" if proof.initrd is False else ""
    entry = trace.handoff is not None and trace.handoff.boot_params is not None
    said = f"reached {_ENTRY if entry else trace.goal}{when}"
    if seen and trace.run is None:
        said += f" ({_seen(seen)} on the {seen.on})"
    for given in trace.send:
        pattern, _, text = given.partition("=>")
        said += f", {text!r} typed at {pattern!r}"
    said += f"{without}, {memory_said}"
    if proof.banner:
        said += f", banner of {proof.banner}"
    elif proof.heard_on:
        said += f", no banner but other words on the {proof.heard_on}"
    return f"{said}, userspace alive" if proof.userspace else said
