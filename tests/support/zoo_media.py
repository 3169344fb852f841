"""Media for the zoo: disks, CDs and floppies, made of the files that Debian's packages ship."""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from bootharness.kernels.source import fetch
from tests.support.media import (
    ISOLINUX,
    ISOLINUX_MBR,
    LDLINUX,
    SYSLINUX,
    overwrite,
    run,
)

__all__ = [
    "KERNEL",
    "Maker",
    "Packages",
    "boot_code",
    "extlinux_disk",
    "grub_disk",
    "grub_floppy",
    "grub_legacy_disk",
    "isolinux_cd",
    "kernel_with_grub",
    "rescue_cd",
    "shipped",
    "syslinux_disk",
    "syslinux_floppy",
]

KERNEL = "deb:linux-image-cloud-amd64/bookworm"
_LBA = 2048
_GPT_LBA = 4096
_SECTOR = 512
_MBR_TABLE = f"start={_LBA}, type=c, bootable\n"
_GRUB = Path("/usr/lib/grub/i386-pc")
# where boot.img and diskboot.img have the sector that they go on with
_NEXT_IN_BOOT, _NEXT_IN_DISKBOOT = 0x5C, 0x1F4
_NO_EXTRAS = ("--locales=", "--themes=", "--fonts=")


class Packages(Struct, frozen=True):
    """What Debian's packages have; those that are not installed are kept in a folder."""

    folder: Path

    def file(self, package: str, path: str) -> Path:
        """Return a file of a package."""
        installed = Path("/", path)
        if installed.exists():
            return installed
        unpacked = self.folder / "packages" / package
        if not unpacked.is_dir():
            made = unpacked.with_suffix(".new")
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir(parents=True)
            options = ("-q", "-o", "APT::Sandbox::User=root")
            subprocess.run(["apt-get", "download", *options, package], cwd=made, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
            [deb] = made.glob("*.deb")
            run("dpkg-deb", "-x", deb, made)
            deb.unlink()
            made.rename(unpacked)
        return unpacked / path

    def medium(self, name: str) -> Path:
        """Return where a medium is to be made, of which nothing is there."""
        path = self.folder / "media" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return path


Maker = Callable[[Packages], Path]
"""What makes a medium of packages."""
Files = Mapping[str, tuple[str, str]]
"""Files of a medium by name: each a package and the path in it."""


def shipped(package: str, path: str) -> Maker:
    """Return what gives a package's own file."""
    return lambda packages: packages.file(package, path)


def boot_code(package: str, path: str) -> Maker:
    """Return what makes a disk with a package's code in its boot sector, and nothing else."""

    def make(packages: Packages) -> Path:
        disk = _blank(packages.medium("boot-code.img"), 1 << 20)
        overwrite(disk, 0, packages.file(package, path).read_bytes()[:440])
        overwrite(disk, 510, b"\x55\xaa")
        return disk

    return make


def syslinux_floppy(config: str, files: Files) -> Maker:
    """Return what makes a floppy with SYSLINUX, its configuration and more files."""

    def make(packages: Packages) -> Path:
        path = _blank(packages.medium("syslinux-floppy.img"), 1440 << 10)
        run("mkfs.vfat", path)
        _fill(packages, str(path), files, {"syslinux.cfg": config})
        run("mcopy", "-i", path, LDLINUX, "::")
        run("syslinux", "--install", path)
        return path

    return make


def syslinux_disk(
    config: str,
    files: Files,
    *,
    mbr: tuple[str, str] | None = None,
    table: str = _MBR_TABLE,
    modules: tuple[str, ...] = (),
) -> Maker:
    """Return what makes a disk with SYSLINUX on a FAT partition; ``mbr`` is a package's file, None
    the program `install-mbr`."""

    def make(packages: Packages) -> Path:
        path = _fat_disk(packages, "syslinux-disk.img", files, {"syslinux.cfg": config}, table)
        for module in ("ldlinux", *modules):
            run("mcopy", "-i", f"{path}@@1M", LDLINUX.with_name(f"{module}.c32"), "::")
        run("syslinux", "--install", "--offset", str(_LBA * _SECTOR), path)
        if mbr:
            overwrite(path, 0, packages.file(*mbr).read_bytes()[:440])
        else:
            run(packages.file("mbr", "sbin/install-mbr"), "--force", path)
        return path

    return make


def extlinux_disk(config: str, files: Files) -> Maker:
    """Return what makes a disk with EXTLINUX on an ext4 partition; root alone can."""

    def make(packages: Packages) -> Path:
        path = _blank(packages.medium("extlinux.img"), 64 << 20)
        run("sfdisk", "-q", path, text=f"start={_LBA}, type=83, bootable\n")
        offset = f"offset={_LBA * _SECTOR}"
        run("mkfs.ext4", "-q", "-O", "^64bit,^metadata_csum", "-E", offset, path, "62m")
        with _mounted(path, offset) as there:
            for name, (package, file) in files.items():
                shutil.copy(_content(packages, package, file), there / name)
            (there / "extlinux.conf").write_text(config)
            run("extlinux", "--install", there)
        overwrite(path, 0, (SYSLINUX / "mbr/mbr.bin").read_bytes()[:440])
        return path

    return make


def isolinux_cd(config: str, files: Files, *, hybrid: bool = False) -> Maker:
    """Return what makes a CD with ISOLINUX, a ``hybrid`` one with a boot sector as well."""

    def make(packages: Packages) -> Path:
        path = packages.medium("isolinux.iso")
        tree = _tree(packages, files, {"isolinux.cfg": config})
        for each in (ISOLINUX, LDLINUX):
            shutil.copy(each, tree)
        own = ("-b", ISOLINUX.name, "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4",
               "-boot-info-table")  # fmt: skip
        more = ("-isohybrid-mbr", ISOLINUX_MBR) if hybrid else ()
        run("xorriso", "-as", "mkisofs", "-o", path, *more, *own, tree)
        return path

    return make


def rescue_cd(config: str, files: Files) -> Maker:
    """Return what makes a CD as grub-mkrescue does."""

    def make(packages: Packages) -> Path:
        path = packages.medium("grub.iso")
        tree = _tree(packages, files, {})
        (tree / "boot/grub").mkdir(parents=True)
        (tree / "boot/grub/grub.cfg").write_text(config)
        run("grub-mkrescue", "-d", _GRUB, "-o", path, *_NO_EXTRAS, tree)
        return path

    return make


def grub_disk(config: str, files: Files, modules: str, *, gpt: bool = False) -> Maker:
    """Return what makes a disk with GRUB and a FAT partition: GRUB lies before that, or in a
    partition of its own on a disk with a ``gpt``."""

    def make(packages: Packages) -> Path:
        at = _LBA if gpt else 1
        core = _core(packages, config, modules)
        table = (
            f"label: gpt\nstart={_LBA}, size={_GPT_LBA - _LBA}, "
            "type=21686148-6449-6E6F-744E-656564454649\n"
            f"start={_GPT_LBA}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n"
            if gpt
            else _MBR_TABLE
        )
        path = _fat_disk(packages, "grub-disk.img", files, {}, table, _GPT_LBA if gpt else _LBA)
        boot = bytearray((_GRUB / "boot.img").read_bytes()[:440])
        boot[_NEXT_IN_BOOT : _NEXT_IN_BOOT + 8] = at.to_bytes(8, "little")
        core[_NEXT_IN_DISKBOOT : _NEXT_IN_DISKBOOT + 8] = (at + 1).to_bytes(8, "little")
        overwrite(path, 0, bytes(boot))
        overwrite(path, at * _SECTOR, bytes(core))
        return path

    return make


def grub_floppy(config: str, files: Files, modules: str) -> Maker:
    """Return what makes a floppy with GRUB and what it loads, all in its core."""

    def make(packages: Packages) -> Path:
        path = packages.medium("grub-floppy.img")
        core = _core(packages, config, modules, files)
        boot = (_GRUB / "boot.img").read_bytes()
        path.write_bytes((boot + core).ljust(1440 << 10, b"\0"))
        return path

    return make


def kernel_with_grub(config: str, files: Files, modules: str) -> Maker:
    """Return what makes a file with GRUB that a boot manager takes for a Linux kernel."""

    def make(packages: Packages) -> Path:
        path = packages.medium("grub.lkrn")
        core = _core(packages, config, modules, files)
        path.write_bytes((_GRUB / "lnxboot.img").read_bytes() + core)
        return path

    return make


def grub_legacy_disk(config: str, files: Files) -> Maker:
    """Return what makes a disk with GRUB legacy on a FAT partition, installed by its own shell."""

    def make(packages: Packages) -> Path:
        there = "usr/lib/grub/x86_64-pc"
        stages = {name: ("grub-legacy", f"{there}/{name}")
                  for name in ("stage1", "stage2", "fat_stage1_5")}  # fmt: skip
        path = _fat_disk(packages, "grub-legacy.img", {**files, **stages}, {"menu.lst": config})
        shell = packages.file("grub-legacy", "usr/sbin/grub")
        said = f"device (hd0) {path}\nroot (hd0,0)\nsetup --prefix=/ (hd0)\nquit\n"
        run(shell, "--batch", "--device-map=/dev/null", text=said)
        return path

    return make


def _core(packages: Packages, config: str, modules: str, files: Files | None = None) -> bytearray:
    core, written = packages.medium("core.img"), packages.medium("grub.cfg")
    written.write_text(config)
    disks = "biosdisk part_msdos part_gpt fat"
    also = (f"{name}={_content(packages, *of)}" for name, of in (files or {}).items())
    run(
        *("grub-mkstandalone", "-O", "i386-pc", "-d", _GRUB, "-o", core, *_NO_EXTRAS),
        *("--compress=xz", f"--install-modules={modules} normal {disks}", f"--modules={disks}"),
        *(f"boot/grub/grub.cfg={written}", *also),
    )
    return bytearray(core.read_bytes())


def _fat_disk(
    packages: Packages,
    name: str,
    files: Files,
    texts: Mapping[str, str],
    table: str = _MBR_TABLE,
    lba: int = _LBA,
) -> Path:
    path = _blank(packages.medium(name), 64 << 20)
    run("sfdisk", "-q", path, text=table)
    run("mkfs.vfat", "-F", "16", "-h", str(lba), "--offset", str(lba), path, str(60 << 10))
    _fill(packages, f"{path}@@{lba * _SECTOR}", files, texts)
    return path


def _fill(packages: Packages, image: str, files: Files, texts: Mapping[str, str]) -> None:
    for name, (package, file) in files.items():
        run("mcopy", "-i", image, _content(packages, package, file), f"::{name}")
    for name, text in texts.items():
        written = packages.medium(name)
        written.write_text(text)
        run("mcopy", "-i", image, written, f"::{name}")


def _tree(packages: Packages, files: Files, texts: Mapping[str, str]) -> Path:
    tree = packages.folder / "media/tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for name, (package, file) in files.items():
        shutil.copy(_content(packages, package, file), tree / name)
    for name, text in texts.items():
        (tree / name).write_text(text)
    return tree


def _content(packages: Packages, package: str, file: str) -> Path:
    return packages.file(package, file) if file else fetch(package).path


def _blank(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


@contextmanager
def _mounted(image: Path, offset: str) -> Iterator[Path]:
    there = image.with_suffix(".mounted")
    there.mkdir(exist_ok=True)
    run("mount", "-o", f"loop,{offset}", image, there)
    try:
        yield there
    finally:
        run("umount", there)
