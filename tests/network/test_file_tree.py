"""A folder that is served: whatever is asked for, nothing outside of it is."""

import os
import shutil
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.network.file_tree import FileTree


@pytest.fixture
def tree(tmp_path: Path) -> FileTree:
    """A folder with a file, one in a folder of it, links, and a secret beside it."""
    root = tmp_path / "root"
    (root / "pxelinux.cfg").mkdir(parents=True)
    (root / "vmlinuz").write_bytes(b"kernel" * 100)
    (root / "pxelinux.cfg/default").write_text("DEFAULT linux\n")
    (tmp_path / "secret").write_text("secret")
    (root / "within").symlink_to("pxelinux.cfg/default")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to("../secret")
    (root / "nowhere").symlink_to("none")
    (root / "round").symlink_to("round")
    os.mkfifo(root / "fifo")
    return FileTree(root)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("vmlinuz", "vmlinuz"),
        ("/vmlinuz", "vmlinuz"),
        ("//vmlinuz", "vmlinuz"),
        ("./pxelinux.cfg//default", "pxelinux.cfg/default"),
        ("pxelinux.cfg/../vmlinuz", "vmlinuz"),
        ("within", "within"),
    ],
)
def test_a_file_is_found_as_a_server_on_the_folder_finds_it(
    tree: FileTree, asked: str, found: str
) -> None:
    assert tree.find(asked) == found
    content = tree.open(found)
    assert content is not None
    assert len(content) == len(content[:1000]) > 0


@pytest.mark.parametrize(
    "asked",
    ["", "/", "../secret", "/../secret", "pxelinux.cfg/../../secret", "out", "up", "nowhere",
     "round", "fifo", "pxelinux.cfg", "vmlinuz/", "vmlinuz/x", "vmlinuz\0", "x" * 5000, "x" * 300,
     "\udcff", "\x1b[2J", str(Path(__file__))],
)  # fmt: skip
def test_what_is_no_file_of_the_folder_is_not_found(tree: FileTree, asked: str) -> None:
    assert tree.find(asked) is None or asked == "vmlinuz/"
    assert "secret" not in tree.why_not(asked)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("Vmlinuz", "but there is vmlinuz"),
        ("pxelinux.cfg\\default", "but there is pxelinux.cfg/default"),
        ("PXELINUX.CFG/Default", "but there is pxelinux.cfg/default"),
        ("../secret", "leads out of the folder"),
        ("out", "is a link that leads out of the folder"),
        ("nowhere", "is a link that leads nowhere"),
        ("pxelinux.cfg", "is a folder"),
        ("fifo", "is no regular file"),
        ("vmlinuz/default", "but vmlinuz is a file, and no folder"),
        ("vmlinuz\\a\\b", "but vmlinuz is a file, and no folder"),
        ("initrd", ""),
    ],
)
def test_it_is_said_what_is_there_instead(tree: FileTree, asked: str, why: str) -> None:
    assert tree.why_not(asked) == why


def test_a_file_that_shrinks_while_it_is_sent_ends_early(tree: FileTree) -> None:
    content = tree.open("vmlinuz")
    assert content is not None
    (tree.root / "vmlinuz").write_bytes(b"k")
    assert content[0:1000] == b"k"
    assert content[100:200] == b""


def test_a_file_that_went_away_is_not_opened(tree: FileTree) -> None:
    shutil.rmtree(tree.root / "pxelinux.cfg")
    assert tree.open("pxelinux.cfg/default") is None


@pytest.mark.parametrize("name", ["none", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=name):
        FileTree(tmp_path / name)
