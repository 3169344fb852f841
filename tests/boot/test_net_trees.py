"""A sample of the folders of boot files, of packages that the tests have anyway."""

from pathlib import Path

import pytest

from tests.support.media import needs
from tests.support.net_trees import ROWS, Row, booted, wrong
from tests.support.zoo_media import Packages

SAMPLE = (
    "pxelinux by MAC",
    "pxelinux without a configuration",
    "pxelinux and a page in place of the kernel",
    "undionly with a script for each",
    "undionly that loads itself",
    "undionly with a fallback that sleeps first",
    "undionly and a shell",
    "pxelinux and a kernel with the name of a boot program",
    "a program for a BIOS by UEFI",
)
INSTALLED = Path("/usr/lib/PXELINUX/pxelinux.0"), Path("/usr/lib/ipxe/undionly.kpxe")


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "row", [each for each in ROWS if each.name in SAMPLE], ids=lambda it: it.name
)
def test_what_comes_of_a_folder_is_what_is_in_it(row: Row, tmp_path: Path) -> None:
    needs(*INSTALLED)
    _, judgement = booted(row, Packages(tmp_path))
    assert not wrong(row, judgement), judgement.summary
