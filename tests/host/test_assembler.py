"""Sources as people write them: most boot sectors are flat binaries with an ORG."""

import re
import subprocess
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.host.assembler import assemble_flat, assemble_program

ORIGIN = 0x7C00
CODE = """
        mov     si, message
        mov     ax, [table + 2]
        jmp     $
table:  dw message, table
message: db "hello", 0
"""


@pytest.mark.parametrize("org", ["org 0x7c00", "[org 0x7c00]", "  [ORG 7C00h] ; here", "ORG 31744"])
def test_org_of_a_flat_source_is_where_it_is_linked_to(tmp_path: Path, org: str) -> None:
    source = tmp_path / "sector.asm"
    source.write_text(f"bits 16\n{org}\n{CODE}")
    program, elf = assemble_program(source, origin=ORIGIN)
    assert program.binary == assemble_flat(source)
    lines = subprocess.run(
        ["readelf", "--debug-dump=decodedline", elf], capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"sector\.asm +(\d+) +0x7c", lines)[:3] == ["4", "5", "6"]


@pytest.mark.parametrize("org", ["org 0", "[org 0x7e00]"])
def test_org_that_is_elsewhere_is_refused_with_its_line(tmp_path: Path, org: str) -> None:
    source = tmp_path / "sector.asm"
    source.write_text(f"bits 16\n{org}\n        jmp $\n")
    with pytest.raises(UsageError, match="asm:2: error: it is loaded to 0x7c00, and ORG says"):
        assemble_program(source, origin=ORIGIN)


def test_error_in_a_source_has_its_own_file_and_line(tmp_path: Path) -> None:
    source = tmp_path / "sector.asm"
    source.write_text("[bits 16]\n[org 0x7c00]\n        frobnicate ax\n")
    with pytest.raises(UsageError, match=f"{source}:3: error: ") as caught:
        assemble_program(source, origin=ORIGIN)
    assert str(caught.value).startswith(f"nasm refuses {source}: ")


def test_what_a_source_includes_is_looked_for_beside_it_and_seen_when_it_changes(
    tmp_path: Path,
) -> None:
    source, more = tmp_path / "sector.asm", tmp_path / "more.inc"
    source.write_text('bits 16\n%include "more.inc"\nincbin "logo.bin"\n')
    (tmp_path / "logo.bin").write_bytes(b"logo")
    more.write_text("nop\n")
    assert assemble_program(source, origin=ORIGIN)[0].binary == b"\x90logo"
    more.write_text("hlt\n")
    assert assemble_program(source, origin=ORIGIN)[0].binary == b"\xf4logo"
    (tmp_path / "logo.bin").write_bytes(b"sign")
    assert assemble_program(source, origin=ORIGIN)[0].binary == b"\xf4sign"
    more.unlink()
    with pytest.raises(UsageError, match=r"more\.inc"):
        assemble_program(source, origin=ORIGIN)


def test_what_a_flat_source_includes_is_seen_when_it_changes(tmp_path: Path) -> None:
    source, more = tmp_path / "rom.asm", tmp_path / "more.inc"
    source.write_text('bits 16\n%include "more.inc"\n  incbin "logo.bin" ; %include "none"\n')
    (tmp_path / "logo.bin").write_bytes(b"logo")
    more.write_text("nop\n")
    assert assemble_flat(source) == b"\x90logo"
    more.write_text("hlt\n")
    assert assemble_flat(source) == b"\xf4logo"
    (tmp_path / "logo.bin").write_bytes(b"sign")
    assert assemble_flat(source) == b"\xf4sign"
