"""`bootharness boot`: boot kernels and judge them."""

import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import click

from bootharness.cli import values
from bootharness.cli.options import ALL, FILE, plan_of, plan_options
from bootharness.cli.output import check_json_file, new_folder, write_json
from bootharness.errors import COULD_NOT_FIND_OUT, CouldNotFindOut, UsageError
from bootharness.plan import BootPlan

if TYPE_CHECKING:
    from bootharness.trace.boot_trace import BootTrace

__all__ = ["Boot", "command", "run_boots", "sources_and_plan"]


class Boot(NamedTuple):
    """A kernel's or a disk image's name and what boots it; ``plan`` where there is a machine."""

    name: str
    run: Callable[..., "BootTrace"]
    plan: BootPlan | None = None


# one bad kernel outweighs any number that we could not find out about
_WORST_FIRST = (1, COULD_NOT_FIND_OUT, 0)


@click.command(
    "boot",
    epilog="""\b
KERNEL is a bzImage, a folder or glob of them, deb:PACKAGE[:ARCH][=VERSION][/SUITE], or
grow:BYTES:KERNEL (its payload grown to an exact size). By --route disk it is a disk image.

\b
Examples:
  bootharness boot arch/x86/boot/bzImage
  bootharness boot /boot/vmlinuz-* --until banner --json results.json
  bootharness boot bzImage --initrd initrd.img --cmdline 'console=ttyS0 quiet'
  bootharness boot grow:17000000:bzImage --loader my-mbr.asm --verbose
  bootharness boot --disk appliance.img
  bootharness boot --route pxelinux --nic e1000 bzImage
  bootharness boot --route ipxe --net-fault drop:block=100 bzImage
  git bisect run sh -c 'make bzImage || exit 125; bootharness boot arch/x86/boot/bzImage'

\b
Exit status: 0 all good, 1 one is bad, 125 could not find out, 129 wrong usage.
""",
)
@click.argument("kernels", metavar="[KERNEL]...", nargs=-1, shell_complete=values.kernels)
@plan_options(*ALL)
@click.option("--disk", type=FILE, help="The same as --route disk with this image.")
@click.option(
    "--net",
    metavar="ROUTE",
    shell_complete=values.routes,
    help="The same as --route, for one from a network.",
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
    kernels: tuple[str, ...], json_file: str | None, keep: Path | None, verbose: bool,
    disk: Path | None, net: str | None, **choices: Any,
) -> int:  # fmt: skip
    """Boot each KERNEL under QEMU, by stage1 in the MBR of a disk or by another route, and judge
    it."""
    sources, plan = sources_and_plan(kernels, choices, disk=disk, net=net)

    from bootharness.one_boot import boot  # help does without

    boots = [Boot(each, partial(boot, each, plan), plan) for each in sources]
    return run_boots(boots, json_file, keep, verbose=verbose)


def sources_and_plan(
    given: tuple[str, ...], choices: dict[str, Any], *, disk: Path | None = None,
    net: str | None = None,
) -> tuple[list[str], BootPlan]:  # fmt: skip
    """Return the single sources that a command is given, and a plan that is settled.

    ``disk`` and ``net`` are other spellings of a route. Raises UsageError for what cannot be,
    before anything is downloaded.
    """
    if given and disk:
        raise click.UsageError(f"a KERNEL, {given[0]}, and --disk {disk}: give one of them")
    if not given and not disk:
        raise click.UsageError("give a KERNEL, or a disk image that has one")
    from bootharness.routes.brought import is_disk_image  # help does without
    from bootharness.routes.table import ROUTES, route_of

    named = _route(disk, net, choices)
    if not named and choices["route"] == BootPlan().route and all(map(is_disk_image, given)):
        named = {"route": "disk"}
    plan = plan_of({**choices, **named})

    route = route_of(plan)
    if net and not route.from_network:
        names = ", ".join(each.name for each in ROUTES.values() if each.from_network)
        raise UsageError(f"--net {net}: routes from a network are {names}")
    try:
        plan = route.settled(plan)
        route.check(plan)
    except CouldNotFindOut:  # of each kernel
        pass
    every = (str(disk),) if disk else given
    sources = [single for source in every for single in route.expand(source)]
    if not sources:
        raise UsageError(f"{', '.join(every)}: there is nothing to boot")
    return sources, plan


def _route(disk: Path | None, net: str | None, choices: dict[str, Any]) -> dict[str, str]:
    """Return the route that another spelling means."""
    meant = "disk" if disk else net
    if disk and net:
        raise click.UsageError("--disk and --net are two routes")
    if meant and choices["route"] not in (BootPlan().route, meant):
        raise click.UsageError(f"--route {choices['route']} and {meant} are two routes")
    return {"route": meant} if meant else {}


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
