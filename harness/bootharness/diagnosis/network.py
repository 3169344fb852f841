"""Causes that lie in the network: no answer, no file, not all of it, or another one."""

import re
from collections.abc import Callable

from bootharness.diagnosis.certainty import QUIET_S, certain, last_asked, root
from bootharness.diagnosis.crash import crash
from bootharness.diagnosis.initrd_lacking import initrd_never_came
from bootharness.diagnosis.net_servers import their_sentence
from bootharness.diagnosis.patience import client_at
from bootharness.diagnosis.refusals import REFUSALS, asked_anew, tried_again
from bootharness.diagnosis.screens import boot_manager_error, boot_menu_waits, written
from bootharness.diagnosis.stub_words import initrd_by_another_name
from bootharness.diagnosis.taken_for import kernel_as_program
from bootharness.diagnosis.verdict import Diagnosis
from bootharness.diagnosis.vlan import other_vlan
from bootharness.diagnosis.wire_words import (
    SENTENCES,
    as_named,
    came_whole,
    configurations_tried,
    program_of,
)
from bootharness.text import address, as_shown, count
from bootharness.trace.boot_managers import waits_for_ever
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile, NetworkFacts, base_name
from bootharness.trace.signs import THE_UEFI, led_to, program_errors, speaker
from bootharness.trace.uefi_calls import rests_in_setup

__all__ = ["SIGNS"]

_EVIDENCE = 8
_NO_SUCH_LABEL = "ipxe.org/2d028"
_OF_THE_SCRIPT = {
    _NO_SUCH_LABEL: "a `goto` of the script went to a label that is not in it",
    "ipxe.org/2d022": (
        "what an `isset` of the script asks for is not set, and that ends a script unless `||` "
        "follows"
    ),
    "ipxe.org/46022": (
        "what an `iseq` of the script compares is not equal, and that ends a script unless `||` "
        "follows"
    ),
}
"""What no file can be blamed for, by iPXE's own numbers: an error, and where in iPXE it arose."""
_NUMBERS = _OF_THE_SCRIPT | {
    "ipxe.org/3c092": ("this build of iPXE does not know the URL's protocol: is it HTTPS or FTP?"),
}
_NOT_STARTED = "Exec format error"
"""What iPXE says of what the firmware does not start."""
_BAD_SIGNATURE = re.compile(r"error: [^\r\n]{0,120}bad shim signature\.?")
_ACCESS_DENIED = re.compile(r"Access Denied|Security Violation")
# boot programs and the BIOS have some of the memory, and it has holes
_MOVING_ROOM = 48 << 20
_OF_UEFI = "BdsDxe"
_PROGRAM_ENDED = "BdsDxe: failed to start"
"""What a UEFI says of a program that came back to it with an error."""
_WHOLE_OR_NOT = {"served": "came whole", "aborted": "was given up when its size was told"}
# what our TFTP server says is repeated without the file's name; then the menu comes again
_GRUB_QUOTES_US = re.compile(r"Booting `[^\r\n]{0,200}'[^`]{0,200}error: File not found")
# the one of them is of the kernel if the other follows
_NO_KERNEL = re.compile(r"error: File not found\.?; error: you need to load the kernel first")
_HEARD = 100_000
_BY_PXE_MENU = "Booting from PXE menu"
_BAD_EVEN_IF_IT_BOOTS = "tftp-corrupt"


def network_failed(trace: BootTrace) -> Diagnosis | None:
    """What the wire shows cannot come to anything, or was wrong though the kernel ran."""
    facts = trace.network
    if facts is None:
        return None
    failed = certain(facts, trace.ending.seconds) if _entered(trace) else root(facts)
    if failed is None:
        return None
    cause, event = failed
    if event.kind == NetEventKind.SENT_AGAIN and _entered(trace):
        return None  # it took no more of what it did without
    refused = event.kind in REFUSALS
    tried = configurations_tried(facts) if refused and facts.brought else ()
    no_config = event.file in tried
    told = (
        _spoken_of(event, trace)
        or tried_again(facts) is event
        or asked_anew(event, facts)
        or (no_config and boot_menu_waits(trace) is not None)
    )
    if facts.brought and refused and not told:
        return None  # it may have done without
    if trace.ending.kind == "reached" and cause != _BAD_EVEN_IF_IT_BOOTS:
        return None
    if no_config:
        cause = "tree-no-config"
    sentence = their_sentence(cause, event, facts) or SENTENCES[cause](event, facts)
    if trace.ending.kind == "boot-program":
        said = _words(trace)
        sentence += f'; then {_who_said(said, client_at(facts, event).name)} gave up: "{said}"'
    return Diagnosis(cause, sentence, _evidence(event, facts))


def told_too_little(trace: BootTrace) -> Diagnosis | None:
    """The client was told that a file is smaller than it is, and did not come through.

    Some take what comes all the same, so it is not certain until the boot has ended.
    """
    facts, handoff = trace.network, trace.handoff
    if facts is None or trace.ending.kind == "reached" or (handoff and handoff.memory_equal):
        return None
    for file in facts.files:
        promised = file.promised_bytes
        if facts.role(file.name) and promised is not None and promised < file.file_bytes:
            return Diagnosis(
                "tftp-truncated",
                f"the client was told that {file.name} has {count(promised, 'byte')}, and it has "
                f"{file.file_bytes:,}",
                tuple(str(event) for event in facts.events if event.file == file.name)[:_EVIDENCE],
            )
    return None


def script_error(trace: BootTrace) -> Diagnosis | None:
    """The boot program, or the script that it ran, gave up and said why."""
    facts = trace.network
    if facts is None or _entered(trace) or trace.ending.kind in ("reached", "firmware-crash"):
        return None
    said = _words(trace)
    if not said or _ACCESS_DENIED.search(said):
        return None
    if trace.ending.kind == "timeout" and trace.ending.seconds - last_asked(facts) < QUIET_S:
        return None  # it tries again, and had not given up when its time was over
    who = _who_gave_up(said, facts)
    return Diagnosis(
        "script-error",
        f"{who} gave up{trace.ended_after}, {_at_work(facts, who)}: "
        f'{_first(trace, said)}"{said}"{_refused_by(trace, said)}',
        tuple(str(event) for event in facts.events[-_EVIDENCE:]),
    )


def initrd_does_not_fit(trace: BootTrace) -> Diagnosis | None:
    """All came whole, or the last not once its size was told: the boot program cannot boot it, and
    the machine is full of it.

    A boot program moves an initrd, and the kernel unpacks beside it: what is left has to do for
    both.
    """
    facts, said = trace.network, _words(trace)
    if facts is None or not said or _entered(trace) or not (trace.kernel and trace.machine):
        return None
    file = facts.files[-1] if facts.files else None
    if file is None or file.outcome not in _WHOLE_OR_NOT or facts.role(file.name) != "initrd":
        return None
    size = file.file_bytes
    header, memory = trace.kernel.header, trace.machine.memory_bytes
    runs_to = (header.pref_address or header.load_address) + (header.init_size or 0)
    left = memory - runs_to - trace.kernel.file_bytes
    if size + _MOVING_ROOM <= left:
        return None
    return Diagnosis(
        "initrd-misplaced",
        f"{file.name}, {count(size, 'byte')}, {_WHOLE_OR_NOT[file.outcome]} and "
        f'{program_of(facts)} finds no place for it: "{said}"; the kernel runs in memory up to '
        f"{address(runs_to)} and its file has "
        f"{count(trace.kernel.file_bytes, 'byte')}, which leaves {max(left, 0) >> 20:,} MiB of the "
        f"machine's {memory >> 20:,}",
        tuple(str(event) for event in facts.events[-_EVIDENCE:]),
    )


def secure_boot_refused(trace: BootTrace) -> Diagnosis | None:
    """The firmware does not start what is not signed as it wants it."""
    facts, said, machine = trace.network, _words(trace), trace.machine
    if facts is None or _entered(trace):
        return None
    by_shim = _BAD_SIGNATURE.findall(trace.serial[-_HEARD:])
    if by_shim and machine and machine.secure_boot and (served := came_whole(facts)):
        return Diagnosis(
            "secure-boot-refused",
            f"{as_named(served[-1], facts)} came whole, and GRUB did not start it, for shim does "
            f'not accept its signature: "{by_shim[-1]}"',
            tuple(str(event) for event in facts.events[-_EVIDENCE:]),
        )
    if not said:
        return None
    not_started = machine is not None and machine.secure_boot and _NOT_STARTED in said
    if not (
        _ACCESS_DENIED.search(said) or (not_started and trace.kernel and trace.kernel.efi_stub)
    ):
        return None
    served = came_whole(facts)
    what = as_named(served[-1], facts) if served else "what it was to boot"
    return Diagnosis(
        "secure-boot-refused",
        f'the firmware refused to start {what} though it came whole: "{said}"',
        tuple(str(event) for event in facts.events[-_EVIDENCE:]),
    )


def firmware_crashed(trace: BootTrace) -> Diagnosis | None:
    """The UEFI, or what it had started, made an exception that the UEFI tells of."""
    had = ""
    if trace.network is None:
        return None
    if served := came_whole(trace.network):
        size = sum(file.file_bytes for file in trace.network.files if file.outcome == "served")
        had = (
            f", after it had got {' and '.join(dict.fromkeys(served[-2:]))} ({count(size, 'byte')} "
            "in all)"
        )
    found = crash(trace, had)
    return Diagnosis("firmware-crashed", *found) if found else None


def nbp_hang(trace: BootTrace) -> Diagnosis | None:
    """The boot program was entered, and then nothing more happened, on the wire or elsewhere."""
    facts = trace.network
    halted = trace.ending.kind == "halted"
    if facts is None or _entered(trace) or trace.seen_in_kernel:
        return None
    if not trace.host.can_show("registers") and trace.reached("kernel-served"):
        return None  # it may run, and say nothing on a serial line
    if not (halted or trace.ending.kind in ("idle", "timeout")):
        return None
    if facts.brought and (trace.kernel_runs or boot_menu_waits(trace) or boot_manager_error(trace)):
        return None
    served = [event for event in facts.events if event.kind == NetEventKind.FILE_SERVED]
    if not served or facts.events[-1] is not served[-1]:
        return None
    quiet_s = trace.ending.seconds - served[-1].seconds
    then = f"from then on nothing was asked for or booted for {quiet_s:.1f} s"
    if halted:
        then = "the CPU has halted with interrupts off"
    return Diagnosis(
        "nbp-hang",
        f"{_hangs(facts)}: {as_named(served[-1].file, facts)} came "
        f"whole at {served[-1].seconds:.2f} s, and {then}",
        tuple(str(event) for event in facts.events[-_EVIDENCE:]),
    )


def still_coming(trace: BootTrace) -> Diagnosis | None:
    """The time was over while a file was on its way."""
    facts = trace.network
    if facts is None or trace.ending.kind != "timeout" or trace.handed_off:
        return None
    files = [file for file in facts.files if file.outcome == "open" and file.sent_bytes]
    if not files:
        return None
    file = files[-1]
    return Diagnosis(
        "timed-out",
        f"the boot was not finished in time{trace.ended_after}: {file.name} was still on its "
        f"way, {file.sent_bytes:,} of {count(file.file_bytes, 'byte')}, {file.rate:,.0f} a second",
        tuple(str(event) for event in facts.events[-_EVIDENCE:]),
    )


def _entered(trace: BootTrace) -> bool:
    return trace.handed_off or trace.reached("banner")


def _spoken_of(event: NetEvent, trace: BootTrace) -> bool:
    """Whether who asked for a file in vain says so, or says of an error at all, or is at a prompt
    to which nothing else led."""
    if said := _words(trace):
        of_the_script = any(number in said for number in _OF_THE_SCRIPT)
        return not of_the_script and _led_by(event, _step(trace, said), said, trace)
    seen, heard = trace.post_mortem, trace.serial[-_HEARD:]
    screens = (trace.boot_screen, seen.screen if seen else "", trace.screen)
    return (
        any(base_name(event.file) in each for each in (*screens, trace.serial))
        or bool(_GRUB_QUOTES_US.search(heard) or _GRUB_QUOTES_US.search(written(trace)))
        or bool(_NO_KERNEL.search(str(boot_manager_error(trace))))
        or any(waits_for_ever(each) for each in (*screens, as_shown(heard)))
    )


def _led_by(event: NetEvent, step: str, said: str, trace: BootTrace) -> bool:
    """Whether a refusal led to what had failed before a boot program gave up: to nothing else, to
    what names the file, or to the same error of what names none (a disk over HTTP)."""
    if not step or base_name(event.file) in step:
        return True
    events = trace.network.events if trace.network else ()
    of_another = any(base_name(each.file) in step for each in events if base_name(each.file))
    return not of_another and step.rpartition(": ")[2] == said.rpartition(": ")[2]


def _words(trace: BootTrace) -> str:
    """What the boot program said of an error, and did not get over."""
    detail = trace.ending.detail if trace.ending.kind == "boot-program" else ""
    if detail and not detail.startswith(_OF_UEFI):
        return detail
    # a UEFI says of each boot option that it has failed, and of the first what is behind it
    said = program_errors(trace.screen) or program_errors(trace.serial)
    own = [each for each in said if not each.startswith(_OF_UEFI)]
    return next(iter((*own[-1:], *said, detail)))


def _first(trace: BootTrace, said: str) -> str:
    """What had failed before a boot program gave up, in its own words; empty for nothing."""
    step = _step(trace, said)
    return f'"{step}", and then ' if step and step != said else ""


def _step(trace: BootTrace, said: str) -> str:
    return led_to(trace.screen, said) or led_to(trace.serial, said)


def _who_said(said: str, program: str) -> str:
    """Return who said something: the firmware, the program that ran, or what that had loaded."""
    who = speaker(said)
    own = "PXELINUX" if "linux" in program.lower() else "iPXE"
    return program if who in ("", own) else who


def _who_gave_up(said: str, facts: NetworkFacts) -> str:
    program = program_of(facts)
    return program if said.startswith(_PROGRAM_ENDED) else _who_said(said, program)


def _hangs(facts: NetworkFacts) -> str:
    """Who hangs; once the kernel has come it may be the program, the firmware or the kernel."""
    if facts.role(came_whole(facts)[-1]) in ("kernel", "initrd"):
        return f"{facts.roles.get('kernel', 'the kernel')} was not seen to begin"
    return f"{program_of(facts)} hangs"


def _at_work(facts: NetworkFacts, who: str = "") -> str:
    """What it was about, as what it got last has it."""
    served = came_whole(facts)
    known = [each for each in served if facts.role(each)]
    if not known:
        return "before it had got a script"
    role = facts.role(known[-1])
    beside = f" with {served[-1]}, which came whole" if served[-1] != known[-1] else ""
    if role == "nbp":
        if who == THE_UEFI:
            return f"with {served[-1]}, which came whole"
        return f"before it had got a script,{beside}" if beside else "before it asked for anything"
    kernel = facts.roles.get("kernel", "the kernel")
    if role == "kernel":
        return f"with {kernel}, the kernel, which came whole"
    if role == "initrd":
        return f"with {kernel}, the kernel, and {served[-1]}, the initrd, which came whole"
    return f"running {known[-1]}, the {role}{beside and f',{beside}'}"


def _refused_by(trace: BootTrace, said: str) -> str:
    """What the words mean where the kernel's header tells."""
    kernel, machine = trace.kernel, trace.machine
    uefi = machine is not None and machine.firmware == "uefi"
    if uefi and kernel and kernel.efi_stub and _NOT_STARTED in (_step(trace, said) or said):
        return "; the kernel has an EFI stub, so the firmware refused it: is Secure Boot on?"
    if uefi and _BY_PXE_MENU in trace.serial[-_HEARD:]:
        return "; iPXE went by the PXE menu that DHCP told of (option 43); by a UEFI it shows none"
    disks = [each for each in trace.network.events if each.kind == NetEventKind.SAN] if (
        trace.network) else []  # fmt: skip
    if disks and ", which " in disks[-1].text:
        return f"; {disks[-1].file}, {disks[-1].text}"
    return next((f"; {meaning}" for number, meaning in _NUMBERS.items() if number in said), "")


def came_back(trace: BootTrace) -> Diagnosis | None:
    """A UEFI's program was done without a kernel: it had the machine reset, or went back without an
    error, and the firmware shows its own menu."""
    facts = trace.network
    if facts is None or _entered(trace) or not came_whole(facts):
        return None
    calls = trace.uefi_calls
    if trace.ending.kind == "guest-reset" and any(each.service == "ResetSystem" for each in calls):
        how = f"had the machine reset{trace.ended_after} (ResetSystem), {_at_work(facts)}"
    elif rests_in_setup(calls):
        how = (
            f"went back to the firmware without an error, {_at_work(facts)}, and there is nothing "
            f"else to boot from: the firmware shows its own menu{trace.ended_after}"
        )
    else:
        return None
    return Diagnosis(
        "efi-gave-up",
        f"{program_of(facts)} {how}",
        tuple(str(event) for event in facts.events[-_EVIDENCE:]),
    )


def _evidence(event: NetEvent, facts: NetworkFacts) -> tuple[str, ...]:
    """The last events up to the one that told."""
    until = [str(each) for each in facts.events if each.seconds <= event.seconds]
    return tuple(until[-_EVIDENCE:])


_NO_LABEL = "a label that is not in it"
_GOES_ROUND = "goes round for ever"
_NO_KERNEL_AT_ALL = "is no bzImage but"
_NO_STUB = "has no EFI stub"


def wrong_file(trace: BootTrace) -> Diagnosis | None:
    """A file that somebody serves cannot be what it was asked for, and nothing came of it."""
    facts = trace.network
    if facts is None or not facts.brought or _entered(trace) or trace.ending.kind == "reached":
        return None
    flawed = [each for each in facts.files if each.flaw]
    if not flawed or not _is_last(flawed[-1], facts):
        return None
    file, said = flawed[-1], _words(trace)
    if file.flaw.endswith(_NO_LABEL) and _NO_SUCH_LABEL not in said:
        return None  # it may never have gone there
    if file.flaw.startswith(_NO_STUB) and _NOT_STARTED not in said:
        return None  # GRUB does without
    if file.flaw.startswith(_GOES_ROUND) and (said or _refused_since(file, facts)):
        return None  # that is why it came there
    by = f"{_who_gave_up(said, facts)} gave up" if said else "nothing came of it"
    return Diagnosis(
        "tree-wrong-file",
        f"{as_named(file.name, facts)} {file.flaw}, and {by}{trace.ended_after}"
        f"{said and f': {chr(34)}{said}{chr(34)}'}",
        tuple(str(event) for event in facts.events[-_EVIDENCE:]),
    )


def _refused_since(file: NetFile, facts: NetworkFacts) -> bool:
    """Whether something was asked for in vain since a file was."""
    return any(each.kind in REFUSALS and each.seconds > file.requested_at for each in facts.events)


def _is_last(flawed: NetFile, facts: NetworkFacts) -> bool:
    """Whether nothing came after a file but what is loaded beside a kernel."""
    after = [each for each in facts.files if each.requested_at > flawed.requested_at]
    beside = ("initrd", "kernel") if flawed.flaw.startswith(_NO_KERNEL_AT_ALL) else ("initrd",)
    return all(each.role in beside or each.name == flawed.name for each in after) and (
        bool(flawed.file_bytes) or not after
    )


SIGNS: tuple[Callable[[BootTrace], Diagnosis | None], ...] = (
    kernel_as_program,
    wrong_file,
    other_vlan,
    network_failed,
    initrd_never_came,
    told_too_little,
    firmware_crashed,
    secure_boot_refused,
    initrd_does_not_fit,
    initrd_by_another_name,
    script_error,
    nbp_hang,
    came_back,
    still_coming,
)
"""What can go wrong before a kernel is entered, in place of what can with a disk."""
