"""What can be chosen about a boot before it begins.

Each field says how it is spelt: the command line, pytest's options and markers, the matrix of a
gate, and the command that boots the same again are made of these lines.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from bootharness.errors import UsageError
from bootharness.plan.boot_entry import check_boot_entry
from bootharness.plan.dhcp_option import check_dhcp_option
from bootharness.plan.disk_fault import DiskFaults
from bootharness.plan.fault import Faults
from bootharness.plan.fault_line import FaultList
from bootharness.plan.goal import AUTO, BEFORE_USERSPACE, SCREEN, SHUTDOWN, UNTIL, check_until
from bootharness.plan.guest_address import check_mac, check_uuid
from bootharness.plan.guest_plan import GuestPlan
from bootharness.plan.net_server import check_server
from bootharness.plan.option import Option, options_of
from bootharness.plan.pattern import check_on_screen, is_needle
from bootharness.plan.prompt import Prompt, check_prompt

__all__ = [
    "AUTO",
    "BIOS",
    "DEFAULT_CMDLINE",
    "MOST_SECONDS",
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
    "MachineConfig",
    "NetPlan",
    "choose",
    "chosen",
    "firmwares",
]

QEMU = "qemu"
"""The host that is no real machine."""
TRACERS = ("recorder", "gdb", "both")
BIOS, UEFI = "bios", "uefi"
UEFI_SECURE = "uefi-secure"
"""A UEFI that starts only what is signed."""
STAGE1 = "stage1"
"""The project's own loader; any other is named by its file."""
MOST_SECONDS = 2_678_400
"""A month: no time that can be given is longer."""
_SHOWN = 40
# no_timer_check: on a busy host Linux would find that "IO-APIC + timer doesn't work" and panic
DEFAULT_CMDLINE = "console=ttyS0,115200 earlyprintk=serial,ttyS0,115200 panic=-1 no_timer_check"


_CPU = re.compile(r"[A-Za-z0-9._-]+(?:,[+-]?[A-Za-z0-9._-]+(?:=[A-Za-z0-9._-]+)?)*")


def _check_cpu(given: str) -> None:
    """Raise UsageError for what would be more than a model and its features."""
    if not _CPU.fullmatch(given):
        raise UsageError(f"CPU {given!r}: it is a model of QEMU's, as pentium3 or 'qemu64,-nx'")


class MachineConfig(Struct, frozen=True):
    """A machine to be."""

    qemu: Annotated[
        str,
        Option(
            "--qemu",
            "QEMU to use, by name or path; auto takes it from the kernel.",
            title="QEMU",
            metavar="PROGRAM",
        ),
    ] = AUTO
    machine_type: Annotated[
        str,
        # what comes behind a comma would be more than the type
        Option(
            "--machine-type",
            "QEMU's -machine: pc, q35, isapc, microvm, or one of their versions.",
            pattern=r"[a-z0-9.-]+",
        ),
    ] = "pc"
    firmware: Annotated[
        str,
        Option(
            "--firmware",
            "What the machine starts with: bios, uefi, or uefi-secure, a UEFI with Secure Boot and "
            "Microsoft's keys, on a q35; or a UEFI of your own, as OVMF_CODE.fd. auto is what the "
            "route has.",
            metavar="bios|uefi|uefi-secure|FILE",
            by_route=True,
        ),
    ] = AUTO
    firmware_vars: Annotated[
        str | None,
        Option(
            "--firmware-vars",
            "A UEFI's variables as they are at first, as OVMF_VARS.fd; each boot has a copy.",
            title="variables",
            kind=Path,
            metavar="FILE",
            by_route=True,
        ),
    ] = None
    enrolled: Annotated[
        tuple[str, ...],
        Option(
            "--enrol",
            "A certificate by which a UEFI accepts what is signed (db), in PEM or DER: beside "
            "Microsoft's with --firmware uefi-secure, alone with --firmware uefi, which is then "
            "one with Secure Boot, too; may be repeated.",
            kind=Path,
            metavar="CERT",
            by_route=True,
            repeated=True,
        ),
    ] = ()
    revoked: Annotated[
        tuple[str, ...],
        Option(
            "--revoke",
            "A program that a UEFI is to refuse, or a certificate, with all that it signed (dbx); "
            "may be repeated.",
            kind=Path,
            metavar="FILE",
            by_route=True,
            repeated=True,
        ),
    ] = ()
    sbat_level: Annotated[
        str | None,
        Option(
            "--sbat-level",
            "The least versions that shim accepts, as lines sbat,1,DATE and grub,5.",
            kind=Path,
            metavar="FILE.csv",
            by_route=True,
        ),
    ] = None
    boot_entries: Annotated[
        tuple[str, ...],
        Option(
            "--boot-entry",
            "What a UEFI starts first, as '\\EFI\\linux\\kernel.efi initrd=\\initrd quiet', before "
            "\\EFI\\BOOT\\BOOTX64.EFI; may be repeated, in that order.",
            title="boot entry",
            metavar="'PATH OPTIONS'",
            by_route=True,
            repeated=True,
            check=check_boot_entry,
        ),
    ] = ()
    memory_mib: Annotated[
        int,
        Option(
            "--memory",
            "Memory of the machine.",
            kind=int,
            metavar="MIB",
            least=2,
            most=1 << 20,  # the CPU has 40 address bits
        ),
    ] = 512
    disk_interface: Annotated[
        str,
        Option(
            "--disk-interface",
            "How the disk is attached, scsi by virtio-scsi; where the machine has no AHCI, isapc "
            "has it by ide and microvm by virtio-mmio.",
            choices=("ahci", "ide", "virtio", "virtio-mmio", "nvme", "usb", "scsi"),
            by_route=True,
        ),
    ] = "ahci"
    accelerator: Annotated[
        str,
        Option(
            "--accelerator",
            "auto is KVM where it works and TCG elsewhere.",
            choices=(AUTO, "kvm", "tcg"),
        ),
    ] = AUTO
    bios: Annotated[
        str | None,
        Option(
            "--bios",
            "Another build of the BIOS than QEMU's own.",
            kind=Path,
            metavar="FILE",
            by_route=True,
        ),
    ] = None
    more_disks: Annotated[
        tuple[str, ...],
        Option(
            "--and-disk",
            "A further disk in the same machine; may be repeated.",
            kind=Path,
            metavar="FILE",
            by_route=True,
            repeated=True,
        ),
    ] = ()
    attached: Annotated[
        str,
        Option(
            "--as",
            "What an image is attached as; auto is as what it is.",
            choices=(AUTO, "disk", "cdrom", "floppy", "usb"),
            by_route=True,
        ),
    ] = AUTO
    cpu: Annotated[
        str | None,
        Option(
            "--cpu",
            "QEMU's -cpu, as pentium3 or 'qemu64,-nx'; without it the host's with KVM, and "
            "elsewhere QEMU's own.",
            title="CPU",
            metavar="MODEL",
            check=_check_cpu,
        ),
    ] = None
    smp: Annotated[
        int,
        Option(
            "--smp",
            "How many CPUs it has.",
            title="CPUs",
            kind=int,
            metavar="NUMBER",
            least=1,
            most=255,
        ),
    ] = 1

    uuid: Annotated[
        str | None,
        Option(
            "--uuid",
            "The machine's UUID, by which a boot server may know it.",
            title="UUID",
            metavar="UUID",
            check=check_uuid,
        ),
    ] = None
    disk_faults: Annotated[
        DiskFaults,
        Option(
            "--disk-fault",
            "What goes wrong with the disk that is booted from, as error:lba=10000,times=2, "
            "slow:rate=1000000, slow:iops=50, vanish:after=read:100, cut:bytes=5000000, "
            "hang:lba=10000 or flip:lba=10000,byte=7; may be repeated.",
            metavar="FAULT",
            by_route=True,
            repeated=True,
        ),
    ] = DiskFaults()

    def __post_init__(self) -> None:
        _check(self)

    @property
    def sets_up(self) -> bool:
        """Whether a UEFI has something set up that its variables do not have."""
        return bool(self.enrolled or self.revoked or self.sbat_level or self.boot_entries)

    @property
    def own_firmware(self) -> str | None:
        """The file of a UEFI that a person has given."""
        return None if self.firmware in (AUTO, BIOS, UEFI, UEFI_SECURE) else self.firmware

    @property
    def memory_bytes(self) -> int:
        """Size of the guest's memory in bytes."""
        return self.memory_mib << 20


class NetPlan(Struct, frozen=True):
    """The network of a route that boots from one."""

    nic: Annotated[
        str,
        Option(
            "--nic",
            "The network card; auto is the fastest.",
            choices=(AUTO, "virtio", "e1000", "e1000e", "rtl8139"),
            by_route=True,
        ),
    ] = AUTO
    more_nics: Annotated[
        tuple[str, ...],
        Option(
            "--and-nic",
            "A further network card, in front of the first on the bus and without a cable; may be "
            "repeated.",
            choices=("virtio", "e1000", "e1000e", "rtl8139"),
            by_route=True,
            repeated=True,
        ),
    ] = ()
    ip: Annotated[
        str,
        Option(
            "--ip",
            "Which IP the network has: 4, 6 or both; over 6 addresses come from DHCPv6.",
            title="IP",
            choices=("4", "6", "both"),
            by_route=True,
        ),
    ] = "4"
    https_cert: Annotated[
        str | None,
        Option(
            "--https-cert",
            "A certificate and its key, in PEM, with which HTTPS is served; a UEFI is told to "
            "trust it.",
            title="certificate",
            kind=Path,
            metavar="FILE.pem",
            by_route=True,
        ),
    ] = None
    vlan: Annotated[
        int | None,
        Option(
            "--vlan",
            "The network is this VLAN: frames without its tag are not taken.",
            title="VLAN",
            kind=int,
            metavar="NUMBER",
            least=1,
            most=4094,
            by_route=True,
        ),
    ] = None
    nic_vlan: Annotated[
        int | None,
        Option(
            "--nic-vlan",
            "The VLAN that a UEFI's set-up gives the card: what it sends has that tag.",
            title="card's VLAN",
            kind=int,
            metavar="NUMBER",
            least=1,
            most=4094,
            by_route=True,
        ),
    ] = None
    bootfile: Annotated[
        str | None,
        Option(
            "--bootfile",
            "The file of a --net-root that the DHCP server names; without it a boot program of a "
            "name that is known.",
            title="boot file",
            metavar="NAME",
            by_route=True,
        ),
    ] = None
    answers: Annotated[
        str | None,
        Option(
            "--net-answers",
            "What the DHCP server answers to whom, in TOML, in the place of --bootfile; "
            "docs/network.md has an example.",
            title="answers",
            kind=Path,
            metavar="FILE.toml",
            by_route=True,
        ),
    ] = None
    dhcp_options: Annotated[
        tuple[str, ...],
        Option(
            "--dhcp-option",
            "An option of every DHCP answer, as 66=boot.example.org, 6=10.0.2.1 or 175=0xb00101, "
            "and 60= to leave one out; may be repeated.",
            title="DHCP option",
            metavar="N=VALUE",
            by_route=True,
            repeated=True,
            check=check_dhcp_option,
        ),
    ] = ()
    mac: Annotated[
        str | None,
        Option(
            "--mac",
            "The network card's address.",
            title="MAC",
            metavar="MAC",
            by_route=True,
            check=check_mac,
        ),
    ] = None
    nic_rom: Annotated[
        str | None,
        Option(
            "--nic-rom",
            "A ROM for the network card in the place of QEMU's, as iPXE's build makes one.",
            title="ROM",
            kind=Path,
            metavar="FILE",
            by_route=True,
        ),
    ] = None
    more_servers: Annotated[
        tuple[str, ...],
        Option(
            "--and-server",
            "A further server of your own on the same network, as --net-server; may be repeated.",
            metavar="SERVER",
            check=check_server,
            by_route=True,
            repeated=True,
        ),
    ] = ()
    faults: Annotated[
        Faults,
        Option(
            "--net-fault",
            "What goes wrong on the network, as stall:file=vmlinuz,block=100 or, for a while, "
            "link-down:seconds=10, no-offer:seconds=5, loss:rate=0.05; may be repeated.",
            metavar="FAULT",
            by_route=True,
            repeated=True,
        ),
    ] = Faults()
    cold: Annotated[
        bool,
        Option(
            "--cold",
            "Begin at the beginning: otherwise a boot from a network goes on from a machine that "
            "was saved before its first packet, and one by a UEFI before it looked for a disk.",
            kind=bool,
            by_route=True,
        ),
    ] = False

    def __post_init__(self) -> None:
        _check(self)


class BootPlan(Struct, frozen=True):
    """How to boot, and how far the boot must come to be good.

    ``loader`` is `STAGE1` or a file. ``initrd`` None is the tiny /init where userspace is
    wanted, and none elsewhere. Times are in seconds.
    """

    route: Annotated[
        str,
        Option(
            "--route",
            "What brings the kernel: `bootharness routes` lists them.",
            metavar="ROUTE",
        ),
    ] = "mbr"
    until: Annotated[
        str,
        Option(
            "--until",
            "How far it must come: setup, protected-mode, banner or init; shutdown, when the guest "
            "switches off; or a PATTERN of your own on the serial line, as 'login:'. auto is init, "
            "or banner where no initrd can be given.",
            metavar="MILESTONE|PATTERN",
            check=check_until,
        ),
    ] = AUTO
    until_screen: Annotated[
        str | None,
        Option(
            "--until-screen",
            "The same as --until, for a PATTERN in the text on the screen, or for a picture on it, "
            "which `bootharness needle` cuts out.",
            title="until screen",
            metavar="PATTERN|NEEDLE.png",
            check=check_on_screen,
        ),
    ] = None
    fail_on: Annotated[
        tuple[str, ...],
        Option(
            "--fail-on",
            "Bad as soon as this PATTERN is on the serial line, as 'WARNING: CPU', or, with "
            "--until-screen, on the screen; or as soon as this picture is on the screen; may be "
            "repeated.",
            metavar="PATTERN|NEEDLE.png",
            repeated=True,
            check=check_on_screen,
        ),
    ] = ()
    at_most_s: Annotated[
        float | None,
        Option(
            "--at-most",
            "Bad where it takes the guest more than so many seconds of its own to come so far. "
            "QEMU counts them, a thousand million instructions to one, so that a busy host changes "
            "nothing; a boot takes about three times as long.",
            kind=float,
            metavar="SECONDS",
            least=0.001,
            most=MOST_SECONDS,
        ),
    ] = None
    send: Annotated[
        tuple[str, ...],
        Option(
            "--send",
            "Type TEXT when PATTERN is on the serial line or on the screen, there, as "
            "'boot:=>rescue<enter>' or 'GNU GRUB=><down><enter>'; PATTERN may be a picture's file, "
            "as in 'menu.png=><enter>'; may be repeated, in the order in which it is asked.",
            metavar="PATTERN=>TEXT",
            repeated=True,
            check=check_prompt,
        ),
    ] = ()
    loader: Annotated[
        str,
        Option(
            "--loader",
            "Another loader than stage1: .asm, .elf or a flat binary.",
            kind=Path,
            metavar="FILE",
            by_route=True,
        ),
    ] = STAGE1
    initrd: Annotated[
        str | None,
        Option(
            "--initrd",
            "Initrd to load; a tiny /init without it.",
            kind=Path,
            metavar="FILE",
            by_route=True,
        ),
    ] = None
    cmdline: Annotated[
        str,
        Option(
            "--cmdline",
            "Kernel command line.",
            title="command line",
            metavar="TEXT",
            by_route=True,
        ),
    ] = DEFAULT_CMDLINE
    tracer: Annotated[
        str, Option("--tracer", "Who watches the BIOS calls.", choices=TRACERS, by_route=True)
    ] = "recorder"
    timeout_s: Annotated[
        float,
        Option(
            "--timeout",
            "Time limit of a boot; what the faults that you ask for cost comes on top.",
            kind=float,
            metavar="SECONDS",
            least=0.1,
            most=MOST_SECONDS,
        ),
    ] = 60.0
    idle_s: Annotated[
        float,
        Option(
            "--idle",
            "How long the guest may make no progress.",
            kind=float,
            metavar="SECONDS",
            least=0.1,
            most=MOST_SECONDS,
        ),
    ] = 10.0
    host: Annotated[
        str,
        Option(
            "--host",
            "Where it boots: in qemu, or on a real machine by its name in machines.toml.",
            metavar="qemu|MACHINE",
        ),
    ] = QEMU
    machine: MachineConfig = field(default_factory=MachineConfig)
    net: NetPlan = field(default_factory=NetPlan)
    guest: GuestPlan = field(default_factory=GuestPlan)

    def __post_init__(self) -> None:
        for name in ("loader", "initrd"):  # a Path is a file's name, too
            if isinstance(value := getattr(self, name), Path):
                force_setattr(self, name, str(value))
        _check(self)
        if self.until_screen is None and self.until == SCREEN:
            raise UsageError("until screen: say which text, by --until-screen PATTERN")
        if self.until_screen is not None and self.until not in (AUTO, SCREEN):
            raise UsageError(
                f"until {self.until} and until screen {self.until_screen}: a boot has one goal"
            )
        _check(self.guest)
        if self.guest.run is not None and (
            self.until_screen is not None or self.until not in (AUTO, "init")
        ):
            raise UsageError(
                f"run {self.guest.run!r} and until {self.until_screen or self.until}: a boot has "
                "one goal"
            )
        if self.initrd is not None and self.guest.wanted:
            raise UsageError(
                f"initrd {self.initrd}: what is to be in the guest is made an initrd of, and there "
                "is one: leave one of them out, or have it in with `file` in a manifest"
            )

    @property
    def needles(self) -> tuple[str, ...]:
        """The files of the pictures that are looked for on the screen."""
        prompts = (Prompt.parse(each).pattern for each in self.send)
        given = (self.until_screen, *self.fail_on, *prompts)
        return tuple(each for each in given if each and is_needle(each))

    @property
    def restorable(self) -> bool:
        """Whether a boot may go on from a machine that another has saved, before its first packet
        or before it looked for a disk: not where something of its own happens before that."""
        at_first = any(fault.kind == "link-down" and not fault.file for fault in self.net.faults)
        return not (
            self.net.cold
            or at_first
            # which frames are lost is counted from the first, and the firmware's are among them
            or "loss" in self.net.faults
            # what comes up is answered otherwise, or there is more that does
            or (self.net.ip, self.net.more_nics) != ("4", ())
            or (self.net.vlan, self.net.nic_vlan) != (None, None)
            # the guest's clock is counted from its launch
            or self.at_most_s is not None
            # it may be the firmware that asks for what is to be typed
            or self.send
            or self.machine.disk_faults.all
            # which QEMU does not save
            or self.machine.disk_interface == "nvme"
            or self.guest.shares
            or self.guest.networked
        )

    @property
    def wants_userspace(self) -> bool:
        """Whether it needs an initrd to come as far as wanted, of a plan that is settled."""
        return self.until not in BEFORE_USERSPACE


OPTIONS: dict[str, Option] = {
    each.name: each
    for part in (BootPlan, NetPlan, MachineConfig, GuestPlan)
    for each in options_of(part)
}
"""Every option of a plan, by the name of its field, whichever part of the plan that is in."""
_FAULTS: dict[str, type[Faults | DiskFaults]] = {"faults": Faults, "disk_faults": DiskFaults}


def chosen(plan: BootPlan) -> dict[str, Any]:
    """Return the values of a plan's options by their names."""
    return {name: value for part in _parts(plan) for name, value in _values(part)}


def firmwares(given: str) -> tuple[str, ...]:
    """Return the firmwares that commas set apart, each once; a file's name may have one."""
    return (given,) if Path(given).exists() else tuple(dict.fromkeys(given.split(",")))


def choose(plan: BootPlan, values: Mapping[str, Any]) -> BootPlan:
    """Return a plan with other values of its options, given by their names.

    Faults may be as people write them. Raises UsageError for what cannot be chosen.
    """
    if unknown := [name for name in values if name not in OPTIONS]:
        raise UsageError(f"{', '.join(unknown)}: known are {', '.join(OPTIONS)}")
    given = dict(values)
    for name, kind in _FAULTS.items():
        if name in given and not isinstance(given[name], kind):
            given[name] = _faults(kind, given[name])
    for name, option in OPTIONS.items():
        if option.repeated and name not in _FAULTS and name in given:
            texts = given[name]
            given[name] = (texts,) if isinstance(texts, str) else _texts(texts)
    own, network, machine, guest = (
        {name: given[name] for name, _ in _values(part) if name in given} for part in _parts(plan)
    )
    return replace(
        plan,
        **own,
        net=replace(plan.net, **network),
        machine=replace(plan.machine, **machine),
        guest=replace(plan.guest, **guest),
    )


def _faults(kind: type[Faults | DiskFaults], given: Any) -> FaultList:
    """Return faults as people write them, one or several. Raises UsageError."""
    several = [given] if isinstance(given, str) else given
    for each in several if isinstance(several, list | tuple) else [several]:
        if not isinstance(each, str):
            raise UsageError(f"{kind.what} {each!r}: text is wanted, as {kind.example}")
    return kind.parse(several)


def _texts(values: Any) -> Any:
    return tuple(values) if isinstance(values, list | tuple) else values


def _parts(plan: BootPlan) -> tuple[Any, Any, Any, Any]:
    return plan, plan.net, plan.machine, plan.guest


def _values(part: Any) -> Iterator[tuple[str, Any]]:
    return ((each.name, getattr(part, each.name)) for each in _options(part))


def _options(part: Any) -> tuple[Option, ...]:
    kind: Any = type(part)
    return options_of(kind)


def _check(part: Any) -> None:
    """Raise UsageError for a value that an option cannot have."""
    for each in _options(part):
        value = getattr(part, each.name)
        if value is None and each.default is None:
            continue
        _check_choice(each, value)
        if each.kind is bool and not isinstance(value, bool):
            raise UsageError(f"{each.title} {value!r}: true or false is wanted ({each.name})")
        if each.kind in (int, float) and type(value) not in (int, each.kind):
            raise UsageError(f"{each.title} {value!r}: a number is wanted ({each.name})")
        if each.least is not None and not value >= each.least:  # what is no number is less
            raise UsageError(f"{each.title} {value}: it has to be at least {each.least:g}")
        if each.most is not None and value > each.most:
            shown = str(value)[:_SHOWN]
            raise UsageError(f"{each.title} {shown}: it can be at most {each.most:,.0f}")
        if each.kind in (str, Path) and not (each.repeated or isinstance(value, str)):
            raise UsageError(f"{each.title} {value!r}: text is wanted")
        if each.kind is str and isinstance(value, str) and not value.isascii():
            _check_text(each, value)
        if each.pattern and not re.fullmatch(each.pattern, value):
            raise UsageError(f"{each.title} {value!r}: it has to be like {each.pattern}")
        if each.check is not None:
            _check_each(each, value)


def _check_choice(option: Option, value: Any) -> None:
    """Raise UsageError for what is no list where there may be several, and for a choice that is
    not known."""
    if option.repeated and option.check is None and not isinstance(value, tuple | FaultList):
        what = "files" if option.kind is Path else "names"
        raise UsageError(f"{option.title} {value!r}: a list of {what} is wanted")
    for each in (value if option.repeated else (value,)) if option.choices else ():
        if each not in option.choices:
            raise UsageError(f"{option.title} {each!r}: known are {', '.join(option.choices)}")


def _check_each(option: Option, value: Any) -> None:
    """Raise UsageError for what is no text, or not one that an option takes."""
    assert option.check
    several = value if option.repeated else (value,)
    if not isinstance(several, tuple) or not all(isinstance(text, str) for text in several):
        raise UsageError(f"{option.title} {value!r}: text is wanted")
    for text in several:
        try:
            _check_text(option, text)
            option.check(text)
        except UsageError as error:
            said = str(error).removeprefix(f"{option.title} ")
            raise UsageError(f"{option.title} {said}") from None


def _check_text(option: Option, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:  # Python has bytes that are no text as halves of letters
        raise UsageError(f"{option.title} {value!a}: it is not UTF-8") from error
