"""What modules need, against kmod on the same lists, and what is said of wrong ones."""

import gzip
import lzma
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.initramfs.modules import Folder, Modules, module_name
from bootharness.initramfs.own_modules import with_own

RELEASE = "6.1.0-test"


def module(depends: str = "", release: str = RELEASE, *, more: str = "") -> bytes:
    """Return an ELF file with two sections: what a module says of itself, and their names."""
    said = f"depends={depends}\0{more}vermagic={release} SMP mod_unload \0".encode()
    names = b"\0.modinfo\0.shstrtab\0"
    head = b"\x7fELF\2\1".ljust(40, b"\0")
    at = 64 + len(said) + len(names)
    head += struct.pack("<Q10xHHH", at, 64, 3, 2)
    sections = bytes(64)
    for name, offset, size in ((1, 64, len(said)), (10, 64 + len(said), len(names))):
        sections += struct.pack("<I20xQQ24x", name, offset, size)
    return head + said + names + sections


def tree(folder: Path, files: dict[str, bytes | str]) -> Modules:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Modules(Folder(folder), RELEASE)


LISTS = {
    "modules.dep": (
        "kernel/md/dm-mod.ko:\nkernel/md/dm-crypt.ko: kernel/md/dm-mod.ko\n"
        "kernel/crypto/xts.ko.xz:\nkernel/net/virtio_net.ko: kernel/net/net_failover.ko "
        "kernel/net/failover.ko\nkernel/net/net_failover.ko: kernel/net/failover.ko\n"
        "kernel/net/failover.ko:\n"
    ),
    "modules.builtin": "kernel/fs/ext4/ext4.ko\n",
    "modules.builtin.modinfo": "aes_generic.alias=aes\0aes_generic.license=GPL\0",
    "modules.softdep": "softdep dm_crypt pre: xts post: nothing-here\n",
    "modules.alias": "alias pci:v00001AF4d*sv* virtio_net\nalias crypto-xts xts\n",
}


def names(made: Modules, *wanted: str) -> list[str]:
    return [module_name(each) for each in made.closure(wanted)]


@pytest.mark.parametrize(
    ("wanted", "loaded"),
    [
        (("dm-crypt",), ["xts", "dm_mod", "dm_crypt"]),
        (("dm_crypt", "dm_mod"), ["xts", "dm_mod", "dm_crypt"]),
        (("virtio_net",), ["failover", "net_failover", "virtio_net"]),
        (("pci:v00001AF4d00001000sv00000000",), ["failover", "net_failover", "virtio_net"]),
        (("crypto-xts",), ["xts"]),
        (("ext4", "aes"), []),
    ],
)
def test_what_a_module_needs_comes_before_it(
    tmp_path: Path, wanted: tuple[str, ...], loaded: list[str]
) -> None:
    assert names(tree(tmp_path, LISTS), *wanted) == loaded


def test_soft_dependencies_in_a_circle_end(tmp_path: Path) -> None:
    made = tree(tmp_path, {
        "modules.dep": "a.ko:\nb.ko:\n", "modules.softdep": "softdep a pre: b\nsoftdep b pre: a\n"
    })  # fmt: skip
    assert sorted(names(made, "a")) == ["a", "b"]


def test_module_that_there_is_not_is_told_with_one_that_is_near(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^/.* has no module dm-cript: did you mean dm_crypt"):
        names(tree(tmp_path, LISTS), "dm-cript")


def test_modules_say_themselves_what_they_need_where_nobody_ran_depmod(tmp_path: Path) -> None:
    soft = module(more="softdep=pre: speed\0alias=fast-a\0")
    made = tree(tmp_path, {
        "drivers/a.ko": module("b-c"), "lib/b_c.ko": soft, "lib/c.ko": module(more="alias=speed\0"),
    })  # fmt: skip
    assert names(made, "a") == ["c", "b_c", "a"]
    assert names(made, "fast-a") == ["c", "b_c"]
    with pytest.raises(UsageError, match=r"neither modules\.dep nor any module"):
        names(tree(tmp_path / "none", {"x": ""}), "a")


@pytest.mark.parametrize("packed", [bytes, gzip.compress, lzma.compress, "zstd"])
def test_module_is_unpacked(tmp_path: Path, packed: object) -> None:
    content = module()
    if packed == "zstd":
        if not shutil.which("zstd"):
            pytest.skip("zstd is not installed")
        data = subprocess.run(["zstd", "-c"], input=content, capture_output=True, check=True).stdout
    else:
        data = packed(content)  # type: ignore[operator]
    made = tree(tmp_path, {"modules.dep": "a.ko:\n", "a.ko": data})
    assert made.content("a.ko") == content


def test_module_of_another_kernel_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    made = tree(tmp_path, {
        "modules.dep": "a.ko:\nb.ko.xz:\nc.ko:\n", "a.ko": module(release="6.2.0"),
        "b.ko.xz": lzma.compress(module())[:40] + bytes(40),
    })  # fmt: skip
    for name, said in (
        ("a.ko", r"a module of 6\.2\.0, and the kernel is 6\.1\.0-test"),
        ("b.ko.xz", "damaged"),
        ("c.ko", "in its lists, and is not there"),
    ):
        with pytest.raises(UsageError, match=said):
            made.content(name)


def test_modules_of_ones_own_come_before_the_kernels_with_what_they_need(tmp_path: Path) -> None:
    made = tree(tmp_path / "kernel", LISTS)
    own = {name: tmp_path / f"{name}.ko" for name in ("dm_mod", "mine")}
    own["dm_mod"].write_bytes(module())
    own["mine"].write_bytes(module("dm-mod,failover,ext4", more="softdep=pre: xts\0"))
    both = with_own(made, own)
    assert both.closure(["./mine.ko"])[-2:] == ["updates/dm_mod.ko", "updates/mine.ko"]
    assert names(both, "mine") == ["xts", "failover", "dm_mod", "mine"]
    assert names(both, "dm-crypt") == ["xts", "dm_mod", "dm_crypt"]
    assert both.content("updates/dm_mod.ko") == module()


def test_a_module_of_ones_own_that_cannot_be_loaded_is_refused_by_its_file(tmp_path: Path) -> None:
    made, file = tree(tmp_path / "kernel", LISTS), tmp_path / "mine.ko"
    file.write_bytes(module(release="6.2.0"))
    with pytest.raises(UsageError, match=rf"^{file}: a module of 6\.2\.0, and the kernel is"):
        with_own(made, {"mine": file}).content("updates/mine.ko")
    file.write_bytes(module("no-such"))
    with pytest.raises(UsageError, match=rf"^{file}: it needs no_such, and .* has no such module"):
        with_own(made, {"mine": file}).closure(["mine"])


@pytest.mark.skipif(not shutil.which("modprobe"), reason="kmod is not installed")
def test_the_same_is_loaded_as_modprobe_would(tmp_path: Path) -> None:
    from bootharness.initramfs.sources import modules_of
    from bootharness.kernels.source import fetch
    from tests.support.faults import DEBIAN

    kernel = fetch(DEBIAN)
    made = modules_of(kernel, None)
    assert made
    folder = tmp_path / "lib/modules" / kernel.release
    folder.mkdir(parents=True)
    source = made.source
    for name in ("modules.dep", "modules.alias", "modules.softdep", "modules.builtin",
                 "modules.order", "modules.builtin.modinfo"):  # fmt: skip
        (folder / name).write_bytes(source.read(name) or b"")
    for path in source.modules():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(source.read(path) or b"")
    subprocess.run(["depmod", "-b", tmp_path, kernel.release], check=True)
    for wanted in ("dm-crypt", "virtio_net", "btrfs", "nvme", "xfs", "crypto-xts"):
        said = subprocess.run(
            ["modprobe", "-d", tmp_path, "-S", kernel.release, "--show-depends", wanted],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert set(names(made, wanted)) >= set(_inserted(said)), wanted


def _inserted(said: str) -> Iterable[str]:
    for line in said.splitlines():
        if line.startswith("insmod"):
            yield module_name(line.split()[1])
