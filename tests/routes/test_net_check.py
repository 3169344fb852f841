"""What is refused before a machine is started: ROMs that a BIOS would pass over, wrong answers."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.plan import BootPlan, choose
from bootharness.routes.table import route_of

ROMS = Path("/usr/lib/ipxe")


def check(route: str = "net-root", **choices: object) -> None:
    plan = choose(BootPlan(), {"route": route, "machine_type": "q35", **choices})
    route_of(plan).check(plan)


def test_rom_for_another_card_is_refused_for_a_bios() -> None:
    e1000 = str(ROMS / "82540em.rom")
    check(nic="e1000", nic_rom=e1000)
    with pytest.raises(UsageError, match="it has BIOS code for 8086:100e, and the card virtio"):
        check(nic_rom=e1000)


def test_rom_for_virtio_of_today_is_taken() -> None:
    check(nic_rom=str(ROMS / "virtio-net.rom"))


def test_what_is_no_rom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rom").write_bytes(b"\x55\xaa")
    with pytest.raises(UsageError, match="it is no ROM of a PCI card"):
        check("uefi-net-root", nic_rom=str(tmp_path / "rom"))


def test_answers_and_a_boot_file_are_two_answers(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[answer]]\nbootfile = "a"')
    check(answers=str(tmp_path / "a.toml"))
    with pytest.raises(UsageError, match="give one of them"):
        check(answers=str(tmp_path / "a.toml"), bootfile="a")


def test_options_that_do_not_fit_together() -> None:
    options = tuple(f"{number}={'a' * 250}" for number in range(200, 205))
    with pytest.raises(UsageError, match="--dhcp-option: they have 1,250 bytes"):
        check(dhcp_options=options)
