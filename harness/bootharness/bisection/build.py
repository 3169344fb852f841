"""Builds: a tree, a configuration and a command become a kernel, once.

A kernel is found again by the content of all that it was built from. What the build said is
kept beside it.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Thread

from msgspec import Struct

from bootharness.bisection.build_log import keep_said, trim_logs, why_failed
from bootharness.bisection.git import environment
from bootharness.bisection.toolchain import Toolchain
from bootharness.errors import BuildFailed, DoesNotBuild, ToolMissing, UsageError
from bootharness.host.cache import alone_in, cache_dir
from bootharness.host.kept import intact, kept_file, kept_folder, was_kept
from bootharness.host.workspace import Workspace

__all__ = ["Build", "BuildObserver"]

_SAID_S = 5.0
"""How long what the command has left behind may go on writing to the log."""
_PARALLEL = re.compile(r"(^|\s)(-\w*j|--jobs\b)")
_ELSEWHERE = re.compile(r"\$(O\b|\{O\})")
_CCACHE = re.compile(r"\bccache\b")
# what of the environment a kernel's build heeds (kbuild.rst, llvm.rst)
_HEEDED = re.compile(
    r"ARCH|CROSS_COMPILE|(HOST)?(CC|CXX|LD|AS|AR)|(K|USER|HOST)?(A|C|CPP|CXX|LD|RUST)FLAGS|"
    r"LLVM(_IAS)?|LOCALVERSION|KBUILD_.*|SOURCE_DATE_EPOCH"
)


class BuildObserver:
    """Who is told how builds go; by itself it does nothing with that."""

    def building(self, name: str, log: Path) -> None:
        """Take note that a build begins, which writes to this log."""

    def built(self, name: str, seconds: float, failure: str) -> None:
        """Take note that it is over; without a failure there is a kernel."""


class Build(Struct, frozen=True):
    """How a tree becomes a kernel.

    ``command`` is for a shell, in the tree, and ``image`` is what it makes, in the tree or
    in ``$O``, a folder of the build's own. ``config`` is put there, as ``.config``, first. A
    ``folder`` of boot files may be in the tree already, with nothing to build.
    """

    command: str
    image: str
    toolchain: Toolchain
    config: Path | None = None
    limit_s: float = 3600.0
    folder: bool = False

    def __post_init__(self) -> None:
        if not self.command.strip() and not self.folder:
            raise UsageError("--build: it is empty, so that nothing would be built")
        for option, text in (("--build", self.command), ("--image", self.image)):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise UsageError(f"{option} {text!a}: it is not UTF-8") from error
        # what is there before a build is removed, so it must be of the build
        image = Path(self.image)
        if image.is_absolute() or ".." in image.parts or not (image.name or self.folder):
            raise UsageError(f"--image {self.image}: give a path inside of the tree")

    @property
    def parallel(self) -> bool:
        """Whether the command does several things at once itself, as `make -j` does."""
        return _PARALLEL.search(self.command) is not None

    @property
    def elsewhere(self) -> bool:
        """Whether the command speaks of ``$O``, so that the tree need not be written to."""
        return _ELSEWHERE.search(self.command) is not None

    @property
    def by(self) -> str:
        """What builds, for people: the toolchain, and ccache where that is between; empty where
        nothing does."""
        if not self.command.strip():
            return ""
        words = [self.command]
        if self.toolchain.name == "host":  # others have nothing of ours
            words += [value for name, value in os.environ.items() if _HEEDED.fullmatch(name)]
            words += [
                Path(each).resolve().name for each in map(shutil.which, ("cc", "gcc")) if each
            ]
        cached = any(_CCACHE.search(each) for each in words)
        try:
            called = self.toolchain.called
        except ToolMissing:  # of which each build has told
            called = self.toolchain.name
        return f"{called}{', by way of ccache' if cached else ''}"

    def kept(self, tree: str) -> Path:
        """Return where the kernel of a tree is kept, given the digest of its content; it need
        not be there."""
        return self._folder(tree) / "kernel"

    def built(self, tree: str) -> Path | None:
        """Return the kernel of a tree if it is there, undamaged."""
        kept = self.kept(tree)
        there = kept.is_dir() if self.folder else kept.is_file()
        return kept if there and (intact(kept) or not was_kept(kept)) else None

    def _folder(self, tree: str) -> Path:
        config = self.config.read_bytes() if self.config else b""
        parts = (
            tree,
            self.command,
            self.image,
            self.toolchain.identity,
            sha256(config).hexdigest(),
            *(f"{name}={value}" for name, value in sorted(os.environ.items())
              if _HEEDED.fullmatch(name)),
        )  # fmt: skip
        return cache_dir("builds", sha256("\0".join(parts).encode()).hexdigest()[:24])

    def make(
        self, tree: str, folder: Path, objects: Path, workspace: Workspace, name: str = "",
        observer: BuildObserver | None = None,
    ) -> Path:  # fmt: skip
        """Return the kernel of the tree in a folder, built now if it is not there.

        ``objects`` is the folder of the build's own, and ``name`` is what the tree is called.
        What runs ends with the workspace. Raises BuildFailed, naming the log, when there is no
        kernel in the end: DoesNotBuild where that is the tree's fault.
        """
        kept, log = self.kept(tree), self._folder(tree) / "log"
        places = (objects / self.image, folder / self.image)
        with alone_in(self._folder(tree), self.limit_s):
            if self.built(tree):
                return kept
            if not self.folder:
                _clear(places)
            if self.config:
                # a kernel's tree that is built elsewhere must have none of its own
                place = objects if self.elsewhere else folder
                given = objects.parent / f"{place.name}.config"
                _give(self.config.read_bytes(), place / ".config", given)
            if self.command.strip():
                self._run_told(folder, objects, log, workspace, name, observer or BuildObserver())
            self._keep(kept, [place for place in places if place.exists()], log)
        return kept

    def _keep(self, kept: Path, made: list[Path], log: Path) -> None:
        """Keep what was made. Raises BuildFailed where that is not what was to be made."""
        if self.folder:
            there = next((place for place in made if place.is_dir() and any(place.iterdir())), None)
            if there is None:
                what = "the build made" if self.command.strip() else "the tree has"
                raise DoesNotBuild(f"{what} no folder {self.image} with boot files in it")
            kept_folder(kept, partial(_copy_folder, there))
            return
        if not made:
            raise DoesNotBuild(f"the build went well and made no {self.image}; see {log}")
        if not made[0].is_file():
            if made[0].is_dir():
                shutil.rmtree(made[0])  # or no other build could put its kernel there
            raise BuildFailed(f"what the build made is no file: {self.image}; see {log}")
        kept_file(kept, partial(shutil.copyfile, made[0]))

    def _run_told(
        self, folder: Path, objects: Path, log: Path, workspace: Workspace, name: str,
        observer: BuildObserver,
    ) -> None:  # fmt: skip
        """Run the command, and tell the observer of it."""
        observer.building(name, log)
        began, failure = time.monotonic(), ""
        try:
            self._run(folder, objects, log, workspace)
        except BuildFailed as error:
            failure = str(error)
            raise
        finally:
            observer.built(name, time.monotonic() - began, failure)

    def _run(self, folder: Path, objects: Path, log: Path, workspace: Workspace) -> None:
        writable = [objects] if self.elsewhere else [folder, objects]
        argv = self.toolchain.argv(self.command, folder, *writable)
        trim_logs(log.parent.parent)
        said, says = os.pipe()
        try:
            process = subprocess.Popen(
                argv,
                cwd=folder,
                env=environment(O=str(objects)),
                stdin=subprocess.PIPE if self.toolchain.needs_input else subprocess.DEVNULL,
                stdout=says,
                stderr=says,
                process_group=workspace.process_group,
            )
        except OSError as error:
            os.close(said)
            raise BuildFailed(f"{argv[0]} cannot be run: {error.strerror}") from error
        finally:
            os.close(says)
        keeper = Thread(target=keep_said, args=(os.fdopen(said, "rb", buffering=0), log))
        keeper.daemon = True
        keeper.start()
        with process:
            try:
                status = process.wait(self.limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                what = f"not built within {self.limit_s:,.0f} s"
                raise BuildFailed(f"{what}; see {log}") from None
        keeper.join(_SAID_S)
        if status:
            raise DoesNotBuild(f"exit status {status}: {why_failed(log)}; see {log}")


def _clear(places: Iterable[Path]) -> None:
    """Remove what an earlier build has made: it is no proof of anything."""
    for place in places:
        if place.is_dir():
            raise BuildFailed(f"{place}: a folder, where the build is to make a kernel")
        place.unlink(missing_ok=True)


def _copy_folder(source: Path, target: Path) -> None:
    """Copy boot files, with links as they are, and without what git has in their folder."""
    shutil.copytree(
        source, target, symlinks=True, ignore=shutil.ignore_patterns(".git"), dirs_exist_ok=True
    )


def _give(config: bytes, place: Path, given: Path) -> None:
    """Put a configuration where a build looks for it; ``given`` keeps what was put there last.

    Where that was the same its time stays: a kernel's tree would ask Kconfig about it once more
    before it builds anything. Kconfig may have added to it since.
    """
    same = place.is_file() and given.is_file() and given.read_bytes() == config
    before = place.stat() if same else None
    if before is None or place.read_bytes() != config:
        given.unlink(missing_ok=True)  # until it is there
        place.write_bytes(config)
        if before:
            os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    given.write_bytes(config)
