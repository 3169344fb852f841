"""What `initramfs` and `shell` have in common: what is to be in a guest."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bootharness.errors import UsageError

__all__ = ["guest_archive_of", "guest_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--manifest",
        "manifests",
        multiple=True,
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="What is to be in it, in Rapido's words. Can be repeated.",
    ),
    click.option(
        "--bin",
        "programs",
        multiple=True,
        metavar="NAME",
        help="A program of this host, with its libraries. Can be repeated.",
    ),
    click.option(
        "--module",
        "modules",
        multiple=True,
        metavar="NAME",
        help="A module of the kernel, with all that it needs. Can be repeated.",
    ),
    click.option(
        "--modules",
        "folder",
        metavar="FOLDER",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Where they are; else in the kernel's package, its tree, or /lib/modules.",
    ),
)


def guest_options(command: _Command) -> _Command:
    """Add the options that say what is to be in a guest."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def guest_archive_of(
    kernel: str | None,
    manifests: tuple[Path, ...],
    programs: tuple[str, ...],
    modules: tuple[str, ...],
    folder: Path | None,
    own: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return the archive that these options make, with files of its /init's ``own``."""
    from bootharness.initramfs.archive import guest_archive
    from bootharness.initramfs.manifest import line_of, read_manifest
    from bootharness.initramfs.sources import modules_of
    from bootharness.kernels.source import fetch, single

    lines = [line for each in manifests for line in read_manifest(each)]
    lines += [line_of("bin", each, said_by=f"--bin {each}") for each in programs]
    lines += [line_of("kmod", each, said_by=f"--module {each}") for each in modules]
    needs = next((line for line in lines if line.word == "kmod"), None)
    if needs and kernel is None:
        raise UsageError(f"{needs.said_by}: modules are of one kernel: name it with --kernel")
    of_kernel = modules_of(fetch(single(kernel)), folder) if needs and kernel else None
    return guest_archive(lines, of_kernel, own)
