"""A kernel that says what a test wants it to say: the selfcheck kernel with another end."""

import struct
from array import array
from pathlib import Path

from bootharness.formats.bzimage import SetupHeader, offset_of
from bootharness.host.assembler import assemble_flat, shipped
from bootharness.kernels import selfcheck

__all__ = ["ENDS", "talking_kernel"]

PAYLOAD_BYTES = 1 << 16
_PASSED = "db 'bootharness: init reached', 13, 10, 0"
_HALT = ".halt:  hlt\n        jmp     .halt"
ENDS = {
    "waits": """
        mov     al, 0xff                ; no interrupt comes, and the CPU would take any
        out     0x21, al
        out     0xa1, al
        mov     dword [es:0x200000], 0xfdebf4fb ; STI, HLT, JMP back: where a kernel is
        jmp     FLAT_CODE:0x200000""",
    "switches off": """
        mov     edx, 0x604              ; PM1a_CNT of QEMU's machines
        mov     ax, 0x2000              ; SLP_EN, S5
        out     dx, ax
.halt:  hlt
        jmp     .halt""",
    "halts": _HALT,
    "works": """
        mov     ecx, LOOPS
.works: dec     ecx
        jnz     .works
        mov     esi, done
        call    print32
        mov     al, 0xff
        out     0x21, al
        out     0xa1, al
        mov     dword [es:0x200000], 0xfdebf4fb
        jmp     FLAT_CODE:0x200000
done:   db      10, 'done', 10, 0""",
    "asks": """
.next:  mov     edx, LINE_STATUS
        in      al, dx
        test    al, 1
        jz      .next
        mov     edx, COM1
        in      al, dx
        call    put32                   ; as a terminal shows what is typed
        cmp     al, 13
        je      .asked
        cmp     al, 10
        jne     .next
.asked: mov     esi, thanks
        call    print32
        mov     al, 0xff
        out     0x21, al
        out     0xa1, al
        mov     dword [es:0x200000], 0xfdebf4fb
        jmp     FLAT_CODE:0x200000
thanks: db      10, 'thanks', 10, 0""",
}
"""What it does when it has said everything, in assembly."""


def talking_kernel(
    folder: Path, says: bytes, then: str = "waits", *, name: str = "talker", screen: bytes = b"",
    loops: int = 1,
) -> str:  # fmt: skip
    """Write a kernel that checks itself, says something on the serial line, writes to the screen,
    and then does one of `ENDS`; one that works does so many ``loops``. Return its path."""
    source = shipped("images/selfcheck.asm").read_text()
    assert _PASSED in source
    assert _HALT in source
    source = source.replace(_PASSED, f"db {_bytes(says)}0")
    source = source.replace(_HALT, _shows(screen) + ENDS[then].replace("LOOPS", str(loops)))
    assembly = folder / f"{name}.asm"
    assembly.write_text(source)
    image = bytearray(assemble_flat(assembly, SETUP_SECTS=8))
    behind = 0x202 + (SetupHeader.parse(bytes(image)).jump >> 8)
    for at, value in (
        (0x1E8, sum(array("I", image[behind:]))),
        (offset_of("syssize"), PAYLOAD_BYTES // 16),
        (offset_of("init_size"), PAYLOAD_BYTES * 2),
    ):
        struct.pack_into("<I", image, at, value & 0xFFFFFFFF)
    kernel = folder / name
    kernel.write_bytes(bytes(image) + selfcheck._period()[:PAYLOAD_BYTES])
    return str(kernel)


def _shows(text: bytes) -> str:
    """Return what writes a text to the first row of a text screen: ES is flat."""
    if not text:
        return ""
    return "\n".join(
        f"mov word [es:{0xB8000 + 2 * at:#x}], {0x0700 | letter:#x}"
        for at, letter in enumerate(text)
    )


def _bytes(text: bytes) -> str:
    return "".join(f"{letter}, " for letter in text)
