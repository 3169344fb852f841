"""Kernels out of Debian packages: found and downloaded by apt, unpacked, never installed.

Without a suite the system's own package lists are asked first. A package that they do not
have, or one of a named suite, is looked up in lists of the harness's own, kept in the cache
and renewed once a day; that changes nothing on the system and needs no root.
"""

import difflib
import fnmatch
import os
import re
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import KernelUnavailable, ToolMissing, UsageError
from bootharness.host.cache import alone_in, cache_dir, published
from bootharness.host.kept import adopt, intact, kept_file, was_kept
from bootharness.host.tool import DEBIAN_KEYRING, Tool
from bootharness.kernels.debian_archive import DPKG_DEB, extract_modules, extract_vmlinuz
from bootharness.kernels.image import KernelImage

__all__ = ["DEB_TOOLS", "DebPackage", "matching", "modules", "vmlinuz"]

_APT_GET, _APT_CACHE = Tool("apt-get", "apt"), Tool("apt-cache", "apt")
DEB_TOOLS = (_APT_GET, _APT_CACHE, DPKG_DEB, DEBIAN_KEYRING)
"""What finds, downloads and unpacks a package, and knows Debian's keys."""

_GRAMMAR = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]+)(:(?P<arch>[a-z0-9]+))?"
    r"(=(?P<version>[A-Za-z0-9.+:~-]+))?(/(?P<suite>[a-z0-9-]+))?"
)
_ARCHITECTURES = ("amd64", "i386")
_SUITES = (
    "bookworm",
    "bookworm-security",
    "bookworm-backports",
    "trixie",
    "trixie-security",
    "trixie-backports",
    "forky",
    "sid",
    "experimental",
)
_MIRROR = "http://deb.debian.org/debian"
_SYSTEM_LISTS = Path("/var/lib/apt/lists")
_LISTS_AGE_S = 24 * 3600
_APT_S = 600
# debugging symbols, and what waits to be signed
_NO_KERNELS = ("-dbg", "-dbgsym", "-unsigned", "-template")
_NEXT = re.compile(r"linux-(?:image|binary)-[^\s,|]+")
_MODULES = re.compile(r"linux-modules-[^\s,|]+")


class DebPackage(Struct, frozen=True):
    """A package as people name it: ``NAME[:ARCH][=VERSION][/SUITE]``."""

    name: str
    arch: str = "amd64"
    version: str | None = None
    suite: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a package's name. Raises UsageError with the grammar."""
        found = _GRAMMAR.fullmatch(text)
        if not found:
            raise UsageError(
                f"deb:{text}: write deb:PACKAGE[:ARCH][=VERSION][/SUITE], for example "
                "deb:linux-image-cloud-amd64/bookworm"
            )
        parts = found.groupdict()
        if parts["arch"] not in (None, *_ARCHITECTURES):
            raise UsageError(f"deb:{text}: a PC boots amd64 or i386, not {parts['arch']}")
        return cls(parts["name"], parts["arch"] or "amd64", parts["version"], parts["suite"])

    def __str__(self) -> str:
        arch = "" if self.arch == "amd64" else f":{self.arch}"
        version = f"={self.version}" if self.version else ""
        return f"{self.name}{arch}{version}{f'/{self.suite}' if self.suite else ''}"


class _Listed(Struct, frozen=True):
    """A package as a list has it."""

    name: str
    version: str
    sha256: str
    depends: str


def matching(pattern: str) -> list[str]:
    """Return the names of all packages that fit a pattern, as ``NAME[:ARCH][/SUITE]``.

    ``*``, ``?`` and ``[...]`` in the name stand for what they do in a file's. Without a suite
    every suite is looked through. Raises UsageError where nothing fits, and KernelUnavailable
    without package lists.
    """
    name = re.match(r"[^:/=]+", pattern)
    suffix = pattern[name.end() :] if name else ""
    if not name or "=" in suffix:
        raise UsageError(f"deb:{pattern}: write deb:PATTERN[:ARCH][/SUITE], without a version")
    package = DebPackage.parse(f"package{suffix}")
    listed = _apt(_own_lists(package), "apt-cache", "pkgnames").stdout.split()
    found = [each for each in fnmatch.filter(listed, name[0]) if not each.endswith(_NO_KERNELS)]
    if not found:
        raise UsageError(f"deb:{pattern}: no package has such a name; quote it from the shell")
    return [f"{each}{suffix}" for each in found]


def vmlinuz(package: DebPackage) -> Path:
    """Return the path of a package's kernel, from the cache or downloaded now.

    A package without a kernel of its own stands for the one it depends on. What a name
    stood for is remembered until the package lists are newer, and used without them where
    there is no network.

    Raises KernelUnavailable when no list has the package, or when it is listed and cannot
    be downloaded.
    """
    known = cache_dir("kernels", "named") / str(package).replace("/", "@")
    usable = _usable(known.resolve())
    if usable and (package.version or _newer_than_lists(known, package)):
        return known.resolve()
    try:
        kept = _found(package)
    except KernelUnavailable:
        if usable:
            return known.resolve()
        raise
    with published(known) as made:
        made.unlink()
        made.symlink_to(kept)
    return kept


def _usable(kept: Path) -> bool:
    """Return whether a kernel is in the cache, undamaged."""
    if intact(kept):
        return True
    if not kept.is_file() or was_kept(kept):
        return False
    try:  # it was put there when nobody wrote down a digest
        whole = not KernelImage.read(kept).missing_bytes
    except KernelUnavailable:
        return False
    if whole:
        adopt(kept)
    return whole


def modules(package: DebPackage) -> Path:
    """Return a tar file with the modules of a package's kernel, from the cache or downloaded now.

    Raises KernelUnavailable as `vmlinuz` does.
    """
    kept = cache_dir("modules") / f"{vmlinuz(package).name}.tar"
    if not intact(kept):
        lists, listed = _listed(package)
        if beside := _MODULES.search(listed.depends):
            # since 6.19 they are in a package of their own
            listed = _look_up(lists, DebPackage(beside[0], package.arch)) or listed
        with _downloaded(lists, package, listed) as file:
            kept_file(kept, partial(extract_modules, file, f"deb:{package}: {listed.name}"))
    return kept


def _found(package: DebPackage) -> Path:
    lists, listed = _listed(package)
    return _unpacked(lists, package, listed)


def _listed(package: DebPackage) -> tuple[Path | None, _Listed]:
    """Return the lists that have a package, None for the system's own, and what they say."""
    if package.suite is None and package.arch == "amd64":
        listed = _look_up(None, package)
        if listed is not None:
            return None, listed
    ours = _own_lists(package)
    listed = _look_up(ours, package)
    if listed is not None:
        return ours, listed
    raise KernelUnavailable(f"deb:{package}: {_why_not_found(ours, package)}")


def _why_not_found(lists: Path, package: DebPackage) -> str:
    """Say what of a package's name no list has; ``lists`` are our own, renewed every day."""
    has = f"{package.suite} has no" if package.suite else f"no suite of {', '.join(_SUITES)} has a"
    if package.version and (other := _look_up(lists, replace(package, version=None), depth=0)):
        return (
            f"{package.suite or 'Debian'} has {package.name} {other.version}, and not "
            f"{package.version}: leave out the version, or name a suite that has it behind a slash"
        )
    names = _apt(lists, "apt-cache", "pkgnames", "linux-").stdout.split()
    near = difflib.get_close_matches(package.name, names, 1)
    hint = f"did you mean {near[0]}?" if near else "`apt-cache search linux-image` lists them"
    return f"{has} package {package.name} for {package.arch}: {hint}"


def _newer_than_lists(known: Path, package: DebPackage) -> bool:
    at = known.lstat().st_mtime
    ours = _own_folder(package)
    if package.suite or package.arch != "amd64":
        return _fresh(ours) and at >= (ours / "updated").stat().st_mtime
    try:
        return at >= _SYSTEM_LISTS.stat().st_mtime
    except OSError:
        return False


def _unpacked(lists: Path | None, package: DebPackage, listed: _Listed) -> Path:
    kept = cache_dir("kernels") / f"{listed.sha256[:24]}-{listed.name}_{listed.version}"
    if not _usable(kept):
        with _downloaded(lists, package, listed) as file:
            kept_file(kept, partial(extract_vmlinuz, file, f"deb:{package}: {listed.name}"))
    return kept


@contextmanager
def _downloaded(lists: Path | None, package: DebPackage, listed: _Listed) -> Iterator[Path]:
    """Give the file of a package."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{listed.name}:{package.arch}={listed.version}"
        done = _apt(lists, "apt-get", "download", wanted, folder=Path(folder))
        files = list(Path(folder).glob("*.deb"))
        if done.returncode or not files:
            raise KernelUnavailable(
                f"deb:{package}: {listed.name} {listed.version} is listed but cannot be "
                f"downloaded: {_last_line(done.stderr)}"
            )
        yield files[0]


def _look_up(lists: Path | None, package: DebPackage, depth: int = 3) -> _Listed | None:
    wanted = f"{package.name}:{package.arch}{f'={package.version}' if package.version else ''}"
    shown = _apt(lists, "apt-cache", "show", "--no-all-versions", wanted)
    if shown.returncode or not shown.stdout.strip():
        return None
    fields = dict(re.findall(r"^([A-Z][\w-]+): (.*)$", shown.stdout, re.MULTILINE))
    if "SHA256" not in fields:
        return None  # installed, but in no list
    listed = _Listed(
        fields["Package"], fields["Version"], fields["SHA256"], fields.get("Depends", "")
    )
    following = _NEXT.search(listed.depends)
    if following and depth:
        return _look_up(lists, DebPackage(following[0], package.arch), depth - 1)
    return listed


def _own_folder(package: DebPackage) -> Path:
    return cache_dir("apt", f"{package.suite or 'all'}-{package.arch}")


def _own_lists(package: DebPackage) -> Path:
    """Return the folder of our own package lists, downloaded anew when they are old.

    Raises KernelUnavailable when there are none and none can be downloaded.
    """
    folder = _own_folder(package)
    if not _fresh(folder):
        with alone_in(folder, _APT_S):
            if not _fresh(folder):
                _renew(folder, package)
    return folder


def _renew(folder: Path, package: DebPackage) -> None:
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    mirror, security = _mirrors()
    suites = (package.suite,) if package.suite else _SUITES
    (folder / "sources.list").write_text(
        "".join(
            f"deb [signed-by={DEBIAN_KEYRING.name}] "
            f"{security if suite.endswith('-security') else mirror} {suite} main\n"
            for suite in suites
        )
    )
    (folder / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
        'Dir::Etc::sourceparts "-";\n'
        f'Dir::State "{folder}";\n'
        f'Dir::State::lists "{folder}/lists";\n'
        f'Dir::State::status "{folder}/status";\n'
        f'Dir::Cache "{folder}/cache";\n'
        f'APT::Architecture "{package.arch}";\n'
        f'APT::Architectures {{ "{package.arch}"; }};\n'
        'Acquire::Languages "none";\n'
        'Acquire::Check-Valid-Until "false";\n'
    )
    if not DEBIAN_KEYRING.here:  # apt says "is not signed", and means that it cannot tell
        raise KernelUnavailable(f"deb:{package}: {DEBIAN_KEYRING.missing()}")
    done = _apt(folder, "apt-get", "update")
    if any((folder / "lists").glob("*Packages*")):
        (folder / "updated").touch()  # of several suites one may have failed
        return
    raise KernelUnavailable(
        f"deb:{package}: no package list can be had from {mirror}: {_last_line(done.stderr)}"
    )


def _fresh(folder: Path) -> bool:
    try:
        return time.time() - (folder / "updated").stat().st_mtime < _LISTS_AGE_S
    except OSError:
        return False


def _mirrors() -> tuple[str, str]:
    """Return the Debian mirror that the system uses and its one for security updates."""
    found = {"": _MIRROR, "-security": f"{_MIRROR}-security"}
    files = [*Path("/etc/apt").glob("**/*.list"), *Path("/etc/apt").glob("**/*.sources")]
    for file in files:
        for url, security in re.findall(
            r"^(?:URIs:|deb)\b.*?(https?://\S+?/debian(-security)?)/?(?:\s|$)",
            file.read_text(errors="replace"),
            re.MULTILINE,
        ):
            found[security] = url
    return found[""], found["-security"]


def _apt(
    lists: Path | None, *argv: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C"}
    if lists:
        environment["APT_CONFIG"] = str(lists / "apt.conf")
    try:
        return subprocess.run(
            [argv[0], "-o", "APT::Sandbox::User=root", *argv[1:]],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_APT_S,
            check=False,
        )
    except FileNotFoundError:
        raise ToolMissing(
            f"{argv[0]} is not installed: kernels out of deb: packages need a Debian-like system"
        ) from None
    except subprocess.TimeoutExpired:
        raise KernelUnavailable(f"{shlex.join(argv)} took longer than {_APT_S} s") from None


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
