"""What the cache keeps is looked at before it is used, and made anew where it is damaged."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootharness.errors import LaunchFailed
from bootharness.host.assembler import assemble_flat, assemble_program, shipped
from bootharness.host.cache import cache_dir, published, state_dir, usual_cache, why_not_kept
from bootharness.host.kept import seal, sealed
from bootharness.kernels.image import KernelImage
from bootharness.kernels.selfcheck import selfcheck_kernel
from tests.support.builders import bzimage

RECORDER, STAGE1 = shipped("mbr/recorder.asm"), shipped("mbr/stage1.asm")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def program(_: Path) -> tuple[object, bytes]:
    assembled, elf = assemble_program(STAGE1, origin=0x7C00)
    return assembled, elf.read_bytes()


def grown(tmp_path: Path) -> bytes:
    (tmp_path / "kernel").write_bytes(bzimage(bytes(1600)))
    kernel = KernelImage.read(tmp_path / "kernel").grown(32_000, source="grown")
    return kernel.path.read_bytes()


MADE: dict[str, Callable[[Path], Any]] = {
    "assembled": lambda _: assemble_flat(RECORDER),
    "program": program,
    "selfcheck": lambda _: selfcheck_kernel(160_000).read_bytes(),
    "grown": grown,
}
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "two thirds": lambda content: content[: len(content) * 2 // 3],
    "a bit": lambda content: content[:-40] + bytes([content[-40] ^ 1]) + content[-39:],
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", MADE)
def test_damaged_files_are_made_anew(tmp_path: Path, cache: Path, kind: str, damage: str) -> None:
    before = MADE[kind](tmp_path)
    for path in cache.rglob("*"):
        if path.is_file():
            path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert MADE[kind](tmp_path) == before


def test_what_is_whole_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [make(tmp_path) for make in MADE.values()]
    monkeypatch.setenv("PATH", "/not/here")  # neither NASM nor ld
    assert [make(tmp_path) for make in MADE.values()] == before


def test_full_cache_that_cannot_be_written_to_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [make(tmp_path) for make in MADE.values()]

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkstemp", read_only)
    assert [make(tmp_path) for make in MADE.values()] == before
    assert KernelImage.read(selfcheck_kernel(160_000)).sha256
    with pytest.raises(LaunchFailed, match="cannot be written to"):
        selfcheck_kernel(320_000)


@pytest.mark.parametrize("content", [b"", b"works", bytes(1000)])
def test_what_is_sealed_is_read_as_it_was(content: bytes) -> None:
    path = cache_dir("some") / "thing"
    assert sealed(path) is None
    seal(path, content)
    assert sealed(path) == content
    (file,) = path.parent.iterdir()
    file.write_bytes(b"x" + file.read_bytes())
    assert sealed(path) is None


def test_others_can_read_what_is_kept_and_nobody_can_start_it() -> None:
    path = cache_dir("some") / "thing"
    with published(path) as made:
        made.write_bytes(b"#!/bin/sh\n")
        made.chmod(0o777)
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_is_kept_is_on_the_disk_before_it_has_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, settled = cache_dir("some") / "thing", []
    monkeypatch.setattr(os, "fsync", lambda handle: settled.append(
        (os.fstat(handle).st_size, path.exists())))  # fmt: skip
    with published(path) as made:
        made.write_bytes(b"content")
    assert settled == [(7, False)]


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says where this user's files are."""
    for variable in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("bootharness.host.cache._home_by_passwd", lambda: None)


@pytest.mark.usefixtures("homeless")
def test_home_is_not_needed_where_the_cache_is_named(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_dir("some") == cache / "some"
    monkeypatch.delenv("BOOTHARNESS_CACHE")
    assert why_not_kept() == "there is no home folder"
    with pytest.raises(LaunchFailed, match="set XDG_STATE_HOME"):
        state_dir()


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize("home", ["", "/"])
def test_the_root_folder_is_nobodys_home(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOTHARNESS_CACHE")
    monkeypatch.setenv("HOME", home)
    assert usual_cache() is None


@pytest.fixture
def read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache at its usual place with something in it, to which nothing can be added."""
    monkeypatch.delenv("BOOTHARNESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    for make in MADE.values():
        make(tmp_path)
    monkeypatch.setattr("bootharness.host.cache.why_not_kept", lambda: "it is read-only")
    monkeypatch.setenv("_BOOTHARNESS_STAND_IN", str(tmp_path / "stand-in"))
    (tmp_path / "stand-in").mkdir()
    return tmp_path / "home/bootharness"


def test_what_a_read_only_cache_has_is_used(
    read_only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.stat().st_mtime_ns for path in read_only.rglob("*")}
    monkeypatch.setenv("PATH", "/not/here")  # neither NASM nor ld
    for make in MADE.values():
        make(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in read_only.rglob("*")} == before


def test_what_a_read_only_cache_has_not_is_made_elsewhere(read_only: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in read_only.rglob("*")}
    kernel = selfcheck_kernel(320_000)
    assert kernel.is_relative_to(tmp_path / "stand-in")
    assert {path: path.stat().st_mtime_ns for path in read_only.rglob("*")} == before
