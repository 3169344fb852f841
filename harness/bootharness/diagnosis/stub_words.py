"""What the EFI stub of a kernel says before it gives up."""

import re

from bootharness.diagnosis.verdict import Diagnosis
from bootharness.trace.boot_trace import BootTrace

__all__ = ["initrd_by_another_name"]

# drivers/firmware/efi/libstub/file.c
_NO_FILE = re.compile(r"EFI stub: ERROR: Failed to open file: ([^\r\n]{1,200})")
_HEARD, _EVIDENCE = 100_000, 8


def initrd_by_another_name(trace: BootTrace) -> Diagnosis | None:
    """An initrd came over the network, and the kernel's command line names another."""
    facts = trace.network
    if facts is None or trace.ending.kind == "reached":
        return None
    came = [each.name for each in facts.files if (each.role, each.outcome) == ("initrd", "served")]
    wanted = _NO_FILE.findall(trace.serial[-_HEARD:])
    if not came or not wanted:
        return None
    return Diagnosis(
        "tree-initrd-unused",
        f"{came[-1]}, the initrd, came whole, and the kernel's EFI stub looked for another and "
        f'gave up: "Failed to open file: {wanted[-1]}"',
        tuple(str(event) for event in facts.events if event.file == came[-1])[-_EVIDENCE:],
    )
