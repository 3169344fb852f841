"""What of a CD a UEFI boots, asked of CDs that xorriso makes."""

import subprocess
from pathlib import Path

import pytest

from bootharness.formats.eltorito import has_uefi_entry
from tests.support.media import needs

_BIOS = ("-b", "bios.img", "-no-emul-boot", "-boot-load-size", "4")
_UEFI = ("-e", "efi.img", "-no-emul-boot")
_ALSO = ("-eltorito-alt-boot",)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), False),
        (_BIOS, False),
        (_UEFI, True),
        ((*_BIOS, *_ALSO, *_UEFI), True),
        ((*_BIOS, *_ALSO, *_BIOS, *_ALSO, *_UEFI), True),
        ((*_BIOS, *_ALSO, *_BIOS), False),
    ],
)
def test_an_entry_for_a_uefi_is_found(
    tmp_path: Path, options: tuple[str, ...], expected: bool
) -> None:
    needs("xorriso")
    tree, cd = tmp_path / "tree", tmp_path / "cd.iso"
    tree.mkdir()
    for name in ("bios.img", "efi.img"):
        (tree / name).write_bytes(name.encode().ljust(4096, b"\0"))
    made = ["xorriso", "-as", "mkisofs", "-o", cd, *options, tree]
    subprocess.run(made, check=True, capture_output=True)
    content = cd.read_bytes()

    assert has_uefi_entry(lambda at, size: content[at : at + size]) is expected
    without_catalog = content[: 18 * 2048]
    assert not has_uefi_entry(lambda at, size: without_catalog[at : at + size])
