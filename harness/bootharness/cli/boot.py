"""`bootharness boot`: boot kernels and judge them."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from bootharness.cli import values
from bootharness.cli.boots import Boot, detail_options, is_list, run_boots
from bootharness.cli.options import ALL, FILE, NET_ROOT_OPTION, plan_of, plan_options
from bootharness.errors import CouldNotFindOut, UsageError
from bootharness.plan import BootPlan, firmwares
from bootharness.text import hint

__all__ = ["command", "sources_and_plan"]

_MOST_CATCHES = 10_000


@click.command(
    "boot",
    epilog="""\b
KERNEL is a bzImage, a folder or glob of them, deb:PACKAGE[:ARCH][=VERSION][/SUITE], or
grow:BYTES:KERNEL (its payload grown to an exact size). An image of a disk, a CD or a floppy is
booted as what it is: raw, qcow2, VMDK, VDI, VHDX, ISO, compressed.

\b
Examples:
  bootharness boot arch/x86/boot/bzImage
  bootharness boot /boot/vmlinuz-* --until banner --json results.json
  bootharness boot bzImage --initrd initrd.img --cmdline 'console=ttyS0 quiet'
  bootharness boot grow:17000000:bzImage --loader my-mbr.asm --verbose
  bootharness boot appliance.qcow2
  bootharness boot installer.iso --as usb
  bootharness boot installer.iso --firmware bios,uefi,uefi-secure
  bootharness boot --route pxelinux --nic e1000 bzImage
  bootharness boot --net-server kea:kea-dhcp4.conf --net-server dnsmasq:/etc/dnsmasq.conf
  bootharness boot --route ipxe --net-fault drop:block=100 bzImage
  bootharness boot --disk-fault error:lba=10000,times=2 bzImage
  git bisect run sh -c 'make bzImage || exit 125; bootharness boot arch/x86/boot/bzImage \\
      --cause destination-wrapped'

\b
Exit status: 0 all good, 1 one is bad, 125 could not find out, 129 wrong usage. With --cause what
is bad for another cause is 125, which `git bisect run` skips.
""",
)
@click.argument("kernels", metavar="[KERNEL]...", nargs=-1, shell_complete=values.kernels)
@plan_options(*ALL)
@click.option(
    "--cause",
    "sought",
    metavar="CAUSE",
    multiple=True,
    shell_complete=values.causes,
    help="What is bad for another cause tells nothing: exit status 125. May be repeated.",
)
@click.option(
    "--disk",
    "disks",
    type=FILE,
    multiple=True,
    help="The same as --route disk with this image; each further one is a further disk.",
)
@click.option(
    "--net",
    metavar="ROUTE",
    shell_complete=values.routes,
    help="The same as --route, for one from a network.",
)
@NET_ROOT_OPTION
@click.option(
    "--net-server",
    "servers",
    metavar="SERVER",
    multiple=True,
    shell_complete=values.servers,
    help="Boot from a server of your own: dnsmasq:FILE, kea:FILE or command:WORDS, with "
    "@ADDRESS/BITS in front of the colon where its configuration does not tell; or "
    "relay@ADDRESS/BITS:SERVER, behind which they are; may be repeated.",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Write the trace, verdict included; - is standard output. An array for more than one "
    "KERNEL, a folder or a pattern.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep disk image, logs, trace, registers, code and screen in a new or empty folder.",
)
@click.option(
    "--record",
    is_flag=True,
    help="Record in --keep's folder a good boot, too, to go back in it with `debug`.",
)
@click.option(
    "--catch",
    type=click.IntRange(1, _MOST_CATCHES),
    metavar="N",
    help="Boot up to N times, recorded, until a boot is bad, and keep that one in --keep's folder.",
)
@detail_options
def command(
    kernels: tuple[str, ...], json_file: str | None, keep: Path | None, record: bool,
    catch: int | None, detail: int | None,
    sought: tuple[str, ...], disks: tuple[Path, ...], net: str | None, net_root: Path | None,
    servers: tuple[str, ...], **choices: Any,
) -> int:  # fmt: skip
    """Boot each KERNEL under QEMU, by stage1 in the MBR of a disk or by another route, and judge
    it."""
    _check_causes(sought)
    for spelling, given in (("--record", record), ("--catch", catch)):
        if given and not keep:
            raise click.UsageError(f"{spelling} goes with --keep, a folder for the recording")
    choices["more_disks"] = (*map(str, disks[1:]), *choices["more_disks"])
    choices["more_servers"] = (*servers[1:], *choices["more_servers"])
    disk = disks[0] if disks else None
    asked = [
        sources_and_plan(kernels, {**choices, "firmware": firmware}, disk=disk, net=net,
                         root=net_root, servers=servers)
        for firmware in firmwares(choices["firmware"])
    ]  # fmt: skip

    from bootharness.one_boot import boot  # help does without

    # what somebody brought comes by each firmware before the next
    boots = [
        Boot(each, partial(boot, each, plan, record=record, catch=catch or 0), plan)
        for together in zip(*([(each, plan) for each in sources] for sources, plan in asked),
                            strict=True)
        for each, plan in together
    ]  # fmt: skip
    several = len(asked) > 1 or is_list(kernels, asked[0][0])
    return run_boots(boots, json_file, keep, detail=detail, several=several,
                     sought=sought)  # fmt: skip


def _check_causes(sought: tuple[str, ...]) -> None:
    """Raise UsageError for what is no cause of a bad boot."""
    if not sought:
        return
    from bootharness.diagnosis.causes import CAUSES

    known = [each.name for each in CAUSES.values() if each.verdict == "bad"]
    for name in sought:
        if name not in known:
            wanted = "`bootharness explain` lists those that make a boot bad"
            raise UsageError(f"--cause {name}: {hint(name, known, otherwise=wanted)}")


def sources_and_plan(
    given: tuple[str, ...], choices: dict[str, Any], *, disk: Path | None = None,
    net: str | None = None, root: Path | None = None, servers: tuple[str, ...] = (),
) -> tuple[list[str], BootPlan]:  # fmt: skip
    """Return the single sources that a command is given, and a plan that is settled.

    ``disk``, ``net``, ``root`` and ``servers`` are other spellings of a route, all but ``net`` with
    what it boots. Raises UsageError for what cannot be, before anything is downloaded.
    """
    all_brought = {"--disk": disk, "--net-root": root, "--net-server": "".join(servers[:1])}
    brought = {spelling: each for spelling, each in all_brought.items() if each}
    named = [f"a KERNEL, {given[0]}"] if given else []
    named += [f"{spelling} {each}" for spelling, each in brought.items()]
    if len(named) > 1:
        raise click.UsageError(f"{named[0]}, and {named[1]}: give one of them")
    if not named:
        raise click.UsageError(
            "give a KERNEL, or a disk image, a --net-root or a --net-server that has one"
        )
    from bootharness.routes.table import (  # help does without
        ROUTES,
        by_firmware,
        by_what_is_given,
        route_of,
    )

    plan = plan_of({**choices, **_route(disk, net, brought, choices)})
    plan = by_firmware(plan if net else by_what_is_given(plan, given))

    route = route_of(plan)
    if net and not route.from_network:
        names = ", ".join(each.name for each in ROUTES.values() if each.from_network)
        raise UsageError(f"--net {net}: routes from a network are {names}")
    try:
        plan = route.settled(plan)
        route.check(plan)
    except CouldNotFindOut:  # of each kernel
        pass
    every = tuple(map(str, brought.values())) or given
    sources = [single for source in every for single in route.expand(source)]
    if not sources:
        raise UsageError(f"{', '.join(every)}: there is nothing to boot")
    return sources, plan


def _route(
    disk: Path | None, net: str | None, brought: dict[str, Any], choices: dict[str, Any]
) -> dict[str, str]:
    """Return the route that another spelling means."""
    meant = "disk" if disk else net
    if disk and net:
        raise click.UsageError("--disk and --net are two routes")
    asked = choices["route"]
    for spelling, each in brought.items():
        if spelling != "--disk":
            asked, meant = BootPlan().route, _from_own(net or choices["route"], spelling, each)
    if meant and asked not in (BootPlan().route, meant):
        raise click.UsageError(f"--route {asked} and {meant} are two routes")
    return {"route": meant} if meant else {}


def _from_own(asked: str, spelling: str, given: Any) -> str:
    """Return by which route somebody's own network is booted. Raises UsageError for another."""
    from bootharness.routes.net_root import NET_ROOTS
    from bootharness.routes.net_servers import NET_SERVERS

    names = [each.name for each in (NET_ROOTS if spelling == "--net-root" else NET_SERVERS)]
    if asked == BootPlan().route:
        return names[0]
    if asked not in names:
        what = "a folder" if spelling == "--net-root" else "from servers"
        raise UsageError(
            f"{spelling} {given}: the route {asked} boots a KERNEL; {', '.join(names)} boot {what}"
        )
    return asked
