"""Routes by the firmware that is asked for."""

import re

import pytest

from bootharness.errors import UsageError
from bootharness.plan import BootPlan, choose, firmwares
from bootharness.routes.table import ROUTES, by_firmware, firmware_of, route_of


def plan(route: str, firmware: str, **options: str) -> BootPlan:
    return choose(BootPlan(), {"route": route, "firmware": firmware, **options})


@pytest.mark.parametrize(
    ("route", "firmware", "wanted"),
    [
        ("disk", "uefi", "uefi-disk"),
        ("uefi-disk", "bios", "disk"),
        ("disk", "uefi-secure", "uefi-disk"),
        ("disk", "OVMF.fd", "uefi-disk"),
        ("disk", "bios", "disk"),
        ("net-root", "uefi", "uefi-net-root"),
        ("uefi-http-root", "bios", "net-root"),
        ("uefi-http-root", "uefi", "uefi-http-root"),
        ("net-server", "uefi-secure", "uefi-net-server"),
        ("grub", "uefi", "uefi-grub"),
        ("ipxe", "uefi", "uefi-ipxe"),
    ],
)
def test_a_firmware_is_that_of_the_route_which_boots_the_same(
    route: str, firmware: str, wanted: str
) -> None:
    chosen = by_firmware(plan(route, firmware))
    assert chosen.route == wanted
    assert firmware_of(chosen) == (firmware if firmware else "uefi")
    assert by_firmware(chosen) == chosen


def test_a_route_without_the_firmware_names_those_that_have_it() -> None:
    with pytest.raises(
        UsageError,
        match=re.escape("--firmware uefi: the route mbr is one by a BIOS; by a UEFI are uefi-disk"),
    ):
        by_firmware(plan("mbr", "uefi"))


def test_twins_have_two_firmwares() -> None:
    for route in ROUTES.values():
        if route.twin:
            assert ROUTES[route.twin].firmware != route.firmware


def test_a_uefi_that_needs_smm_is_given_the_machine_with_it() -> None:
    chosen = by_firmware(plan("disk", "uefi-secure"))
    assert route_of(chosen).settled(chosen).machine.machine_type == "q35"
    old = by_firmware(plan("disk", "uefi-secure", machine_type="pc-i440fx-7.2"))
    with pytest.raises(UsageError, match="it runs on q35, whose memory it can keep"):
        route_of(old).ready(old)


@pytest.mark.parametrize("machine_type", ["isapc", "microvm"])
def test_a_uefi_wants_a_pci_bus(machine_type: str) -> None:
    chosen = plan("uefi-disk", "auto", machine_type=machine_type)
    with pytest.raises(UsageError, match="it has no PCI bus, and a UEFI wants one"):
        route_of(chosen).ready(chosen)


def test_several_firmwares_are_set_apart_by_commas() -> None:
    assert firmwares("bios,uefi,bios") == ("bios", "uefi")
    assert firmwares("auto") == ("auto",)
