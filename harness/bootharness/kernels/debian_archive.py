"""The kernel in a Debian package that is a file (deb(5)); nothing of it is installed or run."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bootharness.errors import KernelUnavailable
from bootharness.host.tool import Tool
from bootharness.text import printable

if TYPE_CHECKING:
    import tarfile

__all__ = ["DPKG_DEB", "extract_modules", "extract_vmlinuz"]

DPKG_DEB = Tool("dpkg-deb", "dpkg")

_VMLINUZ_BYTES = 1 << 28
"""Debian's largest have a tenth of this."""
# the kernel of a package, since 6.19 in a package of its own without modules
_VMLINUZ = re.compile(r"\./(boot/vmlinuz-.+|(usr/)?lib/modules/[^/]+/vmlinuz)")
_MODULES = re.compile(r"\./(?:usr/)?lib/modules/[^/]+/(.+)")
_MODULES_BYTES = 1 << 32
"""Debian's kernels have a tenth of this in modules."""


def extract_vmlinuz(deb: Path, name: str, target: Path) -> None:
    """Write the first vmlinuz of a package to a file; the rest is not unpacked.

    Raises KernelUnavailable, naming the package as ``name``, where there is none, or one that is
    no kernel by its size, and ToolMissing without dpkg-deb.
    """
    with _opened(deb, name) as archive:
        for member in archive:
            if member.isfile() and _VMLINUZ.fullmatch(member.name):
                if member.size > _VMLINUZ_BYTES:
                    raise KernelUnavailable(
                        f"{name}: its {printable(member.name)} has {member.size:,} bytes, "
                        f"and a kernel that is unpacked has at most {_VMLINUZ_BYTES:,}"
                    )
                file = archive.extractfile(member)
                assert file
                target.write_bytes(file.read())
                return
    raise KernelUnavailable(f"{name} contains no vmlinuz")


def extract_modules(deb: Path, name: str, target: Path) -> None:
    """Write the files of /lib/modules/RELEASE in a package to a tar file that is not compressed,
    with names from there on.

    Raises KernelUnavailable, naming the package as ``name``, where there are none, and ToolMissing
    without dpkg-deb.
    """
    import tarfile

    size = 0
    with _opened(deb, name) as archive, tarfile.open(target, "w") as made:
        for member in archive:
            found = _MODULES.fullmatch(member.name)
            if not found or not member.isfile():
                continue
            size += member.size
            if size > _MODULES_BYTES:
                raise KernelUnavailable(f"{name}: more than {_MODULES_BYTES:,} bytes of modules")
            content, member.name = archive.extractfile(member), found[1]
            made.addfile(member, content)
    if not size:
        raise KernelUnavailable(f"{name} contains no modules")


@contextmanager
def _opened(deb: Path, name: str) -> "Iterator[tarfile.TarFile]":
    import tarfile  # only for a package that is not in the cache

    DPKG_DEB.check()
    with subprocess.Popen(
        [DPKG_DEB.name, "--fsys-tarfile", deb], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as unpacking:
        assert unpacking.stdout
        try:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
                yield archive
        except (tarfile.TarError, EOFError) as error:
            raise KernelUnavailable(f"{name} cannot be unpacked: {error}") from error
        finally:
            unpacking.kill()
