"""`python -m tests.bench`, which is `make bench`."""

import json
import platform
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bootharness.cli import run
from bootharness.errors import UsageError
from bootharness.host.workspace import Workspace
from tests.bench.benches import benches
from tests.bench.figures import Samples
from tests.bench.pairs import measure
from tests.bench.scene import Scene
from tests.bench.table import table

__all__ = ["command"]


@click.command("bench", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[BENCH]...", nargs=-1)
@click.option("--pairs", type=click.IntRange(1), default=15, show_default=True)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all samples.",
)
def command(names: tuple[str, ...], pairs: int, json_file: Path | None) -> int:
    """Measure the harness beside bare QEMU: each BENCH, or all of them.

    The exit status is 1 when a goal is missed.
    """
    with Workspace() as workspace:
        known = {bench.name: bench for bench in benches(Scene(workspace.path))}
        for name in names:
            if name not in known:
                raise UsageError(f"there is no bench {name!r}: known are {', '.join(known)}")
        chosen = [known[name] for name in names] or list(known.values())
        samples = measure(chosen, pairs)
    rows = [(row, samples[bench.name]) for bench in chosen for row in bench.rows]
    Console().print(table(rows, pairs))
    if json_file:
        _write(json_file, samples, pairs)
    return 1 if any(row.met(measured) is False for row, measured in rows) else 0


def _write(file: Path, samples: dict[str, Samples], pairs: int) -> None:
    document: dict[str, Any] = {
        "python": platform.python_version(),
        "machine": platform.platform(),
        "pairs": pairs,
        "samples": samples,
    }
    try:
        file.write_text(json.dumps(document, indent=1) + "\n")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    run(command)
