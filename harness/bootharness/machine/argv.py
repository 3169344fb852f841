"""QEMU's command line, made of small functions of one concern each.

Paths that the harness makes itself are relative: QEMU runs in the boot's own workspace.
"""

from datetime import UTC, datetime
from pathlib import Path

from bootharness.host.accelerator import kvm
from bootharness.machine.board import board_of
from bootharness.machine.device import CLOCK_BASE, Device, Firmware, escaped
from bootharness.machine.tape import Tape
from bootharness.plan import MachineConfig

__all__ = [
    "BIOS_LOG_BYTES",
    "GDB_LOG",
    "GDB_SOCKET",
    "INTERRUPT_PIPE",
    "QEMU_LOG",
    "RECORDER_LOG",
    "SERIAL_LOG",
    "SERIAL_PIPE",
    "by_hand",
    "qemu_argv",
    "restoring",
]

SERIAL_LOG = "serial.log"
SERIAL_PIPE = "serial"
QEMU_LOG = "qemu.log"
GDB_LOG = "gdb-trace.jsonl"
GDB_SOCKET = "gdb.sock"
INTERRUPT_PIPE = "interrupts"
RING_BYTES = 1 << 24
"""QEMU keeps the recorder's log in memory until it is read; a boot sends 0.3 MB."""
_RING = f"ringbuf,id=recorder,size={RING_BYTES}"
RECORDER_LOG = "recorder.log"
BIOS_LOG_BYTES = 1 << 16
"""So it does with what the BIOS says, of which this much is kept; SeaBIOS says 3 kB."""


def machine_args(config: MachineConfig) -> list[str]:
    """Machine, accelerator, memory; nothing that QEMU would add unasked."""
    return [
        *("-nodefaults", "-no-user-config"),
        *("-machine", f"{config.machine_type},accel={config.accelerator}"),
        *cpu_args(config),
        *(("-smp", str(config.smp)) if config.smp > 1 else ()),
        *("-m", str(config.memory_mib)),
        *(("-uuid", config.uuid) if config.uuid else ()),
        *(("-bios", str(Path(config.bios).absolute())) if config.bios else ()),
        *("-display", "none", "-vga", board_of(config.machine_type).vga),
    ]


def cpu_args(config: MachineConfig) -> list[str]:
    """The model that was asked for; else the host's CPU with KVM, or the model that starts there;
    otherwise QEMU's own, but without CMPXCHG16B.

    QEMU before 8.0 spoils the flags in that instruction when a logical one came before it.
    Linux uses it to allocate memory, and panics when an interrupt comes just then: rarely,
    and more often on a busy host.
    """
    if config.cpu:
        return ["-cpu", config.cpu]
    if config.accelerator == "kvm":
        return ["-cpu", kvm(config.qemu).cpu or "host"]
    return ["-cpu", "qemu64,-cx16"] if config.qemu.endswith("x86_64") else []


def isolation_args() -> list[str]:
    """Keep the guest in: no network, and no system call that QEMU does not need."""
    denied = ("obsolete", "elevateprivileges", "spawn", "resourcecontrol")
    return ["-nic", "none", "-sandbox", ",".join(["on", *(f"{call}=deny" for call in denied)])]


def ending_args() -> list[str]:
    """Stop, with registers and memory readable, on a reset, a shutdown and a panic."""
    return ["-action", "reboot=shutdown,shutdown=pause,panic=pause"]


def serial_args(console_fd: int | None = None) -> list[str]:
    """The first serial line on two named pipes, and all of it in a log that QEMU writes.

    With a console, whose log is an open file, QEMU's monitor is on the same pipes; Ctrl-A
    switches. A
    socket would do for the line but not for the log: written to byte by byte it is full
    after 277 bytes, and then QEMU logs the next one twice.
    """
    pipe = f"pipe,id=serial0,path={SERIAL_PIPE}"
    if console_fd is None:
        return ["-chardev", f"{pipe},logfile={SERIAL_LOG}", "-serial", "chardev:serial0"]
    return [
        *("-add-fd", f"fd={console_fd},set=1"),
        *("-chardev", f"{pipe},logfile=/dev/fdset/1,mux=on", "-serial", "chardev:serial0"),
        *("-mon", "chardev=serial0"),
    ]


def restoring(argv: list[str]) -> list[str]:
    """Return a command line whose serial log goes on where that of a saved machine ended."""
    log = f"logfile={SERIAL_LOG}"
    return [word.replace(log, f"{log},logappend=on") for word in argv]


def qmp_args(fd: int) -> list[str]:
    """QMP on a socket."""
    return ["-chardev", f"socket,id=qmp0,fd={fd}", "-mon", "chardev=qmp0,mode=control"]


def recorder_args(rom: Path, firmware: Firmware, log: str | None = None) -> list[str]:
    """The recorder: its ROM, the port it writes to, and the port that stops; with a ``log`` all
    goes into that file, and nothing stops.

    A UEFI looks for drivers in the ROMs of PCI cards: there it is that of one that does nothing.
    """
    of_card = ("-device", f"pci-testdev,romfile={escaped(rom)}")
    return [
        *(of_card if firmware == "uefi" else ("-option-rom", escaped(rom))),
        *("-chardev", f"file,id=recorder,path={log}" if log else _RING),
        *("-device", "isa-debugcon,iobase=0xe9,chardev=recorder"),
        *("-device", "pvpanic,ioport=0x505"),
        *(("-action", "panic=none") if log else ()),
    ]


def bios_log_args() -> list[str]:
    """What the BIOS says of itself, on the port that SeaBIOS and OVMF have for it."""
    return [
        *("-chardev", f"ringbuf,id=bios,size={BIOS_LOG_BYTES}"),
        *("-device", "isa-debugcon,iobase=0x402,chardev=bios"),
    ]


def counting_args() -> list[str]:
    """Have the guest's clocks follow its instructions, a nanosecond for each; the date is today's
    when it begins."""
    return ["-icount", "shift=0", "-rtc", f"base={datetime.now(UTC):{CLOCK_BASE}},clock=vm"]


def gdb_args() -> list[str]:
    """The GDB stub on a socket in the workspace, and the CPU stopped before its first
    instruction."""
    return ["-S", "-gdb", f"unix:path={GDB_SOCKET},server=on,wait=off"]


def interrupt_args() -> list[str]:
    """Log every interrupt and exception, with all registers, to a named pipe."""
    return ["-d", "int,cpu_reset", "-D", INTERRUPT_PIPE]


def by_hand(config: MachineConfig, device: Device, *, gdb: bool = False) -> list[str]:
    """Return a command line with which a person boots from a device without the harness.

    With ``gdb`` it waits for one, on a socket in the folder that it is started in.
    """
    return [
        config.qemu,
        *machine_args(config),
        *isolation_args(),
        *device.words,
        *("-serial", "mon:stdio"),
        *([*ending_args(), *gdb_args()] if gdb else ["-no-reboot"]),
    ]


def qemu_argv(
    config: MachineConfig,
    device: Device,
    *,
    qmp_fd: int,
    recorder: Path | None,
    recorder_log: str | None = None,
    gdb: bool,
    interrupts: bool = False,
    counted: bool = False,
    console_fd: int | None = None,
    tape: Tape | None = None,
) -> list[str]:
    """Return the whole command line; ``recorder`` is the ROM file where calls are recorded, and
    ``counted`` says whether QEMU counts the guest's instructions."""
    return [
        config.qemu,
        *machine_args(config),
        *isolation_args(),
        *ending_args(),
        *device.words,
        *qmp_args(qmp_fd),
        *serial_args(console_fd),
        *bios_log_args(),
        *(recorder_args(recorder, device.firmware, recorder_log) if recorder else ()),
        *(gdb_args() if gdb else ()),
        *(interrupt_args() if interrupts else ()),
        *(counting_args() if counted else ()),
        *(tape.args if tape else ()),
    ]
