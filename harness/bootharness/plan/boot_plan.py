"""What can be chosen about a boot before it begins.

Each field says how it is spelt: the command line, pytest's options and markers, the matrix of a
gate, and the command that boots the same again are made of these lines.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Struct, field
from msgspec.structs import force_setattr

from bootharness.errors import UsageError
from bootharness.plan.allowed import check_values
from bootharness.plan.goal import AUTO, BEFORE_USERSPACE, SCREEN, check_until
from bootharness.plan.guest_plan import GuestPlan
from bootharness.plan.machine_config import MachineConfig
from bootharness.plan.net_plan import NetPlan
from bootharness.plan.option import Option
from bootharness.plan.pattern import check_on_screen, is_needle
from bootharness.plan.prompt import Prompt, check_prompt

__all__ = ["DEFAULT_CMDLINE", "MOST_SECONDS", "QEMU", "STAGE1", "TRACERS", "BootPlan"]

QEMU = "qemu"
"""The host that is no real machine."""
TRACERS = ("recorder", "gdb", "both")
STAGE1 = "stage1"
"""The project's own loader; any other is named by its file."""
MOST_SECONDS = 2_678_400
"""A month: no time that can be given is longer."""
# no_timer_check: on a busy host Linux would find that "IO-APIC + timer doesn't work" and panic
DEFAULT_CMDLINE = "console=ttyS0,115200 earlyprintk=serial,ttyS0,115200 panic=-1 no_timer_check"


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
        check_values(self)
        if self.until_screen is None and self.until == SCREEN:
            raise UsageError("until screen: say which text, by --until-screen PATTERN")
        if self.until_screen is not None and self.until not in (AUTO, SCREEN):
            raise UsageError(
                f"until {self.until} and until screen {self.until_screen}: a boot has one goal"
            )
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
