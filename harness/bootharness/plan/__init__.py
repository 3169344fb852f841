"""What can be chosen about a boot before it begins: plans, their options, faults to be had."""

from bootharness.plan.boot_plan import (
    AUTO,
    BIOS,
    DEFAULT_CMDLINE,
    OPTIONS,
    SCREEN,
    SHUTDOWN,
    STAGE1,
    TRACERS,
    UEFI,
    UEFI_SECURE,
    UNTIL,
    BootPlan,
    MachineConfig,
    NetPlan,
    choose,
    chosen,
    firmwares,
)
from bootharness.plan.guest_plan import GuestPlan

__all__ = [
    "AUTO",
    "BIOS",
    "DEFAULT_CMDLINE",
    "OPTIONS",
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
