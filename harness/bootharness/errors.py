"""What goes wrong on our side. What goes wrong in the guest is data, never an exception.

    BootHarnessError
    ├── UsageError              the person asked for something that cannot be: exit status 129
    ├── FormatError             bytes are not what a format says
    ├── GuestLost               a guest that is told what to do has ended, or does not answer
    └── CouldNotFindOut         no verdict on the kernel is possible: SKIP, exit status 125
        ├── KernelUnavailable   the kernel build cannot be had
        │   └── NotAKernel      it is there and is not a bzImage: to a gate it is a bad one
        ├── MediumUnavailable   the image is none that a machine boots from, or is not opened
        ├── GuestUnfit          the kernel has no driver for what its guest was to have
        ├── BuildFailed         the kernel could not be built
        │   └── DoesNotBuild    its build command has said so: to who looks for that it is bad
        ├── ToolMissing         a program that the harness needs is not installed
        ├── LaunchFailed        QEMU or gdb did not start
        ├── MachineLost         QEMU or gdb went away in mid-boot
        ├── NoWorker            no other computer is there that could boot it
        ├── WireLost            the network that the harness makes for guests has failed
        ├── ServerLost          a server of the person's own has ended in mid-boot
        ├── LineLost            the serial line of a real machine is gone, or was never there
        ├── PlugFailed          the power of a real machine is not switched as asked
        ├── MachineTaken        another run has the real machine
        ├── DiskNotWritten      the disk of a real machine was not written whole
        ├── QemuCrashed         QEMU itself failed, as by SIGSEGV, with the recorder in it
        ├── TimeTooShort        time was up while what was wanted could still come
        ├── PromptNotSeen       the boot came to its end and had not asked what was to be answered
        ├── ClockUnreadable     the guest's own clock was wanted, and cannot be read
        ├── NotSlower           what became slower is sought, and nothing did
        ├── PatternTooSlow      a pattern of the person's own takes too long to search for
        ├── NotWritten          what was found out could not be written to a file
        ├── NoVerdict           a boot was judged, and neither good nor bad is proven
        └── HostBusy            a boot came to nothing, and the host had given QEMU too little

Every message is one sentence that names the file or the tool and says what to do.
"""

from typing import ClassVar

__all__ = [
    "COULD_NOT_FIND_OUT",
    "WRONG_USAGE",
    "BootHarnessError",
    "BuildFailed",
    "ClockUnreadable",
    "CouldNotFindOut",
    "DiskNotWritten",
    "DoesNotBuild",
    "FormatError",
    "GuestLost",
    "GuestUnfit",
    "HostBusy",
    "Interrupted",
    "KernelUnavailable",
    "LaunchFailed",
    "LineLost",
    "MachineLost",
    "MachineTaken",
    "MediumUnavailable",
    "NoVerdict",
    "NoWorker",
    "NotAKernel",
    "NotSlower",
    "NotWritten",
    "PatternTooSlow",
    "PlugFailed",
    "PromptNotSeen",
    "QemuCrashed",
    "ServerLost",
    "TimeTooShort",
    "ToolMissing",
    "UsageError",
    "WireLost",
]


COULD_NOT_FIND_OUT = 125
"""The exit status where there is no verdict; to `git bisect run` it is "skip"."""
WRONG_USAGE = 129
"""`git bisect run` takes 1 to 127 for a bad kernel and stops at 128 and above."""


class BootHarnessError(Exception):
    """The harness could not do what it was asked to do."""


class Interrupted(KeyboardInterrupt):
    """The person has stopped a run; says what of it is done, and how to go on."""


class UsageError(BootHarnessError):
    """The person's input is wrong."""


class FormatError(BootHarnessError):
    """Bytes are not what a format says; whoever knows the file turns this into another error."""


class GuestLost(BootHarnessError):
    """A guest that is told what to do has ended, or does not answer in time: of a test that is its
    failure."""


class CouldNotFindOut(BootHarnessError):
    """There is no verdict on the kernel, for a reason that is not the kernel's."""

    cause: str


class KernelUnavailable(CouldNotFindOut):
    """The kernel build cannot be had."""

    cause = "kernel-unavailable"


class NotAKernel(KernelUnavailable):
    """There is a file, and it is not a bzImage.

    A boot finds nothing out about it; of a candidate, which is to be accepted or refused, it is
    its own fault, which has the id ``fault``.
    """

    fault: ClassVar[str] = "not-a-kernel"


class MediumUnavailable(CouldNotFindOut):
    """What is to be booted is there, but a machine does not boot from it, or it is not opened."""

    cause = "medium-unavailable"


class GuestUnfit(CouldNotFindOut):
    """The kernel is known to have no driver for what its guest was to have of this host."""

    cause = "guest-unfit"


class BuildFailed(CouldNotFindOut):
    """The kernel could not be built; the message names the log."""

    cause = "build-failed"


class DoesNotBuild(BuildFailed):
    """The build command has failed, or has made no kernel."""


class NotEmulated(CouldNotFindOut):
    """The predictor's machine has not what a loader asks of it."""

    cause = "not-emulated"


class ToolMissing(CouldNotFindOut):
    """A program that the harness needs is not installed."""

    cause = "tool-missing"


class LaunchFailed(CouldNotFindOut):
    """QEMU or gdb did not start, for the reason that it gave; ``command`` is how it was started."""

    cause = "launch-failed"

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class MachineLost(CouldNotFindOut):
    """QEMU or gdb went away in mid-boot."""

    cause = "machine-lost"


class NoWorker(CouldNotFindOut):
    """Boots were to be made elsewhere, and nobody there can do it."""

    cause = "no-worker"


class NotWritten(CouldNotFindOut):
    """What was found out could not be written to a file: nobody can read it there."""

    cause = "not-written"


class NoVerdict(CouldNotFindOut):
    """A boot was judged, and neither good nor bad is proven; its cause is the judgement's."""

    def __init__(self, cause: str, sentence: str) -> None:
        super().__init__(cause, sentence)
        self.cause = cause

    def __str__(self) -> str:
        return str(self.args[1])


class HostBusy(CouldNotFindOut):
    """A boot came to nothing, and the host had given QEMU too little to blame it for that."""

    cause = "host-busy"


class WireLost(CouldNotFindOut):
    """The network that the harness makes for guests has failed."""

    cause = "wire-lost"


class ServerLost(CouldNotFindOut):
    """A server of the person's own, which the guest boots from, has ended in mid-boot."""

    cause = "server-lost"


class DiskLost(CouldNotFindOut):
    """The faulty disk that the harness makes for a guest has failed otherwise than it should."""

    cause = "disk-lost"


class DiskNotWritten(CouldNotFindOut):
    """The disk of a real machine was to be written, and was not, or not whole."""

    cause = "disk-not-written"


class LineLost(CouldNotFindOut):
    """The serial line of a real machine is gone, or never came."""

    cause = "line-lost"


class PlugFailed(CouldNotFindOut):
    """The power of a real machine was not switched as asked, or cannot be known to be."""

    cause = "plug-failed"


class MachineTaken(CouldNotFindOut):
    """Another run has the real machine."""

    cause = "machine-taken"


class QemuCrashed(CouldNotFindOut):
    """QEMU itself failed, as by SIGSEGV, with the recorder in it: gdb may see that boot."""

    cause = "machine-lost"


class TimeTooShort(CouldNotFindOut):
    """Time was up while what was wanted could still come, as the faults asked for have it."""

    cause = "time-too-short"


class ClockUnreadable(CouldNotFindOut):
    """A boot was to be measured by the guest's own clock, and QEMU does not tell it."""

    cause = "clock-unreadable"


class NotSlower(CouldNotFindOut):
    """What became slower is sought, and one end of the range is no slower than the other."""

    cause = "not-slower"


class PatternTooSlow(CouldNotFindOut):
    """A pattern of the person's own takes too long to search for in what a guest writes."""

    cause = "pattern-too-slow"


class PromptNotSeen(CouldNotFindOut):
    """A boot came as far as wanted and had not asked, as far as was seen, what it was to be
    answered: it need not be the one that was to be tested."""

    cause = "prompt-not-seen"
