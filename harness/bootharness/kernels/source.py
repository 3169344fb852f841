"""Kernel sources: one grammar for the command line, pytest and kernels.toml.

PATH                         a bzImage, or a file with one inside: compressed, a UKI, a .deb
FOLDER or GLOB               the kernels in it, in the order of their versions; of a kernel's source
                             the one that was built
deb:PACKAGE[=VERSION]        out of a Debian package, also [:ARCH] and [/SUITE]; a pattern is all
                             packages that fit it, in the order of their versions
selfcheck:BYTES              the synthetic kernel, with a payload of an exact size
grow:BYTES:SOURCE            any of them, its payload grown to an exact size
"""

import glob
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.host.toml import read_toml
from bootharness.kernels.image import KernelImage
from bootharness.kernels.inside import is_kernel
from bootharness.kernels.selfcheck import SELFCHECK, selfcheck_kernel
from bootharness.text import NUMBER

__all__ = [
    "DEB",
    "NamedSource",
    "by_version",
    "expand",
    "fetch",
    "has_no_path",
    "known_kernels",
    "single",
]

_BUILT = "arch/x86/boot/bzImage"
_TABLENUMBER = 1 << 24
_MOST_GROWN = 8
_MOST_MATCHES = 10_000
DEB = "deb:"
"""How a kernel out of a Debian package begins."""
_NO_PATH = (DEB, "selfcheck:", "grow:")


class NamedSource(Struct, frozen=True):
    """A kernel build that kernels.toml names."""

    id: str
    source: str


def expand(source: str) -> list[str]:
    """Return the single kernels that a source stands for, as sources.

    Raises UsageError for a source that cannot be: no such file, nothing in a folder, no
    such syntax.
    """
    if not source:  # as a path it would be the folder that we are in
        raise UsageError('a kernel has the name "": is there a variable that is not set?')
    if source.startswith("grow:"):
        size, base = _grow(source)
        return [f"grow:{size}:{each}" for each in expand(base)]
    if source.startswith("selfcheck:"):
        _selfcheck(source)
        return [source]
    if source.startswith("deb:"):
        from bootharness.kernels.deb import DebPackage, matching  # most sources are files

        package = source.removeprefix("deb:")
        if glob.has_magic(package):
            return [f"deb:{each}" for each in sorted(matching(package), key=by_version)]
        DebPackage.parse(package)
        return [source]
    try:
        return _expanded(source)
    except (OSError, ValueError) as error:  # too long for a name, a folder of somebody else's
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{source}: {reason}") from error


def _expanded(source: str) -> list[str]:
    path = Path(source)
    if path.is_dir():
        if (path / _BUILT).is_file():
            return [str(path / _BUILT)]
        found = sorted(filter(is_kernel, path.iterdir()), key=by_version)
        if not found:
            raise UsageError(f"{source}: no file in this folder is a bzImage or a UKI")
        return [str(each) for each in found]
    if path.exists():
        return [source]
    every = glob.iglob(source, recursive=True)  # noqa: PTH207
    matches = [Path(match) for match in islice(every, _MOST_MATCHES + 1)]
    if len(matches) > _MOST_MATCHES:
        raise UsageError(f"{source}: more than {_MOST_MATCHES:,} files match: name fewer")
    files = sorted((match for match in matches if match.is_file()), key=by_version)
    if not files:
        what = "nothing matches" if glob.has_magic(source) else "no such file"
        if path.is_symlink():
            what = f"a link to {path.readlink()}, which leads nowhere"
        raise UsageError(
            f"{source}: {what}; a kernel is a file, a folder, a glob, deb:PACKAGE, "
            "selfcheck:BYTES or grow:BYTES:SOURCE"
        )
    return [str(each) for each in files]


def has_no_path(source: str) -> bool:
    """Return whether it is something else than a file's name: everybody can have it."""
    return source.startswith(_NO_PATH)


def single(source: str) -> str:
    """Return the one kernel that a source stands for. Raises UsageError when there are more."""
    kernels = expand(source)
    if len(kernels) > 1:
        raise UsageError(f"{source}: these are {len(kernels)} kernels, and here it takes one")
    return kernels[0]


def fetch(source: str) -> KernelImage:
    """Return the kernel of a single source, downloaded or grown if need be.

    Raises KernelUnavailable when it cannot be had, UsageError for wrong syntax.
    """
    if source.startswith("grow:"):
        size, base = _grow(source)
        kernel = fetch(base)
        if kernel.release == SELFCHECK:
            return _grown_selfcheck(source, size, kernel)
        return kernel.grown(size, source=source)
    if source.startswith("selfcheck:"):
        return KernelImage.read(selfcheck_kernel(_selfcheck(source)), source=source)
    if source.startswith("deb:"):
        from bootharness.kernels.deb import DebPackage, vmlinuz

        package = DebPackage.parse(source.removeprefix("deb:"))
        return KernelImage.read(vmlinuz(package), source=source)
    return KernelImage.read(Path(source))


def known_kernels(file: Path) -> list[NamedSource]:
    """Return the kernel builds that a kernels.toml names; a path in it is relative to its folder.

    Raises UsageError, naming the file and the field.
    """
    table = read_toml(file, "a table of kernels", most=_TABLENUMBER)
    kernels = list(_named(file, table.get("kernel")))
    for name, times in Counter(kernel.id for kernel in kernels).items():
        if times > 1:
            raise UsageError(f"{file}: {times} [[kernel]] have the id {name!r}; give each its own")
    return kernels


def _named(file: Path, entries: Any) -> Iterator[NamedSource]:
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{file}: there is no [[kernel]] in it")
    for number, entry in enumerate(entries, start=1):
        match entry:
            case {"id": str(name), "source": str(source)} if len(entry) == 2:
                yield NamedSource(name, _from_folder(source, file.parent))
            case _:
                raise UsageError(f"{file}: [[kernel]] number {number} needs an id and a source")


def _from_folder(source: str, folder: Path) -> str:
    """Return a source whose path, if there is one in it, is relative to a folder."""
    head, base = re.fullmatch(r"((?:grow:[^:]*:)*)(.*)", source, re.DOTALL).groups()  # type: ignore[union-attr]
    return source if has_no_path(base) else f"{head}{folder / base}"


def _selfcheck(source: str) -> int:
    size = source.removeprefix("selfcheck:")
    if not re.fullmatch(NUMBER, size):
        raise UsageError(f"{source}: write selfcheck:BYTES, for example selfcheck:15735808")
    return int(size)


def _grown_selfcheck(source: str, size: int, kernel: KernelImage) -> KernelImage:
    """Return the selfcheck kernel of another size: it knows its own, and looks at every byte."""
    grown = KernelImage.read(selfcheck_kernel(size), source=source)
    if size < kernel.payload_bytes:
        raise UsageError(
            f"{source}: the payload of {kernel.source} already has {kernel.payload_bytes:,} bytes, "
            f"so it cannot be grown to {size:,}"
        )
    return grown


def _grow(source: str) -> tuple[int, str]:
    found = re.fullmatch(rf"grow:({NUMBER}):(.+)", source)
    if not found or source.count("grow:") > _MOST_GROWN:
        raise UsageError(f"{source}: write grow:BYTES:SOURCE, for example grow:17000000:bzImage")
    return int(found[1]), found[2]


def by_version(path: Path | str) -> list[tuple[int, int | str]]:
    """Return what orders vmlinuz-6.9 before vmlinuz-6.10, and 6.10-rc1 before 6.10."""
    text = str(path).replace("-rc", "~rc")
    parts: list[tuple[int, int | str]] = []
    for part in re.findall(r"\d+|~|[^\d~]+", text):
        parts.append((-1, 0) if part == "~" else (1, int(part)) if part.isdecimal() else (0, part))
    return [*parts, (0, "")]  # the end comes behind a "~", before anything else
