"""The machine for a boot, with nothing left to choose."""

from msgspec.structs import replace

from bootharness.host.accelerator import kvm
from bootharness.plan import AUTO, MachineConfig

__all__ = ["chosen_machine"]


def chosen_machine(config: MachineConfig, *, narrow: bool = False) -> MachineConfig:
    """Return a configuration with QEMU as the kernel needs it, a ``narrow`` one having 32 bits,
    and with KVM where that works at full speed."""
    qemu, accelerator = config.qemu, config.accelerator
    if qemu == AUTO:
        qemu = "qemu-system-i386" if narrow else "qemu-system-x86_64"
    if accelerator == AUTO:
        accelerator = "kvm" if kvm(qemu).speed == "full" else "tcg"
    return replace(config, qemu=qemu, accelerator=accelerator)
