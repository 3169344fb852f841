"""Archives, against GNU cpio; what cannot be in one is told with its line."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.initramfs.archive import guest_archive
from bootharness.initramfs.manifest import read_manifest

pytestmark = pytest.mark.skipif(
    not shutil.which("busybox") or not shutil.which("cpio"),
    reason="busybox-static or cpio is not installed",
)


def archive(folder: Path, text: str) -> bytes:
    (folder / "m").write_text(text)
    return guest_archive(read_manifest(folder / "m"), None)


def unpacked(data: bytes, folder: Path) -> Path:
    folder.mkdir()
    subprocess.run(["cpio", "-idm", "--quiet"], input=data, cwd=folder, check=True)
    return folder


def test_all_that_a_manifest_names_is_in_it(tmp_path: Path) -> None:
    host = tmp_path / "host"
    (host / "sub").mkdir(parents=True)
    (host / "sub/file").write_text("content")
    (host / "sub/file").chmod(0o640)
    (host / "link").symlink_to("sub/file")
    (host / "first.sh").write_text("#!/bin/sh\n")
    (host / "second.sh").write_text("#!/bin/sh\n")
    made = unpacked(
        archive(
            host,
            "tree /opt/own .\nfile /etc/a/b sub/file\ndir /data/x\nslink /etc/l ../data\n"
            "autorun first.sh\nautorun second.sh\nbin sh\ntry-bin no-such-program\n",
        ),
        tmp_path / "made",
    )
    assert (made / "opt/own/sub/file").read_text() == (made / "etc/a/b").read_text() == "content"
    assert (made / "etc/a/b").stat().st_mode & 0o7777 == 0o640
    assert (made / "opt/own/link").readlink() == Path("sub/file")
    assert (made / "data/x").is_dir()
    assert (made / "etc/l").readlink() == Path("../data")
    scripts = sorted(each.name for each in (made / "etc/bootharness/run").iterdir())
    assert scripts == ["000-first.sh", "001-second.sh"]
    assert os.access(made / "bin/busybox", os.X_OK)
    assert (made / "init").read_bytes().startswith(b"#!/bin/busybox sh")


def test_of_one_name_the_first_counts_and_what_is_filtered_is_left_out(tmp_path: Path) -> None:
    host = tmp_path / "host"
    (host / "t/none/deep").mkdir(parents=True)
    (host / "t/none/deep/x").touch()
    (host / "t/some").touch()
    (host / "a").write_text("first")
    text = (
        "file /x a\nfile /x m\nfile /rsc/cpu/2\nfilter /t/none\ntree /t t\nfile /y a\nfilter /y\n"
    )
    made = unpacked(archive(host, text), tmp_path / "made")
    assert (made / "x").read_text() == "first"
    assert (made / "rsc/cpu/2").read_bytes() == b""
    assert [each.name for each in (made / "t").iterdir()] == ["some"]
    assert (made / "y").is_file()


def test_programs_of_a_folder_are_all_in_it(tmp_path: Path) -> None:
    host = tmp_path / "host"
    (host / "progs/sub").mkdir(parents=True)
    shutil.copy("/bin/true", host / "progs/a")
    shutil.copy("/bin/true", host / "progs/sub/b")
    made = unpacked(archive(host, "bin ./progs\n"), tmp_path / "made")
    inside = made / str(host / "progs").lstrip("/")
    assert os.access(inside / "a", os.X_OK)
    assert os.access(inside / "sub/b", os.X_OK)


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot is root's")
def test_programs_run_from_nothing_else(tmp_path: Path) -> None:
    made = unpacked(archive(tmp_path, "bin ls\nbin python3\n"), tmp_path / "made")
    done = subprocess.run(
        ["chroot", made, "ls", "/init"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "/init\n"), done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dir /a\nbin no-such-program\n", r"m:2: there is no program no-such-program here"),
        ("file /a none\n", r"m:1: .*none: No such file"),
        ("file /a .\n", r"m:1: .*: not a file; `tree` takes folders"),
        ("tree /a /dev/null\n", r"m:1: /dev/null: neither a file nor a folder nor a link"),
        ("dir ../a\n", r"m:1: '\.\./a': a name in an archive has no \.\."),
        ("file /a m\ndir /a/b\n", r"m:2: /a: a file has that name, so it can be no folder"),
        ("dir /a/b\nfile /a m\n", r"m:2: /a: a folder has that name, so it can be no file"),
        ("kmod dm-crypt\n", r"m:1: kmod needs the kernel's modules"),
    ],
)
def test_what_cannot_be_in_it_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        archive(tmp_path, text)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UsageError, match="m:1"):
        archive(tmp_path, "bin ./a\n")


def test_a_file_that_fits_no_initrd_is_told_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as big:
        big.truncate(3 << 30)
    for line in ("file /big big", "tree /big big", "bin ./big"):
        with pytest.raises(UsageError, match=r"m:2: .*big: 3,221,225,472 bytes; an initrd has"):
            archive(tmp_path, f"dir /a\n{line}\n")
    (tmp_path / "tree").mkdir()
    for name, target in (("a", "b"), ("b", "a"), ("up", "../tree")):
        (tmp_path / "tree" / name).symlink_to(target)
    made = unpacked(archive(tmp_path, "tree /tree tree\n"), tmp_path / "unpacked")
    assert (made / "tree/up").readlink() == Path("../tree")
