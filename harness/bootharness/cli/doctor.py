"""`bootharness doctor`: is everything here for what you want to do?"""

import os
import shutil
from typing import TYPE_CHECKING

import click

from bootharness.cli.options import JSON
from bootharness.cli.output import check_json_file, spoken, write_json
from bootharness.errors import COULD_NOT_FIND_OUT

if TYPE_CHECKING:
    from bootharness.cli.uses import Report

__all__ = ["command"]

_SCHEMA_VERSION = 1
_NAMES = (
    "boot",
    "network",
    "uefi",
    "servers",
    "grub",
    "deb",
    "compressed",
    "media",
    "screens",
    "initramfs",
    "debug",
    "record",
    "build",
    "config",
    "workers",
    "hardware",
)


@click.command(
    "doctor",
    epilog="""\b
USE is boot, network, uefi, servers, grub, deb, compressed, media, screens, initramfs, debug,
record, build, config, workers or hardware; without one all are looked at.

\b
Examples:
  bootharness doctor
  bootharness doctor boot network

\b
Exit status: 0 all is here that each USE needs, or, without one, that a boot from a disk needs;
125 it is not.
""",
)
@click.argument("uses", metavar="[USE]...", nargs=-1, type=click.Choice(_NAMES))
@JSON
def command(uses: tuple[str, ...], json_file: str | None) -> int:
    """Say for each use of bootharness whether all that it needs is here, and what installs the
    rest."""
    check_json_file(json_file)

    from bootharness.cli.uses import examined

    reports = [examined(use) for use in uses or _NAMES]
    output = spoken(json_file)
    for report in reports:
        for line in _lines(report):
            click.echo(line, file=output)
    remedy = _remedy(reports)
    if remedy:
        click.echo(f"\nto install what is missing: {remedy}", file=output)
    if json_file:
        import msgspec

        plain = [{**msgspec.to_builtins(each), "good": each.good} for each in reports]
        text = {"schema_version": _SCHEMA_VERSION, "uses": plain, "install": remedy}
        write_json(json_file, msgspec.json.format(msgspec.json.encode(text), indent=1) + b"\n")
    wanted = uses or ("boot",)
    good = all(report.good for report in reports if report.use in wanted)
    return 0 if good else COULD_NOT_FIND_OUT


def _lines(report: "Report") -> list[str]:
    """Return a use's line, and under it what is here."""
    head = click.style(f"{report.use}:", bold=True)
    whys = [tool.why for tool in report.tools if tool.why and not tool.missing]
    if missing := [tool for tool in report.tools if tool.missing]:
        names = ", ".join(tool.name for tool in missing)
        whys.append(f"missing {names}: apt-get install {_packages([report])}")
    said = click.style("; ".join(whys), fg="red") if whys else click.style("ok", fg="green")
    lines = [f"{head} {said} {click.style(f'({report.purpose})', dim=True)}"]
    here = [f"{tool.name} {tool.version or ''}".strip() for tool in report.tools if not tool.why]
    lines += [click.style(f"     {', '.join(here)}", dim=True)] if here else []
    for note in report.notes:
        text = f"     {note.text}"
        lines.append(click.style(text, dim=True) if note.good else click.style(text, fg="yellow"))
    return lines


def _remedy(reports: list["Report"]) -> str:
    """Return the one command that installs all that is missing or too old."""
    packages = _packages(reports)
    if not packages:
        return ""
    root = "" if os.geteuid() == 0 else "sudo "
    elsewhere = "" if shutil.which("apt-get") else " (these are Debian's names)"
    return f"{root}apt-get install {packages}{elsewhere}"


def _packages(reports: list["Report"]) -> str:
    unfit = (tool for report in reports for tool in report.tools if tool.why)
    return " ".join(sorted({tool.package for tool in unfit}))
