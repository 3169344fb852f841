"""`bootharness doctor`: what each use needs, whether it is here, and what installs the rest."""

import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from bootharness.cli import doctor, uses
from bootharness.cli.uses import USES, examined
from bootharness.host import accelerator, rights
from bootharness.host.accelerator import Kvm
from bootharness.host.rights import User
from bootharness.host.tool import GDB, QEMU_64, Tool
from bootharness.machine.device import CARDS
from bootharness.machine.firmware import card_rom
from bootharness.routes import table
from tests.support.processes import run

VERSIONS = {
    "qemu-system-x86_64": "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)",
    "qemu-system-i386": "QEMU emulator version 9.0",
    "nasm": "NASM version 2.16.01",
    "ld": "GNU ld (GNU Binutils for Debian) 2.40",
}


def programs(folder: Path, **says: str) -> str:
    """Write programs that say these versions, `_` for `-` in a name; return a PATH of them."""
    for name, line in {**VERSIONS, **says}.items():
        path = folder / name.replace("qemu_system_", "qemu-system-")
        path.write_text(f"#!/bin/sh\necho '{line}'\n")
        path.chmod(0o755)
    return str(folder)


def test_all_that_a_boot_needs_is_enough(tmp_path: Path) -> None:
    done = run("doctor", PATH=programs(tmp_path))
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0] == "boot: ok (boots from a disk, and predictions)"
    here = "qemu-system-x86_64 7.2.22, qemu-system-i386 9.0, nasm 2.16.01, ld 2.40"
    assert lines[1].strip() == here
    assert "debug: missing gdb: apt-get install gdb (debug, and --tracer gdb)" in lines
    assert lines[-1].startswith("to install what is missing: ")
    assert {"gdb", "git", "grub-common", "mmdebstrap"} <= {*lines[-1].split()}


def test_a_use_that_is_named_counts(tmp_path: Path) -> None:
    done = run("doctor", "boot", "debug", PATH=programs(tmp_path))
    assert done.returncode == 125
    assert [line.partition(":")[0] for line in done.stdout.splitlines() if line[:1].isalpha()] == [
        "boot", "debug", "to install what is missing",
    ]  # fmt: skip


def test_an_old_qemu_is_too_old(tmp_path: Path) -> None:
    path = programs(tmp_path, qemu_system_x86_64="QEMU emulator version 5.2.0")
    done = run("doctor", "boot", PATH=path)
    assert done.returncode == 125
    why = "boot: qemu-system-x86_64 5.2.0 is too old: 7.2 or later is needed"
    assert done.stdout.startswith(why)
    assert "apt-get install qemu-system-x86" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'GNU gdb (Debian 12.1-3) 12.1'", "gdb 12.1-3 is too old: 13 or later is needed"),
        (
            'echo "GNU gdb 13.2"; [ "$1" = --version ]',
            "gdb 13.2 is without Python",
        ),
        ("echo 'GNU gdb 13.2'", None),
    ],
)
def test_gdb_must_be_new_enough_and_have_python(
    tmp_path: Path, script: str, why: str | None
) -> None:
    path = tmp_path / "gdb"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    gdb = replace(GDB, name=str(path))
    assert gdb.why_unfit(gdb.said_version()) == why


@pytest.mark.parametrize(
    ("version", "old"),
    [("7.1.99", True), ("7.2", False), ("7.2.22+dfsg-1", False), ("10.0.2", False), ("7", True)],
)
def test_versions_are_compared_as_numbers(version: str, old: bool) -> None:
    assert bool(QEMU_64.why_unfit(version)) is old


def test_without_anything_every_use_says_what_it_needs(tmp_path: Path) -> None:
    done = run("doctor", "--json", "-", PATH=str(tmp_path))
    assert done.returncode == 125
    told = json.loads(done.stdout)
    by_name = {each["use"]: each for each in told["uses"]}
    assert [*by_name] == [*USES] == [*doctor._NAMES]
    assert not by_name["boot"]["good"]
    assert all(tool["missing"] for tool in by_name["boot"]["tools"])
    for tool in (tool for each in told["uses"] for tool in each["tools"]):
        assert tool["missing"] == bool(tool["why"])
        assert not tool["missing"] or tool["package"] in told["install"].split()


def test_files_are_looked_for_where_a_route_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Tool("/not/here/pxelinux.0", "pxelinux")
    route = replace(table.ROUTES["pxelinux"], tools=(gone,))
    monkeypatch.setitem(table.ROUTES, "pxelinux", route)
    report = examined("network")
    assert not report.good
    (why,) = (tool.why for tool in report.tools if tool.package == "pxelinux" and tool.missing)
    assert why == "pxelinux.0 is missing"


def test_a_home_that_cannot_be_written_to_is_told_of(tmp_path: Path) -> None:
    done = run("doctor", PATH=programs(tmp_path), HOME="/proc/none", XDG_CACHE_HOME="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing is kept, and each command downloads anew: /proc/none/" in done.stdout
    assert "set BOOTHARNESS_CACHE to a folder" in done.stdout
    assert "name one with --history or BOOTHARNESS_HISTORY" in done.stdout


def test_a_cache_that_is_named_and_cannot_be_written_to_is_told_of(tmp_path: Path) -> None:
    done = run("doctor", PATH=programs(tmp_path), BOOTHARNESS_CACHE="/proc/none")
    assert "nothing is kept, and each command is refused: /proc/none: " in done.stdout


def test_a_temporary_folder_that_cannot_be_is_told_of(tmp_path: Path) -> None:
    done = run("doctor", PATH=programs(tmp_path), TMPDIR="/proc/none")
    assert "Traceback" not in done.stderr
    assert "boot: ok" in done.stdout
    # Python takes another one where it can
    assert "temporary files in" in done.stdout or "set TMPDIR" in done.stdout


@pytest.mark.parametrize(
    ("speed", "user", "said"),
    [
        ("full", None, "QEMU stays root: no other user may open /dev/kvm"),
        ("none", User(1, reads_all=True), "may read everything when it boots from here"),
        ("none", User(1), "QEMU runs as a user of its own, who writes nothing of yours"),
    ],
)
def test_who_qemu_runs_as_is_told(
    monkeypatch: pytest.MonkeyPatch, speed: str, user: User | None, said: str
) -> None:
    found = msgspec.convert({"speed": speed, "cpu": "host"}, Kvm)
    monkeypatch.setattr(accelerator, "kvm", lambda _qemu: found)
    monkeypatch.setattr(rights, "why_no_own_user", lambda: None)
    monkeypatch.setattr(rights, "own_user", lambda *_: user)
    assert said in [*uses._machine("qemu-system-x86_64")][-1].text


@pytest.mark.parametrize("card", CARDS)
def test_the_rom_of_each_card_is_one_that_its_package_has(card: str) -> None:
    rom = Path(card_rom(QEMU_64.name, card).name)
    if not Path("/usr/lib/ipxe/qemu").exists() or not QEMU_64.here:
        pytest.skip("ipxe-qemu or QEMU is not installed")
    assert rom.is_file()


def test_a_uefi_wants_what_its_disks_are_made_of() -> None:
    said = run("doctor", "uefi").stdout
    assert "mcopy" in said
    assert "systemd-bootx64.efi" in said


def test_a_qemu_that_records_nothing_is_told_of(tmp_path: Path) -> None:
    path = programs(tmp_path)
    refuses = "echo 'qemu: rr is not supported' >&2; exit 1"
    script = f'#!/bin/sh\n[ "$1" = --version ] || {{ {refuses}; }}\n'
    for name in ("qemu-system-x86_64", "qemu-system-i386"):
        (tmp_path / name).write_text(f"{script}echo '{VERSIONS[name]}'\n")
    done = run("doctor", "record", PATH=f"{path}:/usr/bin:/bin")
    assert "no boot is recorded: qemu-system-i386 records no boots: qemu: rr is not" in done.stdout
    assert "records boots, and goes back" not in done.stdout


def test_the_qemu_that_is_here_records() -> None:
    said = [note for note in examined("record").notes if "records boots" in note.text]
    assert said
    assert all(note.good for note in said)
    assert "goes back in them" in said[0].text
