"""What is refused before a machine is started: ROMs that a BIOS would pass over, wrong answers."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.routes.net_root import NetRoot, _image
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


def test_name_that_a_uefi_does_not_take_over_http(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"MZ")
    plan = choose(BootPlan(), {"route": "uefi-http-root", "bootfile": "vmlinuz"})
    with pytest.raises(UsageError, match="--bootfile vmlinuz: over HTTP a UEFI takes only"):
        boot(str(tmp_path), plan)


@pytest.mark.parametrize(
    ("route", "named"),
    [("uefi-http-root", "http://10.0.2.1/a%20b/ipxe.efi"), ("uefi-net-root", "a b/ipxe.efi")],
)
def test_whole_url_is_named_where_it_is_asked_for(tmp_path: Path, route: str, named: str) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/ipxe.efi").write_bytes(b"MZ")
    image = _image(NetRoot(tmp_path, str(tmp_path)), choose(BootPlan(), {"route": route}))
    assert [each.file for each in image.rules] == [named]
    assert image.card.pxe == (() if route == "uefi-http-root" else (4,))
