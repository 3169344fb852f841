"""Whose words are whose: what looks like a kernel's is one's only where a kernel runs."""

import re
from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.errors import MachineLost
from bootharness.machine.machine import Machine
from bootharness.machine.postmortem import screen
from bootharness.text import address, seg_off
from bootharness.trace.heard import Heard
from bootharness.trace.machine_facts import CpuSample
from bootharness.trace.sighting import Where
from bootharness.trace.signs import Sign

__all__ = ["OF_A_KERNEL", "Words"]

OF_A_KERNEL = ("banner", "init", "panic", "last-words")
_RELEASE = re.compile(r"Linux version (\S+)")
# what a kernel's lines begin with, whatever their level
_STAMP = re.compile(r"^\[ *\d+\.\d{6}\]", re.MULTILINE)
# a banner that comes at all comes with the first of what a kernel writes
_BANNER_LATE_S = 1.0
# what each line of Xen begins with, and how soon one comes
_XEN, _XEN_WITHIN = b"(XEN) ", 1 << 13
_LOOKS_IN_USERSPACE = 3
# Linux maps itself above, as other kernels do (Documentation/arch/x86/x86_64/mm.rst)
_HALF = 1 << 47
_SHOWN = 80
# who floods the line with a kernel's words is looked at so often
_SAME_SPEAKER_S = 0.05


class Words(Struct):
    """Listens for a kernel: on the serial line, and where that is silent on the screen."""

    machine: Machine
    signs: list[Sign]
    heard: Heard = field(default_factory=Heard)
    entered: bool = False
    kernel_runs: bool = False
    userspace: int = 0
    screen: str = ""
    _silent_from: int = 0
    _spoke_at: float | None = None
    _disowned_at: float = 0.0

    def believed(self, sign: Sign, text: str) -> bool:
        """Return whether a kernel can have written this a moment ago, and note it.

        Nobody who has come to Linux goes back to real mode but for a reset; and where nobody saw a
        kernel being entered, it is one that has paging on, and runs where Linux maps itself, as it
        has and does long before its banner.
        """
        if sign.name in OF_A_KERNEL and not self.of_a_kernel(text):
            return False
        if found := _RELEASE.search(text) if sign.name == "banner" else None:
            self._note(release=found[1])
        return True

    def of_a_kernel(self, text: str) -> bool:
        """Return whether it is a kernel, or what it runs, that can have written a text just now."""
        if self.kernel_runs:
            return True
        if self._disowned_at and self.machine.now() - self._disowned_at < _SAME_SPEAKER_S:
            return False
        sample = self.machine.sample()
        if self.is_bare(sample) and self._running:
            self._disowned_at = self.machine.now()
            if not self.heard.disowned:
                at = address(sample.linear)
                if sample.mode == "real":
                    at = seg_off(sample.cs, sample.ip)
                self._note(disowned=f"{text[:_SHOWN]!r} at {at} in {sample.mode} mode")
            return False
        self.kernel_runs = True
        return True

    def is_bare(self, sample: CpuSample) -> bool:
        """Return whether a CPU is where no Linux is: in real mode, or, unless a kernel was seen
        being entered, without paging or in the lower half of long mode, as a UEFI and what it
        starts are."""
        if sample.mode == "real":
            return sample.linear < 0x100000
        if self.entered or sample.in_userspace:
            return False
        return sample.mode == "protected" or (sample.mode == "long" and sample.linear < _HALF)

    @property
    def _running(self) -> bool:
        return self.machine.status == "running"

    def look(self, sample: CpuSample) -> None:
        """Note whether the CPU is in a kernel, or in a userspace."""
        if sample.in_userspace:
            self.userspace += 1
        if (sample.in_kernel or sample.in_userspace) and not self.kernel_runs:
            self.kernel_runs = True
            self._silent_from = self._log_bytes()

    @property
    def userspace_runs(self) -> bool:
        """Whether the CPU was seen in a userspace more than in passing."""
        return self.userspace >= _LOOKS_IN_USERSPACE

    def spoke(self) -> bool:
        """Return whether something was written since the kernel runs, and no banner came."""
        if self.heard.release or not self.kernel_runs:
            return False
        if self._log_bytes() <= self._silent_from:
            return bool(self.heard.on)
        if self._of_a_hypervisor:
            return False
        now = self.machine.now()
        self._spoke_at = now if self._spoke_at is None else self._spoke_at
        if now - self._spoke_at < _BANNER_LATE_S:
            return False
        self._note(on="serial line")
        return True

    @property
    def _of_a_hypervisor(self) -> bool:
        """Whether it is Xen that writes, which starts the kernel and tells its banner later."""
        with self.machine.qemu.serial_log.open("rb") as log:
            log.seek(self._silent_from)
            return _XEN in log.read(_XEN_WITHIN)

    def spoke_of(self, sign: Sign) -> None:
        """Note that a sign came on the serial line for which no banner did."""
        if sign.name in OF_A_KERNEL:
            self.spoke_on("serial line")

    def spoke_on(self, where: Where) -> None:
        """Note where a kernel, or what it runs, has written while no banner came."""
        if not self.heard.release:
            self._note(on=where)

    def on_screen(self) -> Iterator[tuple[Sign, str]]:
        """Yield what a kernel that runs has written to the screen, as signs with their texts.

        There is only text in a text mode, and of that what has not been scrolled away.
        """
        if not self.kernel_runs:
            return
        try:
            self.screen = text = screen(self.machine)
        except MachineLost:
            return
        for sign in self.signs:
            if found := sign.pattern.search(text.encode()):
                self._note(on="screen")
                yield sign, found[found.lastindex or 0].decode("utf-8", "replace")
        if _STAMP.search(text):
            self._note(on="screen")

    def _log_bytes(self) -> int:
        return self.machine.qemu.serial_log.stat().st_size

    def _note(self, **changes: str) -> None:
        self.heard = replace(self.heard, **changes)
