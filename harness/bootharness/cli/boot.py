"""`bootharness boot`: boot kernels and judge them."""

import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import click

from bootharness.cli.options import loaded_options, machine_options
from bootharness.cli.output import check_json_file, new_folder, write_json
from bootharness.plan import (
    ACCELERATORS,
    NET_PATHS,
    NICS,
    TRACERS,
    UNTIL,
    BootPlan,
    MachineConfig,
    NetPlan,
)

if TYPE_CHECKING:
    from bootharness.trace.boot_trace import BootTrace

__all__ = ["Boot", "command", "run_boots"]


class Boot(NamedTuple):
    """A kernel's or a disk image's name and what boots it; ``plan`` where there is a machine."""

    name: str
    run: Callable[..., "BootTrace"]
    plan: BootPlan | None = None


# one bad kernel outweighs any number that we could not find out about
_WORST_FIRST = (1, 125, 0)


@click.command(
    "boot",
    epilog="""\b
KERNEL is a bzImage, a folder or glob of them, deb:PACKAGE[:ARCH][=VERSION][/SUITE], or
grow:BYTES:KERNEL (its payload grown to an exact size).

\b
Examples:
  bootharness boot arch/x86/boot/bzImage
  bootharness boot /boot/vmlinuz-* --until banner --json results.json
  bootharness boot bzImage --initrd initrd.img --cmdline 'console=ttyS0 quiet'
  bootharness boot grow:17000000:bzImage --loader my-mbr.asm --verbose
  bootharness boot --disk appliance.img
  bootharness boot --net pxelinux --nic e1000 bzImage
  bootharness boot --net ipxe --net-fault drop:block=100 bzImage
  git bisect run sh -c 'make bzImage || exit 125; bootharness boot arch/x86/boot/bzImage'

\b
Exit status: 0 all good, 1 one is bad, 125 could not find out, 129 wrong usage.
""",
)
@click.argument("kernels", metavar="[KERNEL]...", nargs=-1)
@loaded_options
@click.option(
    "--net",
    type=click.Choice(NET_PATHS),
    help="Boot from a network of its own, this way, in place of a disk.",
)
@click.option(
    "--nic", type=click.Choice(NICS), default="auto", show_default=True, help="Card for --net."
)
@click.option(
    "--net-fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="What goes wrong on the network, such as stall:file=vmlinuz,block=100; may be repeated.",
)
@click.option(
    "--until",
    type=click.Choice(UNTIL),
    help="How far it must come.  [default: init; banner with --loader or --disk]",
)
@click.option(
    "--tracer",
    type=click.Choice(TRACERS),
    default="recorder",
    show_default=True,
    help="Who watches the BIOS calls.",
)
@machine_options
@click.option("--accelerator", type=click.Choice(ACCELERATORS), default="auto", show_default=True)
@click.option(
    "--timeout", type=click.FloatRange(0.1), default=60, show_default=True, metavar="SECONDS"
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Write the trace, verdict included; - is standard output. An array for several kernels.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep disk image, logs, trace, registers, code and screen in a new or empty folder.",
)
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Print every BIOS call, and what happens on the network, as it happens.",
)
def command(
    kernels: tuple[str, ...],
    loader: Path | None,
    disk: Path | None,
    json_file: str | None,
    keep: Path | None,
    verbose: bool,
    net: str | None,
    nic: str,
    faults: tuple[str, ...],
    **choices: Any,
) -> int:  # fmt: skip
    """Boot each KERNEL from an MBR disk image through stage1 under QEMU, and judge it."""
    if bool(kernels) == bool(disk):
        raise click.UsageError("give a KERNEL, or --disk with an image that has one")
    if disk and (loader or choices["initrd"]):
        raise click.UsageError("a --disk has its own loader and initrd")
    if net and (loader or disk):
        raise click.UsageError("--net boots neither with a --loader nor from a --disk")
    if faults and not net:
        raise click.UsageError("a --net-fault needs --net")
    if choices["bios"] and net and net.startswith("uefi"):
        raise click.UsageError("--bios is for paths with a BIOS, not for a UEFI's")
    network = NetPlan(net, nic, faults) if net else None
    plan = _plan(own_loader=not (loader or disk), net=network, **choices)

    from bootharness.kernels.source import expand
    from bootharness.one_boot import boot_disk, boot_net_source, boot_source  # help does without
    from bootharness.routes.disk import DiskImage
    from bootharness.routes.loader import Loader

    boots: list[Boot]
    if disk:
        image = DiskImage.existing(disk)
        boots = [Boot(str(disk), partial(boot_disk, image, plan), plan)]
    elif net:
        sources = [single for kernel in kernels for single in expand(kernel)]
        boots = [Boot(each, partial(boot_net_source, each, plan), plan) for each in sources]
    else:
        code = Loader.read(loader) if loader else Loader.stage1()
        sources = [single for kernel in kernels for single in expand(kernel)]
        boots = [Boot(each, partial(boot_source, each, code, plan), plan) for each in sources]
    return run_boots(boots, json_file, keep, verbose=verbose)


def _plan(
    *, own_loader: bool, until: str | None, tracer: str, cmdline: str, initrd: Path | None,
    timeout: float, memory: int, net: NetPlan | None, **machine: Any,
) -> BootPlan:  # fmt: skip
    return BootPlan(
        # of a loader that we do not know, we do not know either that it takes an initrd
        until=until or ("init" if own_loader or initrd else "banner"),
        tracer=tracer,
        cmdline=cmdline,
        initrd=initrd,
        machine=MachineConfig(memory_mib=memory, **machine),
        timeout_s=timeout,
        net=net,
    )


def run_boots(
    boots: list[Boot], json_file: str | None, keep: Path | None = None, *, verbose: bool
) -> int:
    """Run boots one after the other, print and write what came of each, and return the status.

    Raises UsageError, before the first one, for files that must not be written.
    """
    from bootharness.report.live import watching

    check_json_file(json_file)
    folders = _folders(keep, len(boots))
    output = sys.stderr if json_file == "-" else sys.stdout
    documents, judgements = [], []
    for each, folder in zip(boots, folders, strict=True):
        with watching(each.name, verbose=verbose, output=output) as observer:
            trace = each.run(observer=observer, keep=folder)

        from bootharness.diagnosis import judge  # by now it has been imported
        from bootharness.report.terminal import print_result, print_summary

        judgements.append(judge(trace))
        print_result(trace, judgements[-1], output)
        if folder and each.plan:
            _keep(folder, trace, each.plan, output)
        elif each.plan and judgements[-1].verdict.exit_status == 1:
            _offer(trace, each.plan, output)
        if json_file:
            from bootharness.report.document import document, encode

            documents.append(encode(document(trace, judgements[-1])))
    if len(boots) > 1:
        print_summary(judgements, output)
    if json_file:
        several = b"[\n" + b",\n".join(documents) + b"]\n"
        write_json(json_file, documents[0] if len(documents) == 1 else several)
    statuses = {judgement.verdict.exit_status for judgement in judgements}
    return next(status for status in _WORST_FIRST if status in statuses)


def _keep(folder: Path, trace: "BootTrace", plan: BootPlan, output: TextIO) -> None:
    """Keep what a boot has left, and say where that is and what is not there."""
    from bootharness.watch.kept import keep_account

    seen = trace.post_mortem
    unkept = (seen.missing if seen else ()) + keep_account(trace, plan, folder)
    twice = ", after a second boot that shows the exceptions" if seen and seen.exceptions else ""
    click.echo(f"     kept in {folder}{twice}", file=output)
    if unkept:
        click.echo(f"     not all of it: {'; '.join(unkept)}", file=output)


def _offer(trace: "BootTrace", plan: BootPlan, output: TextIO) -> None:
    """Name the command that keeps all there is to see of a bad boot."""
    from bootharness.report.again import again

    free = (Path(f"kept-{number}") for number in count(1))
    folder = next(path for path in free if not path.exists())
    line = f"     to look into it: {again(trace, plan, '--keep', str(folder))}"
    click.echo(click.style(line, dim=True), file=output)


def _folders(keep: Path | None, boots: int) -> list[Path | None]:
    """Return the folder to keep each boot in: the wanted one, or numbered ones inside it.

    Raises UsageError when there is something in it.
    """
    if keep is None:
        return [None] * boots
    new_folder(keep)
    if boots == 1:
        return [keep]
    return [new_folder(keep / f"{number:02}") for number in range(1, boots + 1)]
