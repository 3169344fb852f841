"""The files that a network serves in a test."""

import subprocess
from pathlib import Path

from msgspec.structs import replace

from bootharness.kernels.source import fetch
from bootharness.network.files import FileTable
from bootharness.routes.net_image import NetImage
from tests.support.media import needs

__all__ = ["contents_of", "serving", "unified"]

_LINUX = "deb:linux-image-cloud-amd64/bookworm"
_STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")


def contents_of(image: NetImage) -> dict[str, bytes]:
    """Return the files of an image, by name."""
    assert isinstance(image.files, FileTable)
    return dict(image.files.contents)


def serving(image: NetImage, name: str, content: bytes) -> NetImage:
    """Return an image with another file."""
    return replace(image, files=FileTable({**contents_of(image), name: content}))


def unified(folder: Path, name: str) -> Path:
    """Make a folder with a unified kernel and nothing else."""
    needs(_STUB, "objcopy")
    cmdline = folder / "cmdline"
    cmdline.write_text("console=ttyS0,115200 panic=-1 no_timer_check\0")
    root = folder / "root"
    root.mkdir()
    sections = ((".cmdline", cmdline, 0x30000), (".linux", fetch(_LINUX).path, 0x2000000))
    words = [
        word
        for section, path, at in sections
        for word in (f"--add-section={section}={path}", f"--change-section-vma={section}={at}")
    ]
    subprocess.run(["objcopy", *words, str(_STUB), str(root / name)], check=True)
    return root
