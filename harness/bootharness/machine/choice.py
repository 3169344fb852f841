"""The machine for a boot, with nothing left to choose."""

from msgspec.structs import replace

from bootharness.host.accelerator import kvm
from bootharness.host.tool import QEMU_32, QEMU_64
from bootharness.machine.board import board_of
from bootharness.plan import AUTO, MachineConfig

__all__ = ["chosen_machine", "wider"]

_WANTS_64_BITS = "requires an x86-64 CPU"


def chosen_machine(config: MachineConfig, *, narrow: bool = False) -> MachineConfig:
    """Return a configuration with QEMU as the kernel needs it, a ``narrow`` one having 32 bits,
    with KVM where that works at full speed, and with a BIOS where the machine needs one of its own.

    Raises ToolMissing where that is not here.
    """
    qemu, accelerator = config.qemu, config.accelerator
    if qemu == AUTO:
        qemu = (QEMU_32 if narrow else QEMU_64).name
    if accelerator == AUTO:
        accelerator = "kvm" if kvm(qemu).speed == "full" else "tcg"
    bios = config.bios or board_of(config.machine_type).own_bios(qemu)
    return replace(config, qemu=qemu, accelerator=accelerator, bios=bios)


def wider(asked: MachineConfig, ran: str, complaint: str) -> MachineConfig | None:
    """Return the machine for a kernel that complains of the CPU of the QEMU ``ran``, which we chose
    for it.

    None where it does not, where a person chose, or where there is none that is wider.
    """
    if asked.qemu != AUTO or ran == QEMU_64.name or _WANTS_64_BITS not in complaint:
        return None
    return replace(asked, qemu=QEMU_64.name)
