"""The route ``grub``: a disk image with Debian's boot.img and a core.img made for one kernel.

LBA 0         boot.img and the partition table
1             core.img, whose configuration names the sectors below: it needs no file system
2048          the kernel, then the initrd
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootharness.errors import LaunchFailed, UsageError
from bootharness.formats.mbr import BOOTSTRAP_BYTES, SECTOR_BYTES, Mbr, Partition
from bootharness.host.tool import Tool
from bootharness.host.workspace import Workspace
from bootharness.kernels.content import Piece, PieceMap
from bootharness.kernels.image import KernelImage
from bootharness.kernels.initrd import initrd_bytes
from bootharness.plan import BootPlan
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.initrd import Initrd
from bootharness.routes.loader import Loader
from bootharness.routes.medium import Medium
from bootharness.routes.route import Route

__all__ = ["GRUB", "GRUB_FILES", "grub_disk"]

GRUB_FILES = Path("/usr/lib/grub/i386-pc")
"""Where the package grub-pc-bin has them."""
_BOOT_IMG = Tool(str(GRUB_FILES / "boot.img"), "grub-pc-bin")
_MKIMAGE = Tool("grub-mkimage", "grub-common")

_KERNEL_LBA = 2048
_PARTITION_SECTORS_MORE = 2048
_NON_FS_DATA = 0xDA
_TOOL_S = 60
# what keeps the words of a command line as they are
_QUOTE, _QUOTED = "'", "'\\''"


def grub_disk(path: Path, kernel: KernelImage, plan: BootPlan) -> DiskImage:
    """Write a disk image with which GRUB boots a kernel, by ``linux16``: through its setup code.

    What GRUB is made of is written beside it.

    Raises ToolMissing where GRUB is not installed, UsageError for what cannot be booted by
    it, LaunchFailed when the image cannot be written.
    """
    sectors = _sectors(kernel.file_bytes)
    initrd = None
    if plan.initrd or plan.wants_userspace:
        content = initrd_bytes(kernel, plan)
        content += bytes(-len(content) % SECTOR_BYTES)  # GRUB is told of it in whole sectors
        initrd = Initrd(Piece.of(content), lba=_KERNEL_LBA + sectors)
    end = _KERNEL_LBA + sectors + (_sectors(initrd.size) if initrd else 0)
    boot, core = _boot_sector(), _core(_config(sectors, initrd, plan.cmdline), path.parent)
    if len(core) > (_KERNEL_LBA - 1) * SECTOR_BYTES:
        raise UsageError(f"a command line of {len(plan.cmdline):,} characters is too long for GRUB")
    total = end + _PARTITION_SECTORS_MORE
    mbr = Mbr(
        bootstrap_code=boot[:BOOTSTRAP_BYTES],
        disk_signature=1,
        partitions=(
            Partition.at(_KERNEL_LBA, total - _KERNEL_LBA, kind=_NON_FS_DATA, active=True),
            *(Partition(),) * 3,
        ),
    )
    pieces = PieceMap()
    for lba, piece in (
        (0, Piece.of(mbr.build())),
        (1, Piece.of(core)),
        (_KERNEL_LBA, Piece(kernel.content, 0, kernel.file_bytes)),
        *([(initrd.lba, initrd.content)] if initrd else []),
    ):
        pieces.put(lba * SECTOR_BYTES, piece)
    loader = Loader("GRUB", boot, manager=True)
    layout = DiskLayout(loader, kernel, _KERNEL_LBA, plan.cmdline, 0, initrd, total, pieces)
    return layout.write(path)


def _config(sectors: int, initrd: Initrd | None, cmdline: str) -> str:
    if "\n" in cmdline:
        raise UsageError(f"the command line {cmdline!r} cannot go into a GRUB configuration")
    words = " ".join(f"'{word.replace(_QUOTE, _QUOTED)}'" for word in cmdline.split())
    lines = [f"linux16 (hd0){_KERNEL_LBA}+{sectors} {words}"]
    if initrd:
        lines.append(f"initrd16 (hd0){initrd.lba}+{_sectors(initrd.size)}")
    return "\n".join([*lines, "boot", ""])


def _boot_sector() -> bytes:
    try:
        return Path(_BOOT_IMG.name).read_bytes()
    except OSError:
        raise _BOOT_IMG.missing() from None


def _core(config: str, folder: Path) -> bytes:
    """Return GRUB itself, with what it is to do built in; it is made in ``folder``."""
    text, made = folder / "grub.cfg", folder / "core.img"
    text.write_text(config)
    argv = [_MKIMAGE.name, "-O", "i386-pc", "-d", str(GRUB_FILES), "-p", "/", "-o", str(made)]
    argv += ["-c", str(text), "biosdisk", "linux16"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_TOOL_S, check=False)
    except FileNotFoundError:
        raise _MKIMAGE.missing() from None
    except subprocess.TimeoutExpired:
        raise LaunchFailed(f"grub-mkimage took longer than {_TOOL_S} s") from None
    if done.returncode:
        raise LaunchFailed(f"grub-mkimage refuses: {done.stderr.strip()}")
    return made.read_bytes()


def _sectors(count: int) -> int:
    return -(-count // SECTOR_BYTES)


@contextmanager
def _prepare(kernel: KernelImage, plan: BootPlan, workspace: Workspace) -> Iterator[Medium]:
    disk = grub_disk(workspace.path / "disk.img", kernel, plan)
    with Medium.of_disk(disk, plan) as medium:
        yield medium


GRUB = Route(
    name="grub",
    summary="GRUB on a disk, by linux16: through the kernel's setup code",
    blame="GRUB",
    prepare=_prepare,
    twin="uefi-grub",
    takes=frozenset({"initrd", "cmdline", "tracer", "disk_interface", "disk_faults", "bios"}),
    tools=(_BOOT_IMG, _MKIMAGE),
    programs=(GRUB_FILES,),
)
