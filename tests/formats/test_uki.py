"""Unified kernel images of ours, as objdump reads them."""

import subprocess
from pathlib import Path

import pytest

from bootharness.errors import FormatError
from bootharness.formats.uki import unified
from tests.support.uefi_programs import program

STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")


@pytest.mark.skipif(not STUB.exists(), reason="systemd-boot-efi is not installed")
def test_objdump_finds_what_was_put_into_it(tmp_path: Path) -> None:
    sections = {".cmdline": b"console=ttyS0", ".linux": bytes(range(256)) * 40, ".initrd": b"x" * 5}
    image = tmp_path / "uki.efi"
    image.write_bytes(unified(STUB.read_bytes(), sections))
    for name, content in sections.items():
        out = tmp_path / "section"
        subprocess.run(
            ["objcopy", "-O", "binary", f"--only-section={name}", image, out], check=True
        )
        assert out.read_bytes()[: len(content)] == content
    told = subprocess.run(["objdump", "-h", image], capture_output=True, text=True, check=True)
    assert all(name in told.stdout for name in (".text", *sections))


@pytest.mark.parametrize("stub", [b"", b"MZ" + bytes(100), b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0"])
def test_what_is_no_program_is_refused(stub: bytes) -> None:
    with pytest.raises(FormatError):
        unified(stub, {".linux": b"x"})


class Large(bytes):
    """Bytes that say that they are as many as a PE cannot have."""

    def __len__(self) -> int:
        return 1 << 32


def test_more_than_a_program_can_have_is_told() -> None:
    with pytest.raises(FormatError, match="4,294,967,296 bytes more: a PE program is of less"):
        unified(program(b"\xc3"), {".initrd": Large()})
