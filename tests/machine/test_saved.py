"""Saved machines in the cache: each under the name of all that has a part in it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.host.kept import intact
from bootharness.machine.saved import MOST_MIB, Saved, SavedMachine, keep, place_of
from bootharness.plan import MachineConfig

CONFIG = MachineConfig(qemu="qemu-system-x86_64", accelerator="tcg")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "machines"


@pytest.fixture
def qemu(tmp_path: Path) -> Path:
    """A QEMU with a folder of firmware beside it."""
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "efi-virtio.rom").write_bytes(b"iPXE")
    path = tmp_path / "qemu"
    path.write_text(f"#!/bin/sh\necho {tmp_path}/firmware\n")
    path.chmod(0o755)
    return path


class Machine:
    """A command line, of which a test changes something."""

    def __init__(self, qemu: Path, folder: Path) -> None:
        self.config = replace(CONFIG, qemu=str(qemu))
        self.folder = folder
        self.beside = "IP 4"
        self.fds = [7, 8]
        self.flash = folder / "vars.fd"
        self.flash.write_bytes(b"variables")
        self.words = {
            "memory": "-m 512",
            "netdev": "-netdev stream,id=net0,server=off,addr.type=fd,addr.str={1}",
            "card": "-device virtio-net-pci,netdev=net0,mac=52:54:00:12:34:01",
            "flash": f"-drive if=pflash,file={self.flash}",
            "QMP": "-chardev socket,id=qmp0,fd={0}",
        }

    def place(self) -> Path | None:
        words = " ".join(self.words.values()).format(*self.fds).split(" ")
        argv = [self.config.qemu, *words]
        return place_of(self.config, argv, self.beside, self.folder, self.fds)


@pytest.fixture
def machine(qemu: Path, tmp_path: Path) -> Machine:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return Machine(qemu, folder)


@pytest.mark.usefixtures("cache")
def test_another_boot_by_the_same_machine_has_the_same_place(
    machine: Machine, qemu: Path, tmp_path: Path
) -> None:
    place = machine.place()
    assert place
    other = tmp_path / "another"
    other.mkdir()
    again = Machine(qemu, other)
    again.fds = [11, 23]
    assert again.place() == place


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    "change",
    [
        lambda each: each.words.update(memory="-m 256"),
        lambda each: each.words.update(
            card="-device virtio-net-pci,netdev=net0,mac=52:54:00:12:34:02"
        ),
        lambda each: each.words.update(card="-device e1000,netdev=net0,mac=52:54:00:12:34:01"),
        lambda each: each.words.update(CPU="-cpu max"),
        lambda each: setattr(each, "beside", "IP 6"),
        lambda each: each.flash.write_bytes(b"variablfs"),
        lambda each: (each.folder.parent / "firmware" / "efi-virtio.rom").write_bytes(b"IPXE"),
        lambda each: Path(each.config.qemu).write_text(
            Path(each.config.qemu).read_text() + "# of another version\n"
        ),
    ],
    ids=["memory", "MAC", "card", "CPU", "IP", "UEFI variables", "ROM", "QEMU"],
)
def test_another_machine_has_another_place(machine: Machine, change: object) -> None:
    before = machine.place()
    assert callable(change)
    change(machine)
    after = machine.place()
    assert before
    assert after
    assert before != after


@pytest.mark.usefixtures("cache")
def test_what_a_script_starts_has_a_part_in_the_place(machine: Machine, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_bytes(b"\x7fELF 1")
    real.chmod(0o755)
    script = Path(machine.config.qemu)
    script.write_text(f"{script.read_text()}exe={real}\n")
    before = machine.place()
    real.write_bytes(b"\x7fELF 2")
    assert machine.place() not in (None, before)


@pytest.mark.usefixtures("cache")
def test_a_machine_whose_memory_takes_long_to_look_at_is_not_saved(machine: Machine) -> None:
    machine.config = replace(machine.config, memory_mib=MOST_MIB + 1)
    assert machine.place() is None


def made(folder: Path, text: bytes = b"stream") -> Path:
    path = folder / "made"
    with path.open("wb") as file:
        Saved(2.5, "digest", asking=(b"frame",), recorded=b"calls", bios_log="said").write(file)
        file.write(text)
    return path


def test_a_saved_machine_is_what_was_kept(cache: Path, tmp_path: Path) -> None:
    cache.mkdir(parents=True)
    keep(made(tmp_path), cache / "key")
    found = SavedMachine.at(cache / "key")
    assert found
    assert found.about == Saved(
        2.5, "digest", asking=(b"frame",), recorded=b"calls", bios_log="said"
    )
    assert found.file.read() == b"stream"
    found.file.close()


@pytest.mark.parametrize("at", [0, 12, -1])
def test_a_damaged_machine_is_none(cache: Path, tmp_path: Path, at: int) -> None:
    cache.mkdir(parents=True)
    keep(made(tmp_path), cache / "key")
    content = bytearray((cache / "key").read_bytes())
    content[at] ^= 1
    (cache / "key").write_bytes(content)
    assert SavedMachine.at(cache / "key") is None
    keep(made(tmp_path), cache / "key")
    assert intact(cache / "key")


def test_two_who_keep_the_same_at_once_do_not_clash(cache: Path, tmp_path: Path) -> None:
    cache.mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    ours = [made(tmp_path / name, name.encode() * 1_000_000) for name in ("a", "b")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda path: keep(path, cache / "key"), ours * 4))
    found = SavedMachine.at(cache / "key")
    assert found
    assert set(found.file.read()) in ({ord("a")}, {ord("b")})
    found.file.close()
    assert [path.name for path in cache.iterdir()] == ["key"]


def test_few_machines_are_kept(cache: Path, tmp_path: Path) -> None:
    cache.mkdir(parents=True)
    for number in range(70):
        keep(made(tmp_path), cache / f"key{number}")
    kept = list(cache.iterdir())
    assert len(kept) == 64
    assert cache / "key69" in kept


def test_a_cache_that_takes_nothing_does_no_harm(tmp_path: Path) -> None:
    keep(made(tmp_path), tmp_path / "nowhere" / "key")
