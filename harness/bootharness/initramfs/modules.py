"""The modules of a kernel, as depmod lists them: modules.dep(5), modprobe.d(5)."""

import fnmatch
import lzma
import re
import subprocess
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from bootharness.errors import FormatError, UsageError
from bootharness.formats.modinfo import modinfo
from bootharness.host.tool import Tool

__all__ = [
    "ALIAS",
    "BUILTIN",
    "DEP",
    "SOFT",
    "Folder",
    "ModuleSource",
    "Modules",
    "depends_of",
    "lists_for",
    "lists_of",
    "module_name",
    "said_by",
]

_ZSTD = Tool("zstd", "zstd")
_UNPACK_S = 60
_MOST_BYTES = 1 << 28
DEP, SOFT, ALIAS = "modules.dep", "modules.softdep", "modules.alias"
BUILTIN, _BUILTIN_SAID = "modules.builtin", "modules.builtin.modinfo"
_DECOMPRESSORS: dict[bytes, Callable[[], Any]] = {
    b"\xfd7zXZ": lzma.LZMADecompressor, b"\x1f\x8b": partial(zlib.decompressobj, 31)
}  # fmt: skip
_SUFFIX = re.compile(r"\.ko(\.gz|\.xz|\.zst)?$")


class ModuleSource(Protocol):
    """Where the files of /lib/modules/RELEASE are; ``name`` is for people."""

    name: str

    def place(self, path: str) -> str:
        """Return where a file is, for people."""

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where there is none."""

    def modules(self) -> Iterable[str]:
        """Return the paths of the modules."""


class Folder:
    """A folder of modules on the host."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def place(self, path: str) -> str:
        """Return where a file is, for people."""
        return str(self._folder / path)

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where there is none."""
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"{self._folder / path}: {error.strerror}") from error

    def modules(self) -> Iterable[str]:
        """Return the paths of the modules."""
        found = (str(path.relative_to(self._folder)) for path in self._folder.rglob("*.ko*"))
        return sorted(path for path in found if _SUFFIX.search(path))


class Modules:
    """The modules of one kernel, whose ``release`` each has to be made for."""

    def __init__(self, source: ModuleSource, release: str) -> None:
        self.source = source
        self.release = release

    def closure(self, names: Iterable[str]) -> list[str]:
        """Return the paths of modules and of all that they need, in the order of loading. Raises
        UsageError for one that there is not."""
        order: dict[str, None] = {}
        for name in names:
            found = self._resolve(name)
            if not found:
                raise UsageError(f"{self.source.name} has no module {name}{self._near(name)}")
            for each in found:
                self._visit(each, order, set())
        return list(order)

    def has(self, name: str) -> bool:
        """Return whether the kernel has what a name or an alias stands for, built in or not."""
        return bool(self._resolve(name))

    def content(self, path: str) -> bytes:
        """Return a module, unpacked. Raises UsageError where it is damaged, or for another
        kernel."""
        data = self.source.read(path)
        if data is None:
            raise UsageError(f"{self.source.name}: {path} is in its lists, and is not there")
        name = self.source.place(path)
        data = unpacked(data, name)
        said = dict(_said(data, name))
        made_for = said.get("vermagic", "").partition(" ")[0]
        if self.release and made_for and made_for != self.release:
            raise UsageError(f"{name}: a module of {made_for}, and the kernel is {self.release}")
        return data

    def _visit(self, name: str, order: dict[str, None], within: set[str]) -> None:
        path = self._paths.get(name)
        if path is None or path in order or name in within:
            return  # built in, there already, or a soft dependency that leads back
        within = within | {name}
        for soft in self._soft.get(name, ()):
            for each in self._resolve(soft):
                self._visit(each, order, within)
        for needed in reversed(self._needs[path]):
            self._visit(module_name(needed), order, within)
        order[path] = None

    def _resolve(self, name: str) -> list[str]:
        """Return the modules that a name or an alias stands for; none of them are in files where
        they are built in."""
        plain = module_name(name)
        if plain in self._paths or plain in self._builtin:
            return [plain]
        exact, patterns = self._aliases
        if name in exact:
            return exact[name]
        # only what names a device, as pci:v00008086..., has aliases that are patterns
        if ":" not in name:
            return []
        kind = name.partition(":")[0]
        return [
            module for alias, module in patterns
            if alias.startswith(kind) and fnmatch.fnmatchcase(name, alias)
        ]  # fmt: skip

    def _near(self, name: str) -> str:
        import difflib  # for a mistake alone

        near = difflib.get_close_matches(module_name(name), self._paths, 1)
        return f": did you mean {near[0]}?" if near else ""

    @cached_property
    def _paths(self) -> dict[str, str]:
        return {module_name(path): path for path in self._needs}

    @cached_property
    def _needs(self) -> dict[str, list[str]]:
        needs = {}
        for line in self._list(DEP) or ():
            path, _, rest = line.partition(":")
            needs[path] = rest.split()
        return needs

    @cached_property
    def _builtin(self) -> frozenset[str]:
        return frozenset(map(module_name, self._list(BUILTIN) or ()))

    @cached_property
    def _soft(self) -> dict[str, list[str]]:
        soft: dict[str, list[str]] = {}
        for line in self._list(SOFT) or ():
            words = line.split()
            if words[:1] == ["softdep"] and len(words) > 1:
                named = [each for each in words[2:] if each not in ("pre:", "post:")]
                soft.setdefault(module_name(words[1]), []).extend(named)
        return soft

    @cached_property
    def _aliases(self) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
        exact: dict[str, list[str]] = {}
        patterns = []
        for line in self._list(ALIAS) or ():
            words = line.split()
            if words[:1] != ["alias"] or len(words) != 3:
                continue
            _, alias, module = words
            if "*" in alias or "?" in alias or "[" in alias:
                patterns.append((alias, module_name(module)))
            else:
                exact.setdefault(alias, []).append(module_name(module))
        for said in "\n".join(self._list(_BUILTIN_SAID) or ()).split("\0"):
            module, _, alias = said.partition(".alias=")
            if alias:
                exact.setdefault(alias, []).append(module_name(module))
        return exact, patterns

    def _list(self, name: str) -> list[str] | None:
        data = self._told.get(name) if self._told else self.source.read(name)
        return None if data is None else data.decode(errors="replace").splitlines()

    @cached_property
    def _told(self) -> dict[str, bytes]:
        """The lists by what the modules say themselves, where nobody ran depmod."""
        return {} if self.source.read(DEP) is not None else lists_of(self.source)


def lists_of(source: ModuleSource) -> dict[str, bytes]:
    """Return the lists that depmod would make of modules, by their names, and those that came with
    the kernel. Raises UsageError where there is no module."""
    paths = {module_name(path): path for path in source.modules()}
    if not paths:
        raise UsageError(f"{source.name}: neither {DEP} nor any module is there")
    lists = lists_for(source, paths.values(), paths)
    return lists | {each: source.read(each) or b"" for each in (BUILTIN, _BUILTIN_SAID)}


def lists_for(
    source: ModuleSource, wanted: Iterable[str], paths: Mapping[str, str]
) -> dict[str, bytes]:
    """Return what depmod would write into its lists of some modules; ``paths`` are those of all, by
    the modules' names. Raises UsageError for what is no module."""
    needs, soft, aliases = [], [], []
    for path in wanted:
        name, said = module_name(path), said_by(source, path)
        found = (paths.get(each) for each in depends_of(said))
        needs.append(f"{path}: {' '.join(filter(None, found))}\n")
        soft += [f"softdep {name} {value}\n" for key, value in said if key == "softdep"]
        aliases += [f"alias {value} {name}\n" for key, value in said if key == "alias"]
    made = {DEP: needs, SOFT: soft, ALIAS: aliases}
    return {name: "".join(lines).encode() for name, lines in made.items()}


def said_by(source: ModuleSource, path: str) -> list[tuple[str, str]]:
    """Return what a module says of itself. Raises UsageError for what is none."""
    name = source.place(path)
    return _said(unpacked(source.read(path) or b"", name), name)


def depends_of(said: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names of the modules that one needs, by what it says of itself."""
    return [module_name(each) for key, value in said if key == "depends"
            for each in value.split(",") if each]  # fmt: skip


def _said(data: bytes, name: str) -> list[tuple[str, str]]:
    try:
        return modinfo(data)
    except FormatError as error:
        raise UsageError(f"{name}: {error}") from error


def module_name(path: str) -> str:
    """Return what the kernel calls a module."""
    return _SUFFIX.sub("", PurePosixPath(path).name).replace("-", "_")


def unpacked(data: bytes, name: str) -> bytes:
    """Return a module as it was before it was compressed. Raises UsageError for a damaged one."""
    try:
        for magic, decompressor in _DECOMPRESSORS.items():
            if data.startswith(magic):
                made = decompressor()
                whole: bytes = made.decompress(data, _MOST_BYTES)
                if not made.eof:
                    raise UsageError(f"{name}: damaged: it is cut short, or too large")
                return whole
    except (lzma.LZMAError, zlib.error) as error:
        raise UsageError(f"{name}: damaged: {error}") from error
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        _ZSTD.check()
        done = subprocess.run(
            [_ZSTD.name, "-dcq"], input=data, capture_output=True, timeout=_UNPACK_S, check=False
        )
        if done.returncode:
            raise UsageError(f"{name}: damaged: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout
    return data
