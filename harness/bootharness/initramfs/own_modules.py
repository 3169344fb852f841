"""Modules of a person's own in front of those of a kernel."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from bootharness.errors import UsageError
from bootharness.initramfs.host_file import host_file
from bootharness.initramfs.modules import (
    ALIAS,
    BUILTIN,
    DEP,
    SOFT,
    Modules,
    ModuleSource,
    depends_of,
    lists_for,
    module_name,
    said_by,
)

__all__ = ["with_own"]

_FOLDER = "updates"
"""Where depmod takes modules from before all others."""


def with_own(modules: Modules, files: Mapping[str, Path]) -> Modules:
    """Return a kernel's modules with files of a person's own, by their names in the kernel, in the
    place of those of the same name."""
    return Modules(_Beside(modules.source, files), modules.release) if files else modules


class _Beside:
    """Where the files of both are."""

    def __init__(self, source: ModuleSource, files: Mapping[str, Path]) -> None:
        self.name = source.name
        self._source = source
        self._own = {f"{_FOLDER}/{name}.ko": path for name, path in files.items()}

    def place(self, path: str) -> str:
        """Return where a file is, for people."""
        return str(self._own[path]) if path in self._own else self._source.place(path)

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where there is none."""
        if path in self._own:
            return host_file(self._own[path])
        data = self._source.read(path)
        if path not in (DEP, SOFT, ALIAS) or data is None:
            return data
        lines = data.splitlines(keepends=True)
        if path == DEP:
            lines = [each for each in lines if self._is_not_own(each.partition(b":")[0].decode())]
        return b"".join(lines) + lists_for(self, self._own, self._paths())[path]

    def modules(self) -> Iterable[str]:
        """Return the paths of the modules."""
        return [*self._own, *filter(self._is_not_own, self._source.modules())]

    def _is_not_own(self, path: str) -> bool:
        return f"{_FOLDER}/{module_name(path)}.ko" not in self._own

    def _paths(self) -> dict[str, str]:
        """Return where all modules are. Raises UsageError where one of the person's own needs one
        that there is not."""
        there = {module_name(path): path for path in (*self._listed(DEP), *self._own)}
        built_in = set(map(module_name, self._listed(BUILTIN)))
        for path in self._own:
            for needed in depends_of(said_by(self, path)):
                if needed not in there and needed not in built_in:
                    raise UsageError(
                        f"{self.place(path)}: it needs {needed}, and {self.name} has no such module"
                    )
        return there

    def _listed(self, name: str) -> list[str]:
        """Return the paths that one of the kernel's lists has."""
        lines = (self._source.read(name) or b"").decode(errors="replace").splitlines()
        return [line.partition(":")[0] for line in lines]
