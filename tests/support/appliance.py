"""A real appliance, made of Debian's packages, and what comes of each small change to it.

`make appliance`, which is `python -m tests.support.appliance FOLDER [CHANGE...]`:

    LBA 0                MBR of SYSLINUX, and the partition table
    LBA 2,048            FAT: SYSLINUX, its configuration, kernel and initrd
    LBA 198,656          ext4: the root file system

FOLDER keeps the packages' file system, so that a second run needs no network.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from bootharness.diagnosis import judge
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from tests.support.media import SYSLINUX, overwrite, run

__all__ = ["CHANGES", "Change", "main"]

_PACKAGES = "linux-image-cloud-amd64,systemd-sysv,udev,login,initramfs-tools,zstd"
_HOOK = 'echo root:x | chroot "$1" chpasswd; echo box >"$1"/etc/hostname'
_FAT_LBA, _ROOT_LBA, _END_LBA = 2048, 198_656, 2_097_152
_TABLE = f"{_FAT_LBA},{_ROOT_LBA - _FAT_LBA},e,*\n{_ROOT_LBA},,83\n"
_CONFIG = (
    "default linux\nserial 0 115200\nlabel linux\n kernel vmlinuz\n initrd initrd.img\n"
    " append root=LABEL=root ro console=ttyS0,115200\n"
)
_SECTOR = 512
_NOISE = bytes(range(255, 0, -1))
_LIMIT_S = 100


class Image(Struct, frozen=True):
    """The appliance's image, and the file systems on it."""

    path: Path

    @property
    def fat(self) -> str:
        """The first partition, as mtools name it."""
        return f"{self.path}@@{_FAT_LBA * _SECTOR}"

    def put(self, name: str, content: bytes) -> None:
        """Write a file of the first partition anew."""
        written = self.path.with_suffix(".file")
        written.write_bytes(content)
        run("mcopy", "-o", "-i", self.fat, written, f"::{name}")

    def get(self, name: str) -> bytes:
        """Read a file of the first partition."""
        read = self.path.with_suffix(".file")
        run("mcopy", "-n", "-o", "-i", self.fat, f"::{name}", read)
        return read.read_bytes()

    def remove(self, name: str) -> None:
        """Remove a file of the first partition."""
        run("mattrib", "-r", "-s", "-h", "-i", self.fat, f"::{name}")
        run("mdel", "-i", self.fat, f"::{name}")

    def configure(self, old: str, new: str) -> None:
        """Change the boot manager's configuration."""
        assert old in _CONFIG
        self.put("syslinux.cfg", _CONFIG.replace(old, new).encode())

    def cut_file(self, name: str, kept: int) -> None:
        """Cut a file of the first partition."""
        self.put(name, self.get(name)[:kept])

    def spoil_file(self, name: str, at: int) -> None:
        """Change some bytes of a file of the first partition."""
        content = bytearray(self.get(name))
        content[at : at + len(_NOISE)] = _NOISE
        self.put(name, bytes(content))

    def cut(self, sectors: int) -> None:
        """Cut the image."""
        with self.path.open("r+b") as file:
            file.truncate(sectors * _SECTOR)

    def overwrite(self, at: int, content: bytes) -> None:
        """Write bytes over what is at an offset."""
        overwrite(self.path, at, content)


class Change(Struct, frozen=True):
    """What is done to the image, and the cause and the words that must come of it; no cause is a
    boot that is good all the same, with those words in a warning, if any."""

    name: str
    does: Callable[[Image], object]
    cause: str | None
    says: str = ""
    by_two_paths: bool = False
    """Whether it is attached twice, and the first path fails when the kernel has begun."""


CHANGES = (
    Change("none", lambda _: None, None),
    Change("code of the MBR is zeros", lambda it: it.overwrite(0, bytes(440)),
           "stage1-hang", "the code in the boot sector is all zeros"),
    Change("no boot signature", lambda it: it.overwrite(510, bytes(2)),
           "no-boot-signature", "ends in 00 00"),
    Change("no partition is active", lambda it: it.overwrite(446, bytes(1)),
           "loader-gave-up", "Missing operating system"),
    Change("partition's boot sector is zeros",
           lambda it: it.overwrite(_FAT_LBA * _SECTOR, bytes(_SECTOR)),
           "loader-gave-up", "Missing operating system"),
    Change("ldlinux.c32 is missing", lambda it: it.remove("ldlinux.c32"),
           "boot-manager-error", "Failed to load ldlinux.c32"),
    Change("configuration is missing", lambda it: it.remove("syslinux.cfg"),
           "boot-manager-error", "No configuration file found"),
    Change("configuration names another kernel",
           lambda it: it.configure("kernel vmlinuz", "kernel vmlinuz-6.2"),
           "boot-manager-error", "Loading vmlinuz-6.2... failed"),
    Change("configuration names another initrd",
           lambda it: it.configure("initrd.img", "initrd-6.2.img"),
           "boot-manager-error", "Loading initrd-6.2.img...failed"),
    Change("kernel is missing", lambda it: it.remove("vmlinuz"),
           "boot-manager-error", "Loading vmlinuz... failed"),
    Change("initrd is missing", lambda it: it.remove("initrd.img"),
           "boot-manager-error", "Loading initrd.img...failed"),
    Change("kernel is cut", lambda it: it.cut_file("vmlinuz", 6 << 20),
           "payload-truncated", "it was cut short"),
    Change("kernel is spoilt", lambda it: it.spoil_file("vmlinuz", 4_000_000),
           "decompress-failed", "could not unpack itself"),
    Change("kernel is an initrd", lambda it: it.put("vmlinuz", it.get("initrd.img")[:1 << 20]),
           "boot-manager-error", "Booting kernel failed"),
    Change("initrd is cut", lambda it: it.cut_file("initrd.img", 5 << 20),
           "userspace-gave-up", "Initramfs unpacking failed"),
    Change("initrd is spoilt", lambda it: it.spoil_file("initrd.img", 5_000),
           "no-init", "Initramfs unpacking failed"),
    Change("no initrd", lambda it: it.configure(" initrd initrd.img\n", ""),
           "no-init", "there was no initrd"),
    Change("root= names no file system", lambda it: it.configure("LABEL=root", "LABEL=rood"),
           "userspace-gave-up", "LABEL=rood does not exist"),
    Change("root= names another partition", lambda it: it.configure("LABEL=root", "/dev/vda1"),
           "userspace-gave-up", "vda1"),
    Change("root's partition begins elsewhere",
           lambda it: it.overwrite(446 + 16 + 8, (1 << 20).to_bytes(4, "little")),
           "userspace-gave-up", "LABEL=root does not exist"),
    Change("root's file system is zeros",
           lambda it: it.overwrite(_ROOT_LBA * _SECTOR, bytes(1 << 20)),
           "userspace-gave-up", "LABEL=root does not exist"),
    Change("image is cut", lambda it: it.cut(_ROOT_LBA + 4096),
           "userspace-gave-up", "the image has 202,752"),
    Change("image is cut in the kernel", lambda it: it.cut(_FAT_LBA + 8192),
           "disk-cut-short", "the image has 10,240"),
    Change("nobody may log in",
           lambda it: it.configure(" ro ", " ro systemd.mask=serial-getty@ttyS0.service "),
           "marker-not-seen", "no 'login:' in"),
    Change("no console on the serial line", lambda it: it.configure("console=ttyS0,115200", ""),
           "marker-not-seen", "no 'login:' in"),
    Change("one of two paths is pulled", lambda _: None, None,
           "(fault vanish:after=banner)", by_two_paths=True),
)  # fmt: skip


def make(folder: Path) -> Path:
    """Make the appliance's image of Debian's packages, and return it."""
    image, packed, root = (folder / name for name in ("appliance.img", "root.tar", "root"))
    if image.exists():
        return image
    folder.mkdir(parents=True, exist_ok=True)
    if not packed.exists():
        unfinished = packed.with_suffix(".new.tar")
        subprocess.run(
            ["mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}",
             f"--customize-hook={_HOOK}", "bookworm", unfinished],
            check=True,
        )  # fmt: skip
        unfinished.rename(packed)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    run("tar", "xf", packed, "-C", root)
    made = image.with_suffix(".new")
    with made.open("wb") as file:
        file.truncate(_END_LBA * _SECTOR)
    run("sfdisk", "-q", made, text=_TABLE)
    fat_kib = (_ROOT_LBA - _FAT_LBA) // 2
    run("mkfs.vfat", "-F", "16", "--offset", str(_FAT_LBA), made, str(fat_kib))
    at = Image(made)
    [kernel], [initrd] = root.glob("boot/vmlinuz-*"), root.glob("boot/initrd.img-*")
    at.put("vmlinuz", kernel.read_bytes())
    at.put("initrd.img", initrd.read_bytes())
    at.put("syslinux.cfg", _CONFIG.encode())
    run("syslinux", "--install", "--offset", str(_FAT_LBA * _SECTOR), made)
    at.overwrite(0, (SYSLINUX / "mbr/mbr.bin").read_bytes()[:440])
    offset, kib = f"offset={_ROOT_LBA * _SECTOR}", (_END_LBA - _ROOT_LBA) // 2
    run("mkfs.ext4", "-q", "-d", root, "-L", "root", "-E", offset, made, f"{kib}k")
    shutil.rmtree(root)
    made.rename(image)
    return image


def wrong(change: Change, image: Path) -> tuple[str, bool]:
    """Return what a change came to, in a line, and whether that is not what it must be."""
    changed = image.with_name("changed.img")
    run("cp", "--sparse=always", image, changed)
    change.does(Image(changed))
    plan = choose(
        BootPlan(route="disk"),
        {
            "until": "login:",
            "timeout_s": float(_LIMIT_S),
            "disk_interface": "virtio",
            "more_disks": [str(changed)] if change.by_two_paths else [],
            "disk_faults": ["vanish:after=banner"] if change.by_two_paths else [],
        },
    )
    judgement = judge(boot(str(changed), plan))
    said = " ".join((judgement.summary, *judgement.warnings))
    right = judgement.cause == change.cause and change.says in said
    line = f"{judgement.cause or 'good'}: {judgement.summary}"
    if judgement.warnings:
        line += f" (warning: {'; '.join(judgement.warnings)})"
    return re.sub(r"\s+", " ", line), not right


def main(folder: str, *names: str) -> int:
    """Boot the appliance with each change, print what came of it, and return the exit status."""
    for program in ("mmdebstrap", "sfdisk", "mkfs.vfat", "mkfs.ext4", "mcopy", "syslinux"):
        if not shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin"):
            print(f"{program} is not installed: `make appliance` installs it", file=sys.stderr)
            return 125
    image = make(Path(folder))
    chosen = [each for each in CHANGES if not names or each.name in names]
    failed = 0
    for change in chosen:
        line, bad = wrong(change, image)
        failed += bad
        print(f"{'WRONG' if bad else 'right'}  {change.name}: {line}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} as they must be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
