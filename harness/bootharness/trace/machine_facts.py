"""The machine as it was seen: what it was made of, what QEMU said of it, where its CPU was."""

import re
from typing import Any, Literal

from msgspec import Struct

from bootharness.formats.intlog import GuestException
from bootharness.plan import AUTO, MachineConfig

__all__ = ["CpuSample", "MachineFacts", "PostMortem", "QmpEvent", "Restored"]


class Restored(Struct, frozen=True):
    """A machine that was saved before its first packet, or before it looked for a disk, and went on
    from there in this boot.

    Times are those of the machine: what came before is told as it was when it was saved.
    """

    at: float
    """When it was saved, in seconds since its launch."""
    saved_s: float
    """How many seconds of this boot nobody had to wait for."""


class MachineFacts(Struct, frozen=True):
    """The machine that the boot ran on."""

    qemu: str
    """The QEMU that was run."""
    qemu_version: str
    """Its version."""
    accelerator: str
    """``kvm`` or ``tcg``."""
    machine_type: str
    """QEMU's -machine."""
    disk_interface: str | None
    """How the disk was attached, None where there is none."""
    memory_bytes: int
    """Size of the guest's memory."""
    command_line: tuple[str, ...]
    """QEMU's command line."""
    low_kib: int = 639
    """Conventional memory in KiB, up to the extended BIOS data area or to its own end."""
    bios: str | None = "seabios"
    """One of `BIOSES`, None with a UEFI as the firmware."""
    bios_file: str | None = None
    """The build of the BIOS, None where that is QEMU's own."""
    firmware: Literal["bios", "uefi"] = "bios"
    """What the machine starts with."""
    secure_boot: bool = False
    """Whether that is a UEFI which starts only what is signed."""
    firmware_asked: str = AUTO
    """The firmware that a person has asked for: ``auto``, ``uefi-secure`` or a file."""
    firmware_vars: str | None = None
    """The file of the variables that a UEFI had at first, None where nobody has given one."""
    boot_entries: tuple[str, ...] = ()
    """What a person had a UEFI start first, each its path and then its options."""
    cpu: str | None = None
    """QEMU's -cpu, None where that is its own choice."""
    cpu_asked: str | None = None
    """The -cpu that a person has asked for, None for none."""
    cpu_lacks: tuple[str, ...] = ()
    """Of what kernels ask of a CPU, by QEMU's names, what it has not; empty for a good boot, of
    which nobody asks."""
    smp: int = 1
    """How many CPUs it has."""
    slow: bool = False
    """Whether a probe has found the accelerator so slow here that what takes long proves
    nothing."""
    restored: Restored | None = None
    """From where it went on, None where it was started from its beginning."""
    instead_of: str | None = None
    """The QEMU that we had chosen before, whose CPU the kernel did not take."""

    @property
    def runs_by(self) -> str:
        """The accelerator, with what is not as usual about it."""
        if self.cpu_asked:
            return f"{self.accelerator}{' (slow)' if self.slow else ''}, -cpu {self.cpu}"
        said = ["slow"] if self.slow else []
        if self.accelerator == "kvm" and self.cpu not in (None, "host"):
            said.append(f"-cpu {self.cpu}")
        return f"{self.accelerator} ({', '.join(said)})" if said else self.accelerator

    @property
    def config(self) -> MachineConfig:
        """The configuration that gives this machine again."""
        return MachineConfig(
            qemu=self.qemu,
            machine_type=self.machine_type,
            cpu=self.cpu_asked,
            smp=self.smp,
            memory_mib=self.memory_bytes >> 20,
            disk_interface=self.disk_interface or MachineConfig().disk_interface,
            accelerator=self.accelerator,
            bios=self.bios_file,
            firmware=self.firmware_asked,
            firmware_vars=self.firmware_vars,
            boot_entries=self.boot_entries,
        )


class QmpEvent(Struct, frozen=True):
    """An event that QEMU reported, in seconds since launch."""

    name: str
    seconds: float
    data: dict[str, Any]


class CpuSample(Struct, frozen=True):
    """Where the CPU was when the harness looked: linear address and mode.

    ``general`` are the general registers as QEMU writes them: two looks at a loop differ in
    them if it counts, copies or waits for the time.
    """

    seconds: float
    linear: int
    cs: int
    ip: int
    mode: str
    halted: bool
    interrupts: bool
    general: str = ""

    @property
    def in_bios(self) -> bool:
        """Whether it is in the BIOS or an option ROM."""
        return 0xC0000 <= self.linear < 0x100000

    @property
    def in_kernel(self) -> bool:
        """Whether it is where Linux maps itself: the decompressor runs at low addresses."""
        bottom = {"long": 0xFFFFFFFF80000000, "paged": 0xC0000000}.get(self.mode)
        return bottom is not None and self.linear >= bottom

    @property
    def in_userspace(self) -> bool:
        """Whether it runs at privilege level 3, as nobody does before there is a userspace."""
        return self.mode in ("paged", "long") and self.cs & 3 == 3

    @property
    def registers(self) -> tuple[int, ...]:
        """The values of the general registers, in QEMU's order."""
        return tuple(int(each, 16) for each in re.findall(r"=(\w+)", self.general))


class PostMortem(Struct, frozen=True):
    """The machine as the boot has left it, standing still.

    ``status`` is QEMU's run state before it was stopped for this, ``registers`` are as QEMU
    writes them. ``code_hex`` is what lies around the next instruction, from
    ``code_address`` (linear) on, to be decoded as ``bits``-bit code; it is empty where
    nothing can be read. ``screen`` is the text on the VGA screen, empty in a graphics mode.
    ``exceptions`` are those that ended in a triple fault, seen in a second boot; None where
    there was none. ``missing`` says in sentences what could not be had.
    """

    status: str
    cpu: CpuSample
    registers: str
    bits: Literal[16, 32, 64]
    code_address: int
    code_hex: str
    screen: str
    exceptions: tuple[GuestException, ...] | None = None
    missing: tuple[str, ...] = ()
    ocr: str = ""
    """What OCR reads off the screen in a graphics mode, which may be wrong; empty where nobody had
    it read."""
