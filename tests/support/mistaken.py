"""Loaders with one of the mistakes that people make, each made of a right one by a small change."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from bootharness.routes.loader import Loader
from tests.support.builders import edited_stage1
from tests.support.plain_loader import plain_loader

__all__ = ["MISTAKES", "Mistake"]

_LOADERS = Path(__file__).parent / "loaders"


class Mistake(Struct, frozen=True):
    """A mistake: what makes a loader with it in a folder, the behaviour that finds it, what is said
    that the loader does, and the line that is named."""

    name: str
    made: Callable[[Path], Loader]
    behaviour: str
    words: str
    line: str


def _stage1(*edits: tuple[str, str]) -> Callable[[Path], Loader]:
    def edit(source: str) -> str:
        for before, after in edits:
            assert source.count(before) == 1, before
            source = source.replace(before, after)
        return source

    return lambda folder: edited_stage1(folder, edit)


def _plain(mistake: str) -> Callable[[Path], Loader]:
    return lambda folder: plain_loader(folder, mistake)


def _other(name: str, *edits: tuple[str, str]) -> Callable[[Path], Loader]:
    def made(folder: Path) -> Loader:
        source = (_LOADERS / name).read_text()
        for before, after in edits:
            assert before in source, before
            source = source.replace(before, after)
        path = folder / name
        path.write_text(source)
        return Loader.read(path)

    return made


_NO_CHECK = (
    """        mov     ah, 0x41
        mov     bx, 0x55aa
        int     0x13
        mov     al, 'E'
        jc      error
        cmp     bx, 0xaa55
        jne     error
        shr     cx, 1                   ; bit 0: the disk address packet is supported
        jnc     error
""",
    "",
)
_START = "        xor     ax, ax\n        mov     ds, ax\n        mov     es, ax\n"
_STACK = "        mov     ss, ax\n        mov     sp, stage1\n        sti\n"

_UNREAL = "a32 rep movsd"
_READ = "int     0x13"

MISTAKES = (
    Mistake("CS", _stage1((_START, _START.replace("xor     ax, ax", "mov     ax, cs"))),
            "entry-07c0", "assumes that CS is 0", "mov     ax, cs"),
    Mistake("DS", _stage1((_START, "        xor     ax, ax\n        mov     es, ax\n")),
            "segments", "assumes that DS is 0", "mov     [si + 2], cx"),
    Mistake("ES", _stage1((_START, "        xor     ax, ax\n        mov     ds, ax\n")),
            "segments", "assumes that ES is 0", "int     0x15"),
    Mistake("DS and ES", _plain("DS"), "segments", "assumes that DS is 0", "mov     [drive], dl"),
    Mistake("stack", _stage1((_STACK, "        sti\n")),
            "stack", "sets up no stack of its own", "push    KERNEL_SEGMENT"),
    Mistake("stack too near", _stage1(("        mov     sp, stage1\n",
                                       "        mov     sp, 0x7f00\n")),
            "stack-use", "has less than 512 bytes of stack", _READ),
    Mistake("DF", _other("plain.asm", ("%else\n        cld\n", "%else\n")),
            "flags", "does not clear DF", _UNREAL),
    Mistake("EBP", _stage1(("        mov     eax, [kernel_lba]\n",
                            "        mov     eax, [kernel_lba]\n        add     eax, ebp\n")),
            "registers", "uses what EBP happens to hold at entry", "add     eax, ebp"),
    Mistake("drive", _stage1(("        cld\n", "        cld\n        mov     dl, 0x80\n")),
            "drive-81", "assumes that DL is 80h", _READ),
    Mistake("memory", _stage1(("        cld\n", "        cld\n        add     dl, [0x7000]\n")),
            "memory-garbage", "takes memory for zero", _READ),
    Mistake("low memory", _stage1(("KERNEL_SEGMENT  equ 0x1000", "KERNEL_SEGMENT  equ 0x9000"),
                                  ("HEAP_END        equ 0xe000", "HEAP_END        equ 0xa000")),
            "memory-512k", "uses memory above 512 KiB", _READ),
    Mistake("A20", _plain("A20"), "a20-closed", "assumes that the A20 gate is open", _UNREAL),
    Mistake("A20 by one means", _other("unreal.asm"), "a20-means",
            "opens the A20 gate by INT 15h AX=2401h alone", _UNREAL),
    Mistake("EDD", _stage1(_NO_CHECK), "no-edd", "assumes EDD", _READ),
    Mistake("128 sectors", _plain("DMA"), "reads-127", "reads more than 127 sectors", _READ),
    Mistake("64 KiB", _plain("DMA"), "edd-boundary", "reads over a 64 KiB boundary", _READ),
    Mistake("64 KiB by CHS", _other("chs.asm", ("BUFFER          equ 0x3000",
                                               "BUFFER          equ 0x3e10")),
            "dma-boundary", "reads by CHS over a 64 KiB boundary", _READ),
    Mistake("segment", _other("unreal.asm", ("mov     [packet + 6], bx",
                               "sub     bx, 0xfd0\n        mov     [packet + 6], bx\n"
                               "        mov     word [packet + 4], 0xfd00\n"
                               "        add     bx, 0xfd0")),
            "segment-end", "reads beyond the end of a segment", _READ),
    Mistake("retry", _stage1(("ATTEMPTS        equ 5", "ATTEMPTS        equ 1")),
            "read-fails-once", "does not read again", _READ),
    Mistake("retry of nothing", _plain(""), "read-fails-once", "does not read again", _READ),
    Mistake("AL over a call", _stage1(("        mov     ah, 0x42\n",
                                       "        mov     ah, 0x42\n        mov     al, cl\n"),
                                      ("        movzx   ecx, cx\n", "        movzx   ecx, al\n")),
            "calls-change", "keeps a value in AL over INT 13h AH=42h", "movzx   ecx, al"),
    Mistake("EDI over a call", _other("unreal.asm"), "high-halves-lost",
            "keeps a value in the high half of EDI over a call", _UNREAL),
)  # fmt: skip
