"""A kernel that SYSLINUX takes for something else, by the end of its name."""

from bootharness.diagnosis.verdict import Diagnosis
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetworkFacts

__all__ = ["kernel_as_program"]

# SYSLINUX's documentation, "KERNEL file": what is no kernel by its name
_TAKEN_FOR = {
    ".0": "a boot program", ".bin": "a boot sector", ".bs": "a boot sector",
    ".bss": "a boot sector",
}  # fmt: skip
_TOO_LARGE = "Too large for a boo"
"""What PXELINUX says of what is larger than a boot program can be; it writes "boostrap"."""
_EVIDENCE = 8


def kernel_as_program(trace: BootTrace) -> Diagnosis | None:
    """The last that PXELINUX asked for was a kernel with the name of a boot program, and nobody saw
    it enter a kernel: it jumped into it, or found it too large."""
    facts = trace.network
    if facts is None or not facts.files or not _by_pxelinux(facts):
        return None
    if trace.reached("banner") or (trace.handoff and trace.handoff.header):
        return None
    # who takes a kernel for a boot program jumps to its first bytes, from which none comes so far
    if trace.seen_in_kernel:
        return None
    file = facts.files[-1]
    taken_for = next((what for end, what in _TAKEN_FOR.items() if file.name.endswith(end)), "")
    seen = trace.post_mortem
    screen = f"{trace.boot_screen}\n{seen.screen if seen else ''}"
    ran = file.outcome == "served"
    if file.role != "kernel" or not taken_for or not (ran or _TOO_LARGE in screen):
        return None
    then = f"jumped into it, and the boot ended{trace.ended_after}" if ran else "it is too large"
    return Diagnosis(
        "kernel-as-boot-program",
        f"{file.name} is a kernel, and PXELINUX took it for {taken_for}, as the end of its name "
        f"has it: {then}",
        tuple(str(event) for event in facts.events[-_EVIDENCE:]),
    )


def _by_pxelinux(facts: NetworkFacts) -> bool:
    return "pxelinux" in facts.roles.get("nbp", "") or any(
        each.name.endswith("ldlinux.c32") for each in facts.files
    )
