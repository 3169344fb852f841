"""Routes by the firmware that is asked for."""

import re
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.kernels.image import KernelImage
from bootharness.plan import BootPlan, choose, firmwares
from bootharness.routes.table import ROUTES, by_firmware, firmware_of, route_of
from tests.support.builders import bzimage


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
        ("mbr", "uefi", "uefi-stub"),
        ("uefi-stub", "bios", "mbr"),
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
        match=re.escape(
            "--firmware uefi: the route direct is one by a BIOS; by a UEFI are uefi-disk"
        ),
    ):
        by_firmware(plan("direct", "uefi"))


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


@pytest.mark.parametrize(
    "route", [name for name, each in ROUTES.items()
              if each.firmware == "uefi" and "cmdline" in each.takes])  # fmt: skip
@pytest.mark.parametrize(
    ("version", "xloadflags", "machine", "can"),
    [
        (0x20F, 0x0B, 0x8664, True),
        (0x20F, 0x00, 0x14C, False),
        (0x20B, 0x00, 0x8664, True),  # Linux 3.3 to 3.7: only the stub says how many bits
        (0x20B, 0x00, 0x14C, False),
    ],
)
def test_a_kernel_of_32_bits_is_none_for_a_64_bit_uefi(
    route: str, version: int, xloadflags: int, machine: int, can: bool, tmp_path: Path
) -> None:
    image = bytearray(bzimage(b"\0" * 65536, version=version))
    image[0x236:0x238] = xloadflags.to_bytes(2, "little")
    image[:2], image[0x3C:0x40] = b"MZ", (0x80).to_bytes(4, "little")
    image[0x80:0x86] = b"PE\0\0" + machine.to_bytes(2, "little")
    path = tmp_path / "bzImage"
    path.write_bytes(image)
    kernel = KernelImage.read(path)
    why = ROUTES[route].foresee(kernel, plan(route, "uefi"))
    if can:
        assert why is None
        return
    assert why == "the kernel has 32 bits, and a 64-bit UEFI starts none of them"
