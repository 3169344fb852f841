"""`bootharness worker`: boot here what gates and bisections on other computers hand out."""

import asyncio
import os
import sys
from pathlib import Path

import click

import bootharness
from bootharness.cli.output import say_aside
from bootharness.errors import ToolMissing, UsageError

__all__ = ["command"]

_PRELOAD = "bootharness.runs.remote.preload"
_NEEDED, _OURS = "boot", "workers"


async def _reached(address: str) -> None:
    """Raise NoWorker where no scheduler answers, before Dask does with all that it was doing."""
    from bootharness.runs.remote.connection import Connection

    await (await Connection.to(address, None)).close(used=False)


@click.command(
    "worker",
    epilog="""\b
ADDRESS is that of a Dask scheduler, as 10.0.0.7:8786 or tls://build.example.org:8786; without it
Dask's own configuration names one (DASK_SCHEDULER_ADDRESS). Certificates come from there, too:
docs/scale.md says how. Whoever reaches a scheduler without TLS runs commands on this computer.

\b
Examples:
  dask scheduler --host 10.0.0.7 --port 8786
  bootharness worker 10.0.0.7:8786
  bootharness gate --matrix gate.toml --workers dask:10.0.0.7:8786

\b
Exit status: 0 ended, 125 nothing can be booted here, 129 wrong usage.
""",
)
@click.argument("address", required=False)
@click.option("--slots", type=click.IntRange(1), metavar="N",
              help="Boots at once.  [default: one on each core]")  # fmt: skip
@click.option("--name", help="What Dask calls it.  [default: its address]")
def command(address: str | None, slots: int | None, name: str | None) -> None:
    """Boot what is handed out by the scheduler at ADDRESS, until it is told to end.

    It is a Dask worker, and says to Dask what `bootharness doctor` finds here.
    """
    remedy = "`pip install 'bootharness[dask]'`"
    try:
        import dask
        import distributed  # noqa: F401 - it is what is started
    except ImportError as error:
        raise ToolMissing(f"Dask is not here ({error}): {remedy} brings it") from error
    from bootharness.cli.uses import USES, examined
    from bootharness.runs.remote.named import address_of, open_to_others

    given = address or dask.config.get("scheduler-address", None)
    if not given:
        raise UsageError("give the ADDRESS of a scheduler, or set DASK_SCHEDULER_ADDRESS")
    address = address_of(given)
    if warning := open_to_others(address):
        say_aside(warning)
    if whys := [each.why for each in examined(_NEEDED).tools if each.why]:
        raise ToolMissing(f"nothing can be booted here: {'; '.join(whys)} (`bootharness doctor`)")
    asyncio.run(_reached(address))
    at_once = slots or len(os.sched_getaffinity(0))
    uses = [use for use in USES if use != _OURS and examined(use).good]
    click.echo(f"boots {at_once} at once, with all that is needed for {', '.join(uses)}", err=True)
    words = [
        address, "--nworkers", "1", "--nthreads", str(at_once), "--memory-limit", "0",
        "--resources", " ".join(f"{use}={at_once}" for use in uses),
        *(("--name", name) if name else ()), "--preload", _PRELOAD,
    ]  # fmt: skip
    root = str(Path(bootharness.__file__).parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    program = [sys.executable, "-P", "-m", "distributed.cli.dask_worker", *words]
    os.execve(sys.executable, program, {**os.environ, "PYTHONPATH": path})
