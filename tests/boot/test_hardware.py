"""Whole boots of a machine behind sshd, a plug and a boot wire, at 115,200 baud; nothing of QEMU is
used but that it plays the machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bootharness.kernels.source import fetch
from bootharness.network.namespace import why_no_namespace
from tests.support.boots import settled
from tests.support.builders import no_carry
from tests.support.faults import FAULTS, Fault, damaged_at_the_end, laid_out
from tests.support.other_dhcp import NETWORK
from tests.support.processes import environment

pytestmark = pytest.mark.skipif(
    why_no_namespace() is not None, reason="no network namespace can be made"
)
_SOURCE = "selfcheck:17000000"


def wired(
    folder: Path, loader: str, *words: str, source: str = _SOURCE, beside: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "-n", sys.executable, "-m", "tests.support.wired_desk", str(folder), loader,
         source, *beside, "--", *words],
        env=environment(), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_the_bug_of_the_story_is_named_on_a_desk(tmp_path: Path) -> None:
    done = wired(tmp_path, str(no_carry(tmp_path)), "hardware", "trace", "apu2", "--json", "-")
    assert done.returncode == 1, done
    told = json.loads(done.stdout)
    assert told["cause"] == "destination-wrapped"
    assert "block move 242 went to 0x001c00 instead of 0x1001c00" in told["summary"]
    assert told["host"]["name"] == "apu2" and told["machine"] is None


@pytest.mark.long
def test_a_good_disk_is_good_on_a_desk(tmp_path: Path) -> None:
    done = wired(
        tmp_path, "stage1", "hardware", "trace", "apu2", "--kernel", _SOURCE, "--until", "banner"
    )
    assert done.returncode == 0, done
    assert "17,000,000 bytes in memory equal the file" in done.stdout


@pytest.mark.long
def test_a_gate_compares_qemu_with_the_desk(tmp_path: Path) -> None:
    matrix = tmp_path / "gate.toml"
    matrix.write_text(
        f'kernels = ["{_SOURCE}"]\nroute = "pxelinux"\nuntil = "banner"\nhosts = ["qemu", "apu2"]\n'
    )
    done = wired(
        tmp_path, "stage1", "gate", "--matrix", str(matrix), "--history", str(tmp_path / "h.db")
    )
    assert done.returncode == 0, done
    assert "on apu2" in done.stdout and "on qemu" in done.stdout


@pytest.mark.long
def test_a_proxy_beside_a_server_that_gives_the_addresses_brings_the_kernel(tmp_path: Path) -> None:
    done = wired(
        tmp_path, "stage1", "hardware", "boot", "apu2", "selfcheck:1000000", "--route",
        "ipxe-http", "--until", "banner", "--json", "-", beside=("dnsmasq", f"{NETWORK}.250"),
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["verdict"], done.returncode) == ("good", 0), done
    said = {event["kind"]: event["text"] for event in told["network"]["events"]}
    assert said["proxy-offer"] == f"by {NETWORK}.250"
    assert f"by another server, {NETWORK}.1" in said["dhcp-ack"]
    assert "DHCPACK(tap0)" in (tmp_path / "dnsmasq.log").read_text()


def test_an_address_that_somebody_has_is_no_proxys(tmp_path: Path) -> None:
    done = wired(
        tmp_path, "stage1", "hardware", "boot", "apu2", "selfcheck:1000000",
        beside=("dnsmasq", f"{NETWORK}.1"),
    )  # fmt: skip
    assert done.returncode == 129, done
    assert f"{NETWORK}.1 must be an address that nobody has, and this computer has it" in (
        done.stderr
    )


_HANGS = {
    "jmp $ at entry": ("stage1-hang", 1),
    "refuses the kernel, and loops": ("kernel-rejected", 1),
    "protocol 2.03": ("kernel-rejected", 1),
    "kernel that stops after its banner": ("kernel-hang", 1),
    # what the setup code does is not seen on a line
    "jmp $ in the setup code": ("kernel-silent", 125),
}


@pytest.mark.long
@pytest.mark.sample(12)
@pytest.mark.parametrize(
    "fault", [each for each in FAULTS if each.name in _HANGS], ids=lambda fault: fault.name
)
def test_what_hangs_and_what_is_rejected_is_named_on_a_desk(fault: Fault, tmp_path: Path) -> None:
    _, plan, disk = laid_out(fault, tmp_path)
    edited = tmp_path / "edited.asm"
    words = ["--loader", str(edited)] if edited.is_file() else []
    assert disk.kernel
    done = wired(
        tmp_path, "disk", "hardware", "trace", "apu2", "--json", "-", "--kernel",
        disk.kernel.source, "--until", settled(plan).until, *words, source=str(disk.path),
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["cause"], done.returncode) == _HANGS[fault.name], told["summary"]


@pytest.mark.long
def test_a_hunt_on_a_desk_finds_the_first_bad_kernel(tmp_path: Path) -> None:
    good = [f"selfcheck:{size}" for size in (1_000_000, 1_100_000)]
    bad = []
    for size in (1_200_000, 1_300_000):
        kernel = fetch(f"selfcheck:{size}")
        image = bytearray(kernel.path.read_bytes())
        damaged_at_the_end(image, kernel)
        bad.append(tmp_path / f"stops-{size}")
        bad[-1].write_bytes(image)
    report = tmp_path / "report.json"
    done = wired(
        tmp_path, "stage1", "bisect", "kernels", *good, *map(str, bad), "--host", "apu2",
        "--route", "ipxe-http", "--json", str(report),
    )  # fmt: skip
    assert done.returncode == 0, done
    assert f"FIRST BAD  {bad[0]}" in done.stdout and f"LAST GOOD  {good[1]}" in done.stdout
    assert "kernel-hang" in done.stdout
