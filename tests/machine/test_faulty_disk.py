"""A faulty disk, read over its socket as QEMU does."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootharness.errors import DiskLost
from bootharness.formats import nbd
from bootharness.kernels.content import Bytes, Source
from bootharness.machine.faulty_disk import HANGS_S, FaultyDisk
from bootharness.plan.disk_fault import DiskFaults

SIZE = 1 << 16
CONTENT = bytes(range(256)) * (SIZE // 256)
SECTOR = 512
TRIM = 4


class Reader:
    """Who reads a disk, and what it is."""

    def __init__(self, disk: FaultyDisk) -> None:
        self.disk = disk
        self.socket = disk.guest_end.dup()
        self.socket.settimeout(20)
        self._take(nbd.HELLO.size)
        self.socket.sendall(nbd.FIXED_NO_ZEROES.to_bytes(4, "big"))
        self.socket.sendall(nbd.CHOOSE.pack(nbd.OPTIONS, 8, 0))
        _, option, said, _ = nbd.OPTION_REPLY.unpack(self._take(nbd.OPTION_REPLY.size))
        assert (option, said) == (8, nbd.UNSUPPORTED)
        self.socket.sendall(nbd.CHOOSE.pack(nbd.OPTIONS, nbd.EXPORT_NAME, 4) + b"disk")
        self.size, self.flags = nbd.EXPORT.unpack(self._take(nbd.EXPORT.size))

    def ask(self, lba: int, sectors: int = 1, *, command: int = nbd.READ) -> None:
        request = nbd.REQUEST.pack(nbd.ASKED, 0, command, lba, lba * SECTOR, sectors * SECTOR)
        self.socket.sendall(request)

    def answer(self, sectors: int = 1) -> bytes | int:
        """Return what was read, or the error."""
        _, error, _ = nbd.REPLY.unpack(self._take(nbd.REPLY.size))
        return error or self._take(sectors * SECTOR)

    def read(self, lba: int, sectors: int = 1) -> bytes | int:
        self.ask(lba, sectors)
        return self.answer(sectors)

    def has_answer(self, within_s: float = 0.0) -> bool:
        return bool(select.select([self.socket], [], [], within_s)[0])

    def _take(self, size: int) -> bytes:
        return self.socket.recv(size, socket.MSG_WAITALL)


@contextmanager
def reading(*faults: str, base: int = 0, content: Source | None = None) -> Iterator[Reader]:
    content = content or Bytes(CONTENT)
    with FaultyDisk(
        DiskFaults.parse(faults), content, SIZE, sector_bytes=SECTOR, base=base
    ) as disk:
        reader = Reader(disk)
        disk.started(0.0)
        disk.begin()
        try:
            yield reader
        finally:
            reader.socket.close()


def right(lba: int, sectors: int = 1) -> bytes:
    return CONTENT[lba * SECTOR : (lba + sectors) * SECTOR]


def events(reader: Reader) -> list[tuple[str, int, int, int]]:
    return [(each.kind, each.lba, each.sectors, each.times) for each in reader.disk.facts().events]


def test_what_has_no_fault_is_read_as_it_is() -> None:
    with reading("error:lba=100") as reader:
        assert (reader.size, reader.flags) == (SIZE, nbd.READ_ONLY)
        assert reader.read(3, 4) == right(3, 4)
        assert events(reader) == []
        facts = reader.disk.facts()
        assert (facts.reads, facts.bytes, facts.faults) == (1, 4 * SECTOR, ("error:lba=100",))


def test_a_sector_fails_as_often_as_it_should() -> None:
    with reading("error:lba=5,times=2") as reader:
        assert [reader.read(lba, 2) for lba in (3, 4, 5)] == [right(3, 2), nbd.IO_ERROR, 5]
        assert reader.read(4, 2) == right(4, 2)
        assert events(reader) == [("failed", 4, 2, 1), ("failed", 5, 2, 1)]


def test_what_is_read_before_the_guest_begins_spends_nothing() -> None:
    faults = DiskFaults.parse(["error:lba=0,times=1", "vanish:after=read:1"])
    with FaultyDisk(faults, Bytes(CONTENT), SIZE, sector_bytes=SECTOR, base=0) as disk:
        reader = Reader(disk)
        assert [reader.read(0), reader.read(0)] == [right(0)] * 2
        disk.begin()
        assert reader.read(0) == nbd.IO_ERROR
        assert disk.facts().reads == 1
        reader.socket.close()


def test_from_the_read_on_after_which_it_vanishes_nothing_is_read() -> None:
    with reading("vanish:after=read:2") as reader:
        assert [reader.read(lba) for lba in (1, 2)] == [right(1), right(2)]
        assert [reader.read(lba) for lba in (3, 1)] == [nbd.IO_ERROR] * 2
        assert events(reader) == [("vanished", 3, 1, 1)]


def test_a_read_waits_until_it_is_known_whether_it_vanishes() -> None:
    with reading("vanish:after=banner") as reader:
        for vanishes, wanted in ((False, right(1)), (True, nbd.IO_ERROR)):
            reader.ask(1)
            assert select.select([reader.disk.fileno()], [], [], 20)[0]
            assert reader.disk.asks == "banner"
            assert not reader.has_answer()
            assert reader.disk.owed_s > 0
            reader.disk.answer(vanishes=vanishes)
            assert reader.answer() == wanted
            assert not reader.disk.asks
        assert reader.read(2) == nbd.IO_ERROR
        assert 0 < reader.disk.cost_s < 20


def test_a_read_that_hangs_keeps_no_other_one_and_ends_when_it_is_let_go() -> None:
    with reading("hang:lba=5") as reader:
        reader.ask(4, 3)
        assert reader.read(1) == right(1)
        assert reader.disk.hangs
        assert not reader.has_answer()
        reader.disk.let_go()
        waited = reader.disk.facts().events[0].waited_s
        assert reader.answer() == nbd.IO_ERROR
        [event] = reader.disk.facts().events
        assert (event.kind, event.lba, event.sectors) == ("unanswered", 4, 3)
        assert event.waited_s == waited < HANGS_S


def test_a_sector_that_hung_fails_and_does_not_hang_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootharness.machine.faulty_disk.HANGS_S", 0.2)
    with reading("hang:lba=5") as reader:
        assert reader.read(5) == nbd.IO_ERROR
        assert reader.disk.facts().events[0].waited_s >= 0.2
        cost = reader.disk.cost_s
        assert cost == pytest.approx(0.2)  # and no more, however busy the host
        assert reader.read(5) == nbd.IO_ERROR
        assert reader.disk.cost_s == cost
        assert events(reader) == [("unanswered", 5, 1, 1)]


def test_the_lowest_bit_of_one_byte_is_flipped() -> None:
    with reading("flip:lba=5,byte=7") as reader:
        read = reader.read(4, 3)
        assert isinstance(read, bytes)
        wrong = [at for at in range(len(read)) if read[at] != right(4, 3)[at]]
        assert wrong == [SECTOR + 7]
        assert read[SECTOR + 7] ^ right(5)[7] == 1
        assert events(reader) == [("flipped", 4, 3, 1)]


def test_sectors_count_from_where_the_drive_begins() -> None:
    with reading("error:lba=1", base=10 * SECTOR) as reader:
        assert reader.read(1) == right(1)
        assert reader.read(10) == right(10)
        assert reader.read(11) == nbd.IO_ERROR
        assert events(reader) == [("failed", 1, 1, 1)]


def test_slow_reads_cost_what_they_take_and_no_more_than_all_of_it_once() -> None:
    with reading("slow:rate=40960") as reader:
        for _ in range(3):
            assert reader.read(0, 8) == right(0, 8)
        assert 0.29 <= reader.disk.cost_s <= SIZE / 40960
        assert not reader.disk.is_spent
        assert events(reader) == [("slowed", 0, 8, 1)]
    with reading("slow:iops=20") as reader:
        assert [reader.read(lba) for lba in range(3)] == [right(lba) for lba in range(3)]
        assert reader.disk.cost_s >= 0.14


def test_events_are_kept_up_to_a_number() -> None:
    with reading("error:lba=5", "error:lba=6") as reader:
        for _ in range(600):
            assert reader.read(5) == nbd.IO_ERROR
            assert reader.read(6) == nbd.IO_ERROR
        facts = reader.disk.facts()
        assert (len(facts.events), facts.events_left_out, facts.reads) == (1000, 200, 1200)


@pytest.mark.parametrize("request_", [(SIZE // SECTOR, 1, nbd.READ), (0, 1, TRIM)])
def test_what_is_no_read_of_it_is_refused(request_: tuple[int, int, int]) -> None:
    lba, sectors, command = request_
    with reading("error:lba=5") as reader:
        reader.ask(lba, sectors, command=command)
        assert reader.answer() == nbd.INVALID


def test_it_ends_where_nobody_ever_reads_it() -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    with FaultyDisk(
        DiskFaults.parse(["slow:iops=1"]), Bytes(CONTENT), SIZE, sector_bytes=SECTOR, base=0
    ):
        pass
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_an_image_that_cannot_be_read_any_more_is_nobodys_fault() -> None:
    class Gone:
        def read(self, start: int, size: int) -> bytes:
            raise OSError(5, "Input/output error")

    with reading("slow:iops=100", content=Gone()) as reader:
        reader.ask(1)
        assert reader.socket.recv(1) == b""
        with pytest.raises(DiskLost, match="could not be read: OSError"):
            reader.disk.check()
