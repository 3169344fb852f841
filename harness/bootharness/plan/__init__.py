"""What can be chosen about a boot before it begins: plans, their options, faults to be had."""

from bootharness.plan.boot_plan import DEFAULT_CMDLINE, QEMU, STAGE1, TRACERS, BootPlan
from bootharness.plan.choosing import OPTIONS, choose, chosen
from bootharness.plan.goal import AUTO, SCREEN, SHUTDOWN, UNTIL
from bootharness.plan.guest_plan import GuestPlan
from bootharness.plan.machine_config import BIOS, UEFI, UEFI_SECURE, MachineConfig, firmwares
from bootharness.plan.net_plan import NetPlan

__all__ = [
    "AUTO",
    "BIOS",
    "DEFAULT_CMDLINE",
    "OPTIONS",
    "QEMU",
    "SCREEN",
    "SHUTDOWN",
    "STAGE1",
    "TRACERS",
    "UEFI",
    "UEFI_SECURE",
    "UNTIL",
    "BootPlan",
    "GuestPlan",
    "MachineConfig",
    "NetPlan",
    "choose",
    "chosen",
    "firmwares",
]
