"""The machine for a boot, with nothing left to choose."""

from msgspec.structs import replace

from bootharness.host.accelerator import kvm
from bootharness.host.tool import QEMU_32, QEMU_64
from bootharness.plan import AUTO, MachineConfig

__all__ = ["chosen_machine", "wider"]

_WANTS_64_BITS = "requires an x86-64 CPU"


def chosen_machine(config: MachineConfig, *, narrow: bool = False) -> MachineConfig:
    """Return a configuration with QEMU as the kernel needs it, a ``narrow`` one having 32 bits,
    and with KVM where that works at full speed."""
    qemu, accelerator = config.qemu, config.accelerator
    if qemu == AUTO:
        qemu = (QEMU_32 if narrow else QEMU_64).name
    if accelerator == AUTO:
        accelerator = "kvm" if kvm(qemu).speed == "full" else "tcg"
    return replace(config, qemu=qemu, accelerator=accelerator)


def wider(asked: MachineConfig, complaint: str) -> MachineConfig | None:
    """Return the machine for a kernel that complains of the CPU of one that we chose for it.

    None where it does not, or where a person chose.
    """
    if asked.qemu != AUTO or _WANTS_64_BITS not in complaint:
        return None
    return replace(asked, qemu=QEMU_64.name)
