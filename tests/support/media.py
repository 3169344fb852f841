"""Media as people make them: with xorriso, SYSLINUX, ISOLINUX, GRUB, mtools and sfdisk."""

import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = [
    "CMDLINE",
    "chs_floppy",
    "fat_files",
    "floppy",
    "grub_cd",
    "grub_disk",
    "iso",
    "large_sectors",
    "needs",
    "overwrite",
    "run",
    "stick",
    "syslinux_config",
]

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
CMDLINE = "console=ttyS0,115200"
PARTITION_LBA = 2048
SYSLINUX = Path("/usr/lib/syslinux")
LDLINUX = SYSLINUX / "modules/bios/ldlinux.c32"
ISOLINUX = Path("/usr/lib/ISOLINUX/isolinux.bin")
ISOLINUX_MBR = Path("/usr/lib/ISOLINUX/isohdpfx.bin")
_EL_TORITO = ("-no-emul-boot", "-boot-load-size", "4", "-boot-info-table")


def needs(*tools: str | Path) -> None:
    """Skip a test where one of its tools is not installed."""
    missing = []
    for tool in tools:
        there = tool.exists() if isinstance(tool, Path) else shutil.which(tool, path=PATH)
        missing += [] if there else [str(tool)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def run(*argv: str | Path, text: str = "") -> None:
    """Run a tool that has to succeed."""
    done = subprocess.run(
        argv, input=text, capture_output=True, text=True, check=False, env={"PATH": PATH}
    )
    assert done.returncode == 0, done.stderr


def overwrite(path: Path, at: int, content: bytes) -> None:
    """Write bytes over what a file has."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def syslinux_config(kernel: str = "vmlinuz") -> str:
    """Return a configuration that boots one kernel at once."""
    return f"default it\nlabel it\n kernel {kernel}\n append {CMDLINE}\n"


def fat_files(image: str, kernel: Path, config: str) -> None:
    """Copy a kernel, and what SYSLINUX needs, to a FAT file system, as mtools name it."""
    path = Path(image.partition("@@")[0])
    written = path.with_suffix(".cfg")
    written.write_text(config)
    for source, name in ((kernel, "vmlinuz"), (written, "syslinux.cfg"), (LDLINUX, "ldlinux.c32")):
        run("mcopy", "-i", image, source, f"::{name}")


def floppy(
    path: Path, kernel: Path, config: str, *, holes: int = 0, hole_bytes: int = 8192
) -> Path:
    """Make a floppy of 1.44 MB with SYSLINUX, of which so many holes are filled first."""
    needs("mkfs.vfat", "mcopy", "syslinux", LDLINUX)
    with path.open("wb") as file:
        file.truncate(1_474_560)
    run("mkfs.vfat", path)
    _make_holes(path, holes, hole_bytes)
    fat_files(str(path), kernel, config)
    run("syslinux", "--install", path)
    return path


def _make_holes(path: Path, holes: int, hole_bytes: int) -> None:
    """Leave holes between as many files."""
    written = path.with_suffix(".filler")
    written.write_bytes(b"filler".ljust(hole_bytes))
    for number in range(2 * holes):
        run("mcopy", "-i", path, written, f"::{number}")
    for number in range(0, 2 * holes, 2):
        run("mdel", "-i", path, f"::{number}")


def chs_floppy(path: Path, kernel: Path, *edits: tuple[str, str]) -> Path:
    """Make a floppy whose boot sector reads a kernel from LBA 18 on by cylinder, head and sector;
    ``edits`` are changes to that loader's source, old and new."""
    source = Path("tests/support/loaders/chs.asm").read_text()
    flat = (
        ("global  start, kernel_lba", "org 0x7c00"),
        ("kernel_lba:     dd 0", "kernel_lba: dd 18"),
    )
    for old, new in (*flat, *edits):
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    written = path.with_suffix(".asm")
    written.write_text(f"{source}\ntimes 510-($-$$) db 0\ndw 0xaa55\n")
    run("nasm", "-f", "bin", "-o", path, written)
    with path.open("r+b") as file:
        file.truncate(1_474_560)
    overwrite(path, 18 * 512, kernel.read_bytes())
    return path


def stick(path: Path, kernel: Path, config: str, *, table: str, mbr: str = "mbr.bin") -> Path:
    """Make a disk with one FAT partition and SYSLINUX; ``table`` is what sfdisk is told."""
    needs("sfdisk", "mkfs.vfat", "mcopy", "syslinux", LDLINUX)
    with path.open("wb") as file:
        file.truncate(40 << 20)
    run("sfdisk", "-q", path, text=table)
    run("mkfs.vfat", "-F", "32", "--offset", str(PARTITION_LBA), path, str(38 << 10))
    fat_files(f"{path}@@1M", kernel, config)
    run("syslinux", "--install", "--offset", str(PARTITION_LBA * 512), path)
    overwrite(path, 0, (SYSLINUX / "mbr" / mbr).read_bytes()[:440])
    return path


def iso(path: Path, kernel: Path, config: str, *options: str | Path) -> Path:
    """Make a CD with ISOLINUX, by xorriso with more options."""
    needs("xorriso", ISOLINUX, ISOLINUX_MBR, LDLINUX)
    tree = path.with_suffix(".tree")
    tree.mkdir()
    (tree / "isolinux.cfg").write_text(config)
    for source, name in ((kernel, "vmlinuz"), (ISOLINUX, ISOLINUX.name), (LDLINUX, LDLINUX.name)):
        shutil.copy(source, tree / name)
    boots = ("-b", ISOLINUX.name, "-c", "boot.cat", *_EL_TORITO)
    run("xorriso", "-as", "mkisofs", "-o", path, *options, *boots, tree)
    return path


def grub_cd(path: Path, kernel: Path, config: str) -> Path:
    """Make a CD with GRUB, as grub-mkrescue does."""
    needs("grub-mkrescue", "xorriso", "mcopy", Path("/usr/lib/grub/i386-pc/boot.img"))
    tree = path.with_suffix(".tree")
    (tree / "boot/grub").mkdir(parents=True)
    (tree / "boot/grub/grub.cfg").write_text(config)
    shutil.copy(kernel, tree / "vmlinuz")
    small = ("--compress=xz", "--locales=", "--themes=", "--fonts=")
    run("grub-mkrescue", "-o", path, *small, "--install-modules=linux16 normal iso9660", tree)
    return path


def grub_disk(path: Path, config: str) -> Path:
    """Make a disk with nothing but GRUB before its first partition, which there is not."""
    boot, core = Path("/usr/lib/grub/i386-pc/boot.img"), path.with_suffix(".core")
    needs("grub-mkstandalone", boot)
    modules = "biosdisk part_msdos fat"
    written = path.with_suffix(".cfg")
    written.write_text(config)
    run(
        *("grub-mkstandalone", "-O", "i386-pc", "-o", core, "--locales=", "--themes=", "--fonts="),
        *(f"--install-modules=linux16 normal {modules}", f"--modules={modules}"),
        f"boot/grub/grub.cfg={written}",
    )
    path.write_bytes(boot.read_bytes()[:440].ljust(510, b"\0") + b"\x55\xaa" + core.read_bytes())
    return path


_LARGE = """bits 16
org 0x7c00
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        mov si, packet
        mov ah, 0x42
        int 0x13
        mov si, read
        jc end
        cmp dword [0x9000], 'DATA'
        jne end
        mov si, right
end:    lodsb
        test al, al
        jz halt
        mov ah, 0x0e
        int 0x10
        jmp end
halt:   cli
        hlt
read:   db "not read", 0
right:  db "read right", 0
        align 4
packet: db 16, 0
        dw 1, 0x9000, 0
        dq {lba}
        times 510-($-$$) db 0
        dw 0xaa55
        times 4096-($-$$) db 0
        db "EFI PART"
        times 5*4096-($-$$) db 0
        db "DATA"
        times {sectors}*4096-($-$$) db 0
"""


def large_sectors(path: Path, lba: int, sectors: int = 256) -> Path:
    """Make a disk of sectors of 4,096 bytes, with a loader that reads one of them and says whether
    it is the right one."""
    path.with_suffix(".asm").write_text(_LARGE.format(lba=lba, sectors=sectors))
    subprocess.run(["nasm", "-f", "bin", "-o", path, path.with_suffix(".asm")], check=True)
    return path
