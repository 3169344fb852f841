"""A sample of the zoo, of packages that the tests have anyway."""

from pathlib import Path

import pytest

from tests.support.media import needs
from tests.support.zoo import ROWS, Row, booted, wrong
from tests.support.zoo_media import Packages

SAMPLE = ("memtest86+ CD", "iPXE kernel", "SYSLINUX GPT disk")
INSTALLED = Path("/boot/ipxe.lkrn"), Path("/usr/lib/memtest86+/memtest86+x64.iso")


@pytest.mark.long
@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "row", [each for each in ROWS if each.name in SAMPLE], ids=lambda it: it.name
)
def test_what_debian_ships_boots(row: Row, tmp_path: Path) -> None:
    needs("sfdisk", "mkfs.vfat", "mcopy", "syslinux", *INSTALLED)
    trace, judgement = booted(row, Packages(tmp_path))
    assert not wrong(row, trace, judgement), judgement.summary
