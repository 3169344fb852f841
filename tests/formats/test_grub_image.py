"""The configurations that a GRUB looks for, of Debian's builds and of one made here."""

import struct
import subprocess
from pathlib import Path

import pytest

from bootharness.formats.grub_image import configurations_of
from tests.support.media import needs

GRUBS = Path("/usr/lib/grub/x86_64-efi/monolithic")
SIGNED = Path("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")
FOLDER = "\\EFI\\BOOT"


def built(*objects: tuple[int, bytes], wide: bool = True) -> bytes:
    """What is built into a GRUB: kinds and contents."""
    packed = b"".join(
        struct.pack("<II", kind, 8 + len(content)) + content for kind, content in objects
    )
    head = struct.calcsize("<4s4xQQ" if wide else "<4sII")
    form = "<4s4xQQ" if wide else "<4sII"
    return b"MZ" + bytes(510) + struct.pack(form, b"mimg", head, head + len(packed)) + packed


@pytest.mark.parametrize("program", [GRUBS / "grubx64.efi", SIGNED], ids=lambda path: path.name)
def test_debians_looks_in_its_own_folder_and_in_that_of_the_program(program: Path) -> None:
    needs(program)
    assert configurations_of(program.read_bytes(), FOLDER) == (
        "\\EFI\\debian\\x86_64-efi\\grub.cfg", "\\boot\\grub\\x86_64-efi\\grub.cfg",
        "\\EFI\\debian\\grub.cfg", "\\boot\\grub\\grub.cfg", "\\EFI\\BOOT\\grub.cfg",
    )  # fmt: skip


def test_one_without_a_script_looks_in_its_prefix(tmp_path: Path) -> None:
    needs("grub-mkimage", GRUBS.parent / "normal.mod")
    made = tmp_path / "own.efi"
    subprocess.run(
        ["grub-mkimage", "-O", "x86_64-efi", "-o", made, "-p", "/EFI/own", "normal", "fat"],
        check=True, capture_output=True,
    )  # fmt: skip
    assert configurations_of(made.read_bytes(), FOLDER) == ("\\EFI\\own\\grub.cfg",)


@pytest.mark.parametrize("wide", [True, False])
def test_what_a_script_names_is_taken_from_there(wide: bool) -> None:
    script = b"set prefix=(hd0,gpt1)/own\nsource $prefix/a/grub.cfg\nconfigfile $cmdpath/grub.cfg\n"
    assert configurations_of(built((3, b"/EFI/x\0"), (2, script), wide=wide), FOLDER) == (
        "\\EFI\\x\\a\\grub.cfg", "\\own\\a\\grub.cfg", "\\EFI\\BOOT\\grub.cfg",
    )  # fmt: skip


def test_what_is_no_grub_or_damaged_looks_for_nothing() -> None:
    whole = built((3, b"/EFI/x\0"))
    for content in (b"", b"mimg", b"MZ" * 100, built((2, b"source /grub.cfg")), whole[:-3]):
        assert configurations_of(content, FOLDER) == ()
    endless = built((3, b"/EFI/x\0"), (9, b"")).replace(struct.pack("<II", 9, 8), bytes(8))
    assert configurations_of(endless, FOLDER) == ("\\EFI\\x\\grub.cfg",)
