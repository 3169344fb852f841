"""What a guest reads over iSCSI, written down where it lies on the disk."""

import struct
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.formats.iscsi import Pdus
from bootharness.kernels.source import fetch
from bootharness.network.arrived import Arrived, ArrivedDisk
from bootharness.network.watched_wire import WatchedWire
from bootharness.routes.seen_disk import kernels_on
from bootharness.trace.network_facts import NetEventKind
from tests.network.test_watched_wire import Talk

DISK = Random(1).randbytes(8192)
TARGET = b"InitiatorName=a\0TargetName=iqn.x:disk\0"


def pdu(kind: int, data: bytes = b"", task: int = 7, **parts: bytes) -> bytes:
    """Return a unit; ``parts`` are bytes of its header, by where they begin."""
    head = bytearray(48)
    head[0] = kind
    head[5:8] = len(data).to_bytes(3, "big")
    head[16:20] = task.to_bytes(4, "big")
    for at, part in parts.items():
        head[int(at[1:]) : int(at[1:]) + len(part)] = part
    return bytes(head) + data.ljust(len(data) + 3 & ~3, b"\0")


def read_10(first: int, count: int) -> bytes:
    return struct.pack(">BBIBH", 0x28, 0, first, 0, count)


def capacity(talk: Talk, status: int = 0) -> None:
    talk.say(1, data=pdu(0x41, task=1, _8=b"\0\1", _32=b"\x25"))
    if status:
        talk.say(-1, data=pdu(0x21, task=1, _3=bytes([status])))
    else:
        talk.say(-1, data=pdu(0x25, struct.pack(">II", 15, 512), task=1, _1=b"\x81"))


def logged_in(folder: Path, status: int = 0) -> Talk:
    talk = Talk(folder, port=3260)
    talk.say(1, data=pdu(0x43, TARGET))
    talk.say(-1, data=pdu(0x23, _36=status.to_bytes(2, "big")))
    return talk


def test_what_is_read_lies_where_it_lies_on_the_disk(tmp_path: Path) -> None:
    talk = logged_in(tmp_path)
    capacity(talk)
    both = pdu(0x01, task=2, _8=b"\0\1", _32=read_10(2, 4))
    # a unit in two segments, and two in one
    talk.say(1, data=both[:20])
    talk.say(1, data=both[20:] + pdu(0x01, task=3, _8=b"\0\1", _32=read_10(12, 1)))
    talk.say(-1, data=pdu(0x25, DISK[1024:2048], task=2))
    talk.say(-1, data=pdu(0x25, DISK[2048:3072], task=2, _1=b"\x81", _40=struct.pack(">I", 1024)))
    talk.say(-1, data=pdu(0x25, DISK[6144:6656], task=3, _1=b"\x81"))
    talk.say(-1, data=pdu(0x25, bytes(512), task=3))  # what nobody asked for
    files = talk.wire.files
    assert isinstance(files, Arrived)
    [disk] = files.disks
    assert disk.spans == [range(1024, 3072), range(6144, 6656)]
    assert disk.path.read_bytes() == bytes(1024) + DISK[1024:3072] + bytes(3072) + DISK[6144:6656]
    [file] = talk.wire.transferred(1)
    assert (file.name, file.protocol, file.outcome) == ("iqn.x:disk LUN 1", "iscsi", "read")
    assert (file.sent_bytes, file.file_bytes) == (2560, 8192)


def san(wire: WatchedWire) -> list[str]:
    return [f"{e.file} {e.text}" for e in wire.events(1) if e.kind == NetEventKind.SAN]


def test_what_a_target_refuses_is_told(tmp_path: Path) -> None:
    refused = "iqn.x:disk iscsi at 10.0.2.1, which refused the login: "
    assert san(logged_in(tmp_path, 0x203).wire) == [f"{refused}there is no such target"]
    assert san(logged_in(tmp_path, 0x201).wire) == [f"{refused}status 0201"]
    talk = logged_in(tmp_path)
    capacity(talk, 2)
    capacity(talk, 2)
    asked = "iqn.x:disk LUN 1 iscsi at 10.0.2.1"
    assert san(talk.wire) == [asked, f"{asked}, which is no disk that can be read"]


def test_guest_that_asks_for_disks_without_end_gets_no_file_for_each(tmp_path: Path) -> None:
    talk = logged_in(tmp_path)
    for lun in range(200):
        talk.say(1, data=pdu(0x41, task=lun, _8=lun.to_bytes(2, "big"), _32=read_10(0, 1)))
    assert len(list(tmp_path.iterdir())) == 64


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_do_no_harm(pieces: list[bytes]) -> None:
    units = Pdus()
    for each in pieces:
        assert sum(len(unit.data) for unit in units.take(each)) <= sum(map(len, pieces))


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=120)), max_size=20))
def test_any_talk_does_no_harm(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[bool, bytes]]
) -> None:
    talk = logged_in(tmp_path_factory.mktemp("iscsi"))
    capacity(talk)
    for guest, data in said:
        talk.say(1 if guest else -1, data=pdu(0x01, task=2, _8=b"\0\1", _32=data[:16])[:48])
        talk.say(1 if guest else -1, data=data)
    talk.wire.finish(1, talk.now)
    assert len(talk.wire.transferred(1)) <= 2


def test_kernel_is_found_where_it_begins_on_what_was_read(tmp_path: Path) -> None:
    kernel = fetch("selfcheck:16").path.read_bytes()
    arrived = Arrived(tmp_path)
    disk: ArrivedDisk = arrived.begin_disk("iqn.x:disk LUN 1")
    disk.write(4096, b"\0" * 515 + b"HdrS" + bytes(505))  # no kernel begins there
    disk.write(10 << 20, b"x" * 512 + kernel)
    [found] = kernels_on(disk)
    assert found.source == "iqn.x:disk LUN 1 at LBA 20481"
    assert found.content.read(0, len(kernel)) == kernel
    nothing = arrived.begin_disk("empty")
    assert not list(kernels_on(nothing))
