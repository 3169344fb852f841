"""A cell: one boot that is asked for, with what is expected of it."""

from dataclasses import dataclass, field
from pathlib import Path

from bootharness.diagnosis.causes import CAUSES
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.plan import DEFAULT_CMDLINE, NET_PATHS, BootPlan, MachineConfig, NetPlan

__all__ = ["BOOT_PATHS", "STAGE1", "Cell"]

BOOT_PATHS = ("mbr", "direct", "grub", *NET_PATHS)
"""What brings the kernel: a loader in the MBR, QEMU itself (-kernel), GRUB, or a network."""
STAGE1 = "stage1"
"""The project's own loader; any other is named by its file."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One boot to be: a kernel's source, what loads it, and the machine that it boots on.

    ``loader`` is `STAGE1` or a file; it matters on the path ``mbr`` alone. ``expect`` is a
    verdict, or the cause of a bad one. Times are in seconds. Raises UsageError for what
    cannot be.
    """

    kernel: str
    loader: str = STAGE1
    path: str = "mbr"
    machine: MachineConfig = field(default_factory=MachineConfig)
    cmdline: str = DEFAULT_CMDLINE
    initrd: str | None = None
    until: str = "init"
    timeout_s: float = 60.0
    expect: str = Verdict.GOOD

    def __post_init__(self) -> None:
        if self.path not in BOOT_PATHS:
            raise UsageError(f"boot path {self.path!r}: known are {', '.join(BOOT_PATHS)}")
        cause = CAUSES.get(self.expect)
        if self.expect not in (Verdict.GOOD, Verdict.BAD) and not (
            cause and cause.verdict == "bad"
        ):
            raise UsageError(
                f"expectation {self.expect!r}: it is good, bad, or a cause of docs/causes.md that "
                "makes a boot bad"
            )
        _ = self.plan  # which refuses what cannot be

    @property
    def plan(self) -> BootPlan:
        """How it is booted."""
        return BootPlan(
            until=self.until,
            cmdline=self.cmdline,
            initrd=Path(self.initrd) if self.initrd else None,
            machine=self.machine,
            timeout_s=self.timeout_s,
            net=NetPlan(self.path) if self.path in NET_PATHS else None,
        )
