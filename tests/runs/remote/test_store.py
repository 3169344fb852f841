"""What is sent to a worker: kept whole or not at all, and as much as has room."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootharness.errors import LaunchFailed, UsageError
from bootharness.runs.remote import store as store_module
from bootharness.runs.remote.parcel import Content, Parcel, packed
from bootharness.runs.remote.store import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path / "cache"))
    yield Store()


def send(store: Store, content: Content, size: int = 7) -> None:
    for at in range(0, content.size or 1, size):
        store.put(content.digest, "part", at, content.read(at, size), content.size)


def sent(store: Store, name: str, *, loader: bool = False) -> Parcel:
    parcel, contents = packed(name, loader=loader)
    for each in contents:
        send(store, each)
    return parcel


def test_a_file_that_came_in_pieces_is_what_was_sent(store: Store, tmp_path: Path) -> None:
    for content in (b"", b"1234567", b"12345678", b"x" * 1000):
        file = tmp_path / "bz Image"
        file.write_bytes(content)
        with store.taken(sent(store, str(file))) as (path, missing):
            assert not missing
            assert path.read_bytes() == content
            assert path.name.endswith("-bz Image")


def test_what_is_missing_or_damaged_is_asked_for(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "kernel"
    file.write_bytes(b"kernel")
    parcel, [content] = packed(str(file))
    with store.taken(parcel) as (_, missing):
        assert missing == (content.digest,)
    send(store, content)
    assert store.has(content.digest)
    (store.folder / content.digest).write_bytes(b"kernal")
    assert not store.has(content.digest)
    send(store, content)
    with store.taken(parcel) as (path, missing):
        assert (path.read_bytes(), missing) == (b"kernel", ())


def test_what_came_otherwise_is_not_kept(store: Store) -> None:
    digest = hashlib.sha256(b"right").hexdigest()
    with pytest.raises(LaunchFailed, match="not what was sent"):
        store.put(digest, "part", 0, b"wrong", 5)
    assert not store.has(digest)
    assert not [*store.folder.iterdir()]


def test_two_who_send_the_same_do_not_meet(store: Store) -> None:
    digest = hashlib.sha256(b"abcd").hexdigest()
    store.put(digest, "one", 0, b"ab", 4)
    store.put(digest, "two", 0, b"ab", 4)
    store.put(digest, "one", 2, b"cd", 4)
    store.put(digest, "two", 2, b"cd", 4)
    assert store.has(digest)
    assert [each.name for each in store.folder.iterdir()] == [digest]


def test_a_folder_is_laid_out_as_it_was(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "deep/er").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "deep/er/file").write_bytes(b"1")
    (root / "same").write_bytes(b"1")
    (root / "inside").symlink_to("deep/er/file")
    (root / "outside").symlink_to("/etc/hostname")
    with store.taken(sent(store, str(root))) as (path, missing):
        assert not missing
        names = sorted(str(each.relative_to(path)) for each in path.rglob("*"))
        assert names == ["deep", "deep/er", "deep/er/file", "empty", "inside", "outside", "same"]
        assert (path / "inside").read_bytes() == b"1"
        assert (path / "outside").readlink() == Path("/etc/hostname")


def test_a_loader_goes_with_its_profile_and_what_it_includes(store: Store, tmp_path: Path) -> None:
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc/more.asm").write_text("nop\n")
    (tmp_path / "my.asm").write_text('%include "inc/more.asm"\n')
    (tmp_path / "my.toml").write_text("[patch]\n")
    parcel = sent(store, str(tmp_path / "my.asm"), loader=True)
    with store.taken(parcel) as (path, _):
        assert path.name == "my.asm"
        assert path.with_suffix(".toml").exists()
        assert (path.parent / "inc/more.asm").read_text() == "nop\n"


def test_a_loader_that_includes_what_is_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.asm").write_text("nop\n")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/my.asm").write_text('%include "../elsewhere.asm"\n')
    with pytest.raises(UsageError, match="not beside it"):
        packed(str(tmp_path / "here/my.asm"), loader=True)


def test_room_is_made_but_not_of_what_a_boot_is_at(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MOST_BYTES", 25)
    parcels = []
    for number in range(3):
        file = tmp_path / str(number)
        file.write_bytes(bytes([number]) * 10)
        parcels.append(packed(str(file)))
    (first, [one]), (_, [two]), (_, [three]) = parcels
    send(store, one)
    send(store, two)
    os.utime(store.folder / one.digest, (1, 1))
    os.utime(store.folder / two.digest, (2, 2))
    with store.taken(first):
        os.utime(store.folder / one.digest, (1, 1))
        send(store, three)
        assert [store.has(each.digest) for each in (one, two, three)] == [True, False, True]
    assert [each.name for each in store.folder.iterdir() if each.name.endswith(".part")] == []


def test_a_place_that_is_full_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(b"12").hexdigest()
    store.put(digest, "part", 0, b"1", 2)
    monkeypatch.setattr(Path, "open", lambda *_: os.open("/dev/full/x", os.O_RDONLY))
    with pytest.raises(LaunchFailed, match="sent: what was sent cannot be kept"):
        store.put(digest, "part", 1, b"2", 2)
    assert not [*store.folder.iterdir()]


def test_a_store_has_a_name_of_its_own(store: Store) -> None:
    assert store.id == Store().id
