"""A kernel's source tree: configurations closed by its own Kconfig, and their kernels.

The tree is only read: `conf` is built, and kernels are, in a folder of the harness's own in the
cache. There is one such folder, so that one build follows the other, each no longer than what its
configuration changes.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from threading import Lock

from msgspec.structs import replace

from bootharness.bisection.build import Build, BuildObserver
from bootharness.bisection.build_log import why_failed
from bootharness.bisection.git import environment
from bootharness.bisection.kconfig import Config, Declared, config_text, declared, read_config
from bootharness.bisection.tree import check_elsewhere, digest_of_tree
from bootharness.errors import BuildFailed, UsageError
from bootharness.host.cache import alone_in, cache_dir
from bootharness.host.closing import Closing
from bootharness.host.kept import intact, kept_file
from bootharness.host.tool import Tool
from bootharness.host.workspace import Workspace

__all__ = ["KCONFIG_TOOLS", "KernelTree"]

_MAKE = Tool("make", "make")
KCONFIG_TOOLS = (
    _MAKE, Tool("gcc", "gcc"), Tool("flex", "flex"), Tool("bison", "bison"),
)  # fmt: skip
"""What builds a kernel's own Kconfig."""

_CLOSE_S = 600
# what a build command says to make and Kconfig asks the compiler about
_SAID_TO_MAKE = re.compile(r"(SUB)?ARCH|CROSS_COMPILE|LLVM(_IAS)?|(HOST)?(CC|CXX|LD)|AR|NM|RUSTC|"
                           r"PAHOLE|KCONFIG_\w+")  # fmt: skip


class KernelTree(Closing):
    """A tree with a Kconfig; use as a context manager.

    Raises UsageError for a tree that has none, and for a build that would write into it.
    """

    def __init__(self, folder: Path, build: Build, observer: BuildObserver | None = None) -> None:
        self.folder, self.build, self._observer = folder.resolve(), build, observer
        check_elsewhere(self.folder, build)
        if not (self.folder / "Kconfig").is_file() or not (self.folder / "Makefile").is_file():
            raise UsageError(f"{folder}: there is no Kconfig and Makefile in it; give --tree the "
                             "source of a kernel")  # fmt: skip
        self._workspace = Workspace()
        self._alone = Lock()
        self._known: dict[str, dict[str, str]] = {}

    @cached_property
    def digest(self) -> str:
        """The digest of all that is in the tree."""
        return digest_of_tree(self.folder)

    @cached_property
    def declared(self) -> Mapping[str, Declared]:
        """What the tree's Kconfig files say of each symbol."""
        return declared(self.folder)

    def closed(self, config: Config) -> dict[str, str]:
        """Return a configuration as Kconfig completes it: what it depends on, and what is new.

        Raises BuildFailed, naming the log, when the tree's `make olddefconfig` fails.
        """
        text = config_text(config)
        name = self._named("\0".join(("closed", *self._variables, text)))
        if name not in self._known:
            place = cache_dir("configs")
            kept = place / f"{name}.config"
            if not intact(kept):
                kept_file(kept, partial(self._make_closed, text))
            self._known[name] = read_config(kept)
        return self._known[name]

    def built(self, config: Config) -> Path | None:
        """Return the kernel of a closed configuration that has been built already."""
        return self._build_of(config).built(self.digest)

    def make(self, config: Config, name: str) -> Path:
        """Return the kernel of a closed configuration, which people call so, built if need be.

        Raises BuildFailed.
        """
        build = self._build_of(config)
        with self._objects() as objects:
            return build.make(self.digest, self.folder, objects, self._workspace, name,
                              self._observer)  # fmt: skip

    def _build_of(self, config: Config) -> Build:
        text = config_text(config)
        kept = cache_dir("configs") / f"{self._named(text)}.config"
        kept_file(kept, lambda path: _write(path, text))
        return replace(self.build, config=kept)

    def _named(self, text: str) -> str:
        parts = (self.digest, self.build.toolchain.identity, text)
        return sha256("\0".join(parts).encode()).hexdigest()[:32]

    @cached_property
    def _variables(self) -> tuple[str, ...]:
        """What the build command says to make that Kconfig has to know as well."""
        try:
            words = shlex.split(self.build.command)
        except ValueError:
            return ()
        return tuple(
            word for word in words if _SAID_TO_MAKE.fullmatch(word.partition("=")[0])
            and "=" in word and "$" not in word
        )  # fmt: skip

    def _make_closed(self, text: str, path: Path) -> None:
        with self._objects() as objects:
            config, log = objects / "to-close.config", objects.parent / "close.log"
            config.write_text(text)
            words = ["make", *self._variables, f"O={objects}", f"KCONFIG_CONFIG={config}"]
            command = shlex.join([*words, "olddefconfig"])
            toolchain = self.build.toolchain
            argv = toolchain.argv(command, self.folder, objects)
            with log.open("wb") as said:
                try:
                    status = subprocess.run(
                        argv, cwd=self.folder, env=environment(O=str(objects)),
                        stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=_CLOSE_S,
                        process_group=self._workspace.process_group, check=False,
                    ).returncode  # fmt: skip
                except FileNotFoundError:
                    raise _MAKE.missing() from None
                except subprocess.TimeoutExpired:
                    raise BuildFailed(
                        f"{self.folder}: make olddefconfig took longer than {_CLOSE_S} s; see {log}"
                    ) from None
            if status:
                raise BuildFailed(
                    f"{self.folder}: make olddefconfig, which completes a configuration, failed: "
                    f"{why_failed(log)}; see {log}"
                )
            _write(path, config_text(read_config(config)))

    @contextmanager
    def _objects(self) -> Iterator[Path]:
        """Give the folder for what is made of this tree, nobody else being in it."""
        name = sha256(f"{self.folder} {self.build.toolchain.name}".encode()).hexdigest()[:20]
        place = cache_dir("objects", f"config-{name}")
        objects = place / "objects"
        objects.mkdir(exist_ok=True)
        with self._alone, alone_in(place, self.build.limit_s):
            yield objects

    def close(self) -> None:
        """Give back whatever is held."""
        self._workspace.close()


def _write(path: Path, text: str) -> None:
    path.write_text(text)
