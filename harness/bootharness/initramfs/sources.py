"""Where the modules of a kernel are: named, in its package, in its tree, or in /lib/modules."""

import tarfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from bootharness.errors import UsageError
from bootharness.host.kept import digest_of, seal, sealed
from bootharness.initramfs.modules import DEP, Folder, Modules, lists_of
from bootharness.kernels.image import KernelImage
from bootharness.kernels.source import DEB

__all__ = ["modules_of"]

_BUILT = Path("arch/x86/boot/bzImage")
_HOST = Path("/")
_Index = tuple[dict[str, tuple[int, int]], dict[str, bytes]]
"""Where the files are in the tar file, in bytes, and the lists of the modules."""


class _Packed:
    """A tar file of the cache with the modules; where each begins is kept beside it."""

    def __init__(self, tar: Path, name: str) -> None:
        self.name = name
        self._tar = tar
        self._where: dict[str, tuple[int, int]] = {}
        self._lists: dict[str, bytes] = {}
        beside = tar.with_name(f"{digest_of(tar)[:24]}-index")
        if known := sealed(beside):
            with suppress(msgspec.DecodeError):  # another release may have written it
                self._where, self._lists = msgspec.msgpack.decode(known, type=_Index)
                return
        with tarfile.open(tar) as archive:
            files = [each for each in archive if each.isfile()]
        self._where = {each.name: (each.offset_data, each.size) for each in files}
        # a package has no lists: depmod makes them where it is installed
        self._lists = lists_of(self)
        seal(beside, msgspec.msgpack.encode((self._where, self._lists)))

    def place(self, path: str) -> str:
        """Return where a file is, for people."""
        return f"{self.name}/{path}"

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where there is none."""
        if path in self._lists:
            return self._lists[path]
        if path not in self._where:
            return None
        at, size = self._where[path]
        with self._tar.open("rb") as file:
            file.seek(at)
            return file.read(size)

    def modules(self) -> Iterable[str]:
        """Return the paths of the modules."""
        return [path for path in self._where if ".ko" in path]


def modules_of(kernel: KernelImage, given: Path | None) -> Modules | None:
    """Return the modules of a kernel, None where nobody knows of any. ``given`` is the folder that
    a person names. Raises UsageError for one without modules, KernelUnavailable for a package that
    cannot be had."""
    if given is not None:
        for folder in (given, given / kernel.release, given / "lib/modules" / kernel.release):
            if (folder / DEP).is_file():
                return Modules(Folder(folder), kernel.release)
        if given.is_dir() and any(given.rglob("*.ko*")):
            return Modules(Folder(given), kernel.release)
        raise UsageError(
            f"--modules {given}: there is no {DEP} in it, nor below it in {kernel.release}, nor "
            "any module"
        )
    if kernel.source.startswith(DEB):
        from bootharness.kernels.deb import DebPackage, modules

        package = kernel.source.removeprefix(DEB)
        tar = modules(DebPackage.parse(package))
        return Modules(_Packed(tar, kernel.source), kernel.release)
    return _found_by_itself(kernel)


def _found_by_itself(kernel: KernelImage) -> Modules | None:
    path = kernel.path.resolve()
    if path.parts[-len(_BUILT.parts) :] == _BUILT.parts:
        tree = path.parents[len(_BUILT.parts) - 1]
        return Modules(Folder(tree), kernel.release)
    for root in (path.parent.parent, _HOST):
        for folder in ("lib/modules", "usr/lib/modules"):
            if (root / folder / kernel.release / DEP).is_file():
                return Modules(Folder(root / folder / kernel.release), kernel.release)
    return None
