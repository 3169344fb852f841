"""The options of a boot on the command line, made of what plans say of their fields."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bootharness.cli.values import OPTION_VALUES, workers
from bootharness.plan import OPTIONS, BootPlan, NetPlan, choose
from bootharness.plan.option import Option, options_of

__all__ = [
    "ALL",
    "FILE",
    "HISTORY",
    "JSON",
    "NET_ROOT_OPTION",
    "NEW_FILE",
    "OF_NETWORKS",
    "WHAT_IS_LOADED",
    "WORKERS",
    "axes_options",
    "plan_of",
    "plan_options",
]  # fmt: skip

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
"""A file that is there."""
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
"""A file to be written."""
ALL = tuple(OPTIONS)
OF_NETWORKS = tuple(each.name for each in options_of(NetPlan))
WHAT_IS_LOADED = ("route", "loader", "initrd", "cmdline")
"""Options by their fields' names."""

_Command = TypeVar("_Command", bound=Callable[..., Any])

JSON = click.option("--json", "json_file", metavar="FILE",
                    help="Write it all; - is standard output.")  # fmt: skip
NET_ROOT_OPTION = click.option(
    "--net-root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Boot the files of a folder, as a boot server has it: the same as --route net-root with "
    "this folder.",
)
WORKERS = click.option(
    "--workers",
    metavar="N|dask:ADDRESS|MODULE:FACTORY",
    shell_complete=workers,
    help="Who boots: so many processes here; the workers of a Dask cluster, as dask:10.0.0.7:8786; "
    "or an Executor of concurrent.futures that a function of your own makes.",
)
HISTORY = click.option(
    "--history",
    "history_file",
    type=NEW_FILE,
    metavar="FILE",
    help="Where results are kept.  [default: $BOOTHARNESS_HISTORY, or your own]",
)


def plan_options(*names: str) -> Callable[[_Command], _Command]:
    """Add options of a plan, given by their fields' names. `plan_of` makes a plan of them."""
    return _with([_click_option(OPTIONS[name], several=False) for name in names])


def axes_options(*names: str) -> Callable[[_Command], _Command]:
    """Add options of a plan of which each may be repeated: an axis of a matrix."""
    return _with([_click_option(OPTIONS[name], several=True) for name in names])


def plan_of(choices: Mapping[str, Any]) -> BootPlan:
    """Return the plan that options of `plan_options` make. Raises UsageError for what cannot be."""
    return choose(BootPlan(), {name: value for name, value in choices.items() if value != ()})


def _with(options: list[Callable[[_Command], _Command]]) -> Callable[[_Command], _Command]:
    def decorated(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


def _click_option(option: Option, *, several: bool) -> Callable[[Any], Any]:
    if option.kind is bool:
        return _switch(option, several=several)
    usual = option.default if isinstance(option.default, str | int | float) else None
    text = option.help
    if several and not option.repeated:
        text += f" May be repeated.  [default: {usual}]" if usual is not None else ""
    return click.option(
        option.spelling,
        option.name,
        type=_type(option),
        metavar=option.metavar or None,
        help=text,
        multiple=several or option.repeated,
        default=() if several or option.repeated else option.default,
        show_default=not several and usual is not None,
        shell_complete=OPTION_VALUES.get(option.name),
    )


def _switch(option: Option, *, several: bool) -> Callable[[Any], Any]:
    """A switch; of an axis it is one value, so that it is on in every boot."""

    def chosen(_context: click.Context, _option: click.Parameter, on: bool) -> Any:
        return ((True,) if on else ()) if several else on

    return click.option(
        option.spelling, option.name, is_flag=True, help=option.help, callback=chosen
    )


def _type(option: Option) -> Any:
    if option.choices:
        return click.Choice(option.choices)
    if option.kind is int:
        return click.IntRange(None if option.least is None else int(option.least))
    if option.kind is float:
        return click.FloatRange(option.least)
    if option.kind is Path:
        return click.Path(dir_okay=False)
    return str
