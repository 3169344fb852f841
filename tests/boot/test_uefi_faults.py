"""Faults of disks that a UEFI boots, and their causes: some of each kind; `make faults-uefi` boots
them all."""

import pytest

from bootharness.diagnosis import judge
from bootharness.errors import CouldNotFindOut
from bootharness.routes.table import ROUTES
from tests.support.uefi_matrix import CASES, Case, boot_case, wrong

SOME = (
    "boot file of i386",
    "boot file hangs",
    "boot file raises an exception",
    "script of many lines",
    "grub: a hidden time limit",
    "grub: a pause that a key of a serial line ends",
    "systemd: a folder for the kernel",
    "systemd: kernel's stub crashes",
    "uki: kernel's bytes changed",
    "64 MiB of memory",
    "image cut within the files",
    "uefi-grub: error:lba=20000",
)
KNOWN = {case.name: case for case in CASES}


@pytest.fixture(autouse=True, scope="module")
def _tools() -> None:
    try:
        for name in ("uefi-systemd-boot", "uefi-grub", "uefi-uki"):
            for tool in ROUTES[name].tools:
                tool.check()
    except CouldNotFindOut as error:
        pytest.skip(str(error))


@pytest.mark.long
@pytest.mark.sample(4)
@pytest.mark.parametrize("case", [KNOWN[name] for name in SOME], ids=str)
def test_a_fault_gives_its_cause(case: Case) -> None:
    assert wrong(case, judge(boot_case(case))) == ""
