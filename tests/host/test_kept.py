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
from bootharness.host.cache import cache_dir, published, state_dir
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


def test_home_is_not_needed_where_the_cache_is_named(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)
    for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert cache_dir("some") == cache / "some"
    monkeypatch.delenv("BOOTHARNESS_CACHE")
    with pytest.raises(LaunchFailed, match="set BOOTHARNESS_CACHE"):
        cache_dir("some")
    with pytest.raises(LaunchFailed, match="set XDG_STATE_HOME"):
        state_dir()
