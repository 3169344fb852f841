"""What can be chosen about a boot before it begins."""

from dataclasses import dataclass, field
from pathlib import Path

from bootharness.errors import UsageError

__all__ = [
    "ACCELERATORS",
    "DEFAULT_CMDLINE",
    "DISK_INTERFACES",
    "NET_PATHS",
    "NICS",
    "TRACERS",
    "UNTIL",
    "BootPlan",
    "MachineConfig",
    "NetPlan",
]

ACCELERATORS = ("auto", "kvm", "tcg")
DISK_INTERFACES = ("ahci", "ide", "virtio", "nvme", "usb")
NET_PATHS = (
    "ipxe",
    "ipxe-http",
    "undionly",
    "pxelinux",
    "lpxelinux",
    "uefi-ipxe",
    "uefi-snponly",
)
NICS = ("auto", "virtio", "e1000", "e1000e", "rtl8139")
UNTIL = ("setup", "protected-mode", "banner", "init")
TRACERS = ("recorder", "gdb", "both")
# no_timer_check: on a busy host Linux would find that "IO-APIC + timer doesn't work" and panic
DEFAULT_CMDLINE = "console=ttyS0,115200 earlyprintk=serial,ttyS0,115200 panic=-1 no_timer_check"


@dataclass(frozen=True, slots=True)
class MachineConfig:
    """A machine to be.

    ``qemu`` is a program, by name or path, or ``auto``: as the kernel needs it.
    ``accelerator`` ``auto`` is KVM where it works and TCG elsewhere. ``bios`` is the file of
    a BIOS in place of QEMU's own.
    """

    qemu: str = "auto"
    machine_type: str = "pc"
    memory_mib: int = 512
    disk_interface: str = "ahci"
    accelerator: str = "auto"
    bios: str | None = None

    def __post_init__(self) -> None:
        _known("disk interface", self.disk_interface, DISK_INTERFACES)
        _known("accelerator", self.accelerator, ACCELERATORS)
        if self.memory_mib < 2:
            raise UsageError(f"memory of {self.memory_mib} MiB: a PC needs at least 2")

    @property
    def memory_bytes(self) -> int:
        """Size of the guest's memory in bytes."""
        return self.memory_mib << 20


@dataclass(frozen=True, slots=True)
class NetPlan:
    """How to boot from a network; ``faults`` are written as on the command line.

    ``nic`` ``auto`` is the fastest card.
    """

    path: str = "ipxe"
    nic: str = "auto"
    faults: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _known("network path", self.path, NET_PATHS)
        _known("network card", self.nic, NICS)


@dataclass(frozen=True, slots=True)
class BootPlan:
    """How to boot, and how far the boot must come to be good.

    ``initrd`` None is the tiny /init where userspace is wanted, and none elsewhere. Times
    are in seconds: ``timeout_s`` on the clock, ``idle_s`` of the guest getting nowhere.
    Without ``net`` the boot is from a disk.
    """

    until: str = "init"
    tracer: str = "recorder"
    cmdline: str = DEFAULT_CMDLINE
    initrd: Path | None = None
    machine: MachineConfig = field(default_factory=MachineConfig)
    timeout_s: float = 60.0
    idle_s: float = 10.0
    net: NetPlan | None = None

    def __post_init__(self) -> None:
        _known("until", self.until, UNTIL)
        _known("tracer", self.tracer, TRACERS)
        if min(self.timeout_s, self.idle_s) <= 0:
            raise UsageError("a time limit has to be more than 0 seconds")


def _known(what: str, value: str, values: tuple[str, ...]) -> None:
    if value not in values:
        raise UsageError(f"{what} {value!r}: known are {', '.join(values)}")
