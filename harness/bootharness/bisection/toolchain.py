"""Toolchains: where a build command runs, as the words that are put before it.

host             as it is
NAME             a Debian of its own that `bootharness toolchain add NAME` has made, entered by
                 bubblewrap: without network, and with nothing writable but what is built
podman:IMAGE     a container, likewise docker:IMAGE
nix:PACKAGES     nix-shell with these packages, comma-separated
"""

import os
import re
import shlex
import shutil
import subprocess
from functools import cache
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from bootharness.errors import LaunchFailed, ToolMissing, UsageError
from bootharness.host.cache import alone_in, cache_dir
from bootharness.host.tool import DEBIAN_KEYRING, Tool

__all__ = ["TOOLCHAIN_TOOLS", "Toolchain", "add_toolchain", "toolchain", "toolchains"]


_NAME = re.compile(r"(gcc|clang)-\d+")
_CONTAINERS = ("podman", "docker")
# A container outlives the client that started it, unless it sees its standard input end. The
# shell is the container's init, which `kill -1` spares; it ends when its command does.
_UNTIL_INPUT_ENDS = (
    'exec 3<&0 </dev/null; (read -r _ <&3; kill -KILL -1) & exec 3<&-; sh -c "$1"; exit $?'
)
_IDENTIFY_S = 60
_MAKE_S = 1800
_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# what the Linux kernel's own build asks for
_BUILD_PACKAGES = (
    "make", "binutils", "libc6-dev", "bc", "bison", "flex", "kmod", "cpio", "libelf-dev",
    "libssl-dev", "perl", "python3-minimal", "rsync", "xz-utils", "lz4", "zstd", "bzip2",
)  # fmt: skip
TOOLCHAIN_TOOLS = (
    Tool("mmdebstrap", "mmdebstrap"), Tool("bwrap", "bubblewrap"), DEBIAN_KEYRING,
)  # fmt: skip
"""What makes a toolchain, and what runs one."""


class Toolchain(Struct, frozen=True):
    """Where builds run. ``root`` is the folder of a Debian of its own."""

    name: str
    root: Path | None = None

    def argv(self, command: str, folder: Path, *writable: Path) -> list[str]:
        """Return what runs a shell command in a folder; only ``writable`` ones are written to."""
        kind, _, what = self.name.partition(":")
        shell = ["sh", "-c", command]
        if self.root:
            binds = [word for path in writable for word in ("--bind", str(path), str(path))]
            return [
                "bwrap", "--ro-bind", str(self.root), "/", "--tmpfs", "/tmp", "--tmpfs", "/root",
                "--dev", "/dev", "--proc", "/proc", "--ro-bind", str(folder), str(folder), *binds,
                "--unshare-net", "--die-with-parent", "--chdir", str(folder),
                "--setenv", "PATH", _PATH, "--setenv", "HOME", "/root", *shell,
            ]  # fmt: skip
        if kind in _CONTAINERS:
            mounts = [f"--volume={folder}:{folder}:ro"] if folder not in writable else []
            mounts += [f"--volume={path}:{path}" for path in writable]
            # in podman's container root is who has started it, docker's is everybody's root
            user = [f"--user={os.getuid()}:{os.getgid()}"] if kind == "docker" else []
            return [kind, "run", "--rm", "--interactive", "--network=none", *user, *mounts,
                    "--security-opt=label=disable", f"--workdir={folder}", "--env=O",
                    what, "sh", "-c", _UNTIL_INPUT_ENDS, "sh", command]  # fmt: skip
        if kind == "nix":
            return ["nix-shell", "-p", *what.split(","), "--run", shlex.join(shell)]
        return shell

    @property
    def needs_input(self) -> bool:
        """Whether what runs ends with its standard input, which is to stay open until then."""
        return self.name.partition(":")[0] in _CONTAINERS

    @property
    def called(self) -> str:
        """What it is, for people: of the host its compiler, with its version.

        Raises ToolMissing when it is not here.
        """
        if self.name == "host":
            return self.identity.removeprefix("host ")
        return self.name

    @property
    def identity(self) -> str:
        """What tells its builds from those of another toolchain, or of itself when it changes.

        Raises ToolMissing when it is not here.
        """
        return _identity(self)


@cache
def _identity(of: Toolchain) -> str:
    kind, _, what = of.name.partition(":")
    if of.root:
        packages = (of.root / "var/lib/dpkg/status").read_bytes()
        return f"{of.name} {sha256(packages).hexdigest()[:20]}"
    if kind in _CONTAINERS:
        return f"{kind} {_said(kind, 'image', 'inspect', '--format', '{{.Id}}', what)}"
    if kind == "nix":
        # a channel is a link into the store, where a path has its content's digest
        nixpkgs = Path(_said("nix-instantiate", "--find-file", "nixpkgs")).resolve()
        return f"nix {what} {nixpkgs}"
    compiler = shutil.which("cc") or shutil.which("gcc")
    return f"host {_said(compiler, '--version')}" if compiler else "host without a compiler"


def toolchain(name: str) -> Toolchain:
    """Return a toolchain by its name. Raises UsageError for one that is not known."""
    kind, colon, what = name.partition(":")
    if name == "host":
        return Toolchain(name)
    if colon and what and kind in (*_CONTAINERS, "nix"):
        return Toolchain(name)
    root = _roots() / name
    if _NAME.fullmatch(name) and (root / "made").exists():
        return Toolchain(name, root / "root")
    raise UsageError(
        f"toolchain {name}: not known; it is host, podman:IMAGE, docker:IMAGE, nix:PACKAGES, or "
        f"one that `bootharness toolchain add {name if _NAME.fullmatch(name) else 'gcc-10'} "
        "--suite SUITE` has made"
    )


def toolchains() -> list[Toolchain]:
    """Return the toolchains that have been made here, and the host's."""
    made = sorted(path.parent for path in _roots().glob("*/made"))
    return [Toolchain("host"), *(Toolchain(path.name, path / "root") for path in made)]


def add_toolchain(name: str, suite: str) -> Toolchain:
    """Make a Debian of its own with a compiler and what the Linux kernel needs to be built.

    It lies in the cache. Raises UsageError for a name that is no compiler, ToolMissing
    without mmdebstrap or bubblewrap, LaunchFailed when it cannot be made.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"toolchain {name}: name a compiler of Debian, such as gcc-10 or clang-16")
    for tool in TOOLCHAIN_TOOLS:
        tool.check()
    folder = _roots() / name
    folder.mkdir(exist_ok=True)
    with alone_in(folder, _MAKE_S):
        if (folder / "made").exists():
            raise UsageError(f"toolchain {name} is there already, in {folder}")
        _make(folder, name, suite)
    return toolchain(name)


def _make(folder: Path, name: str, suite: str) -> None:
    root, log = folder / "root", folder / "log"
    shutil.rmtree(root, ignore_errors=True)
    links = [f'ln -sf /usr/bin/{name} "$1/usr/local/bin/{link}"' for link in _links(name)]
    words = [
        "mmdebstrap", "--variant=essential", f"--include={','.join((name, *_BUILD_PACKAGES))}",
        f"--keyring={DEBIAN_KEYRING.name}", "--aptopt=Acquire::Check-Valid-Until \"false\"",
        "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
        *(f"--customize-hook={link}" for link in links), suite, str(root),
    ]  # fmt: skip
    try:
        with log.open("wb") as said:
            done = subprocess.run(
                words, stdout=said, stderr=said, stdin=subprocess.DEVNULL, timeout=_MAKE_S,
                check=False,
            )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LaunchFailed(f"toolchain {name}: not made within {_MAKE_S} s; see {log}") from None
    if done.returncode:
        lines = log.read_text(errors="replace").splitlines() or ["nothing was said"]
        # the last one is that mmdebstrap has failed
        why = next((line for line in lines if line.startswith("E: ")), lines[-1])
        raise LaunchFailed(f"toolchain {name} of {suite} cannot be made: {why}; see {log}")
    (folder / "made").write_text(f"{suite}\n")


def _links(name: str) -> tuple[str, ...]:
    return ("gcc", "cc") if name.startswith("gcc") else ("clang", "cc")


def _roots() -> Path:
    return cache_dir("toolchains")


def _said(*argv: str) -> str:
    """Return the first line that a program says. Raises ToolMissing when it cannot be run."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=_IDENTIFY_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolMissing(f"{argv[0]} is not here, or does not answer: {error}") from error
    if done.returncode:
        raise ToolMissing(f"{shlex.join(argv)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.partition("\n")[0]
