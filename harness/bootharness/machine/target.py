"""The 16-bit target description: with it gdb decodes real mode, without it gdb sees 32 bits.

QEMU describes its CPU to gdb as i386 or x86-64, and gdb then refuses the 8086. This
description keeps QEMU's register layout, byte for byte, under the architecture i8086. What
qemu-system-x86_64 sends as 64 bits is described as two registers of 32, which is right for
reading only: to write one gdb names its number, and these have numbers that QEMU does not know
and ignores. Written all at once, QEMU would take the upper halves for registers of their own.
"""

__all__ = ["target_description"]

# QEMU numbers them as gdb does: for i386 by the instruction set, for x86-64 by its ABI
_GENERAL = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
_GENERAL_WIDE = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp")
_SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs")
_BASES = ("fs_base", "gs_base", "k_gs_base")
_CONTROL = ("cr0", "cr2", "cr3", "cr4", "cr8", "efer")
_UPPER_HALVES = "upper"  # a group of their own: `info registers` leaves them out
_UNKNOWN_TO_QEMU = 1000
_X87_CONTROL = ("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop")


def target_description(*, wide: bool, architecture: str = "i8086") -> str:
    """Return the XML; ``wide`` for qemu-system-x86_64, ``architecture`` what gdb decodes."""

    def whole(name: str) -> list[str]:
        upper = [_register(f"{name}_hi", 32, group=_UPPER_HALVES)] if wide else []
        return [_register(name, 32), *upper]

    core = [
        *(line for name in (_GENERAL_WIDE if wide else _GENERAL) for line in whole(name)),
        *([line for number in range(8, 16) for line in whole(f"r{number}")] if wide else []),
        *whole("eip"),
        _register("eflags", 32),
        *(_register(name, 32) for name in _SEGMENTS),
        *(line for name in (*_BASES, *_CONTROL) for line in whole(name)),
        *(_register(f"st{number}", 80, "i387_ext") for number in range(8)),
        *(_register(name, 32, group="float") for name in _X87_CONTROL),
    ]
    sse = [
        *(_register(f"xmm{number}", 128, "uint128") for number in range(16 if wide else 8)),
        _register("mxcsr", 32, group="vector"),
    ]
    return "\n".join(
        [
            '<?xml version="1.0"?>',
            '<!DOCTYPE target SYSTEM "gdb-target.dtd">',
            '<target version="1.0">',
            f"<architecture>{architecture}</architecture>",
            '<feature name="org.gnu.gdb.i386.core">',
            *_numbered(core, _UNKNOWN_TO_QEMU if wide else 0),
            "</feature>",
            '<feature name="org.gnu.gdb.i386.sse">',
            *sse,
            "</feature>",
            "</target>",
            "",
        ]
    )


def _numbered(registers: list[str], first: int) -> list[str]:
    """Number registers from ``first`` on: each has one more than the one before."""
    return [registers[0].replace("<reg ", f'<reg regnum="{first}" '), *registers[1:]]


def _register(name: str, bits: int, kind: str = "int", group: str = "") -> str:
    attributes = f'name="{name}" bitsize="{bits}" type="{kind}"'
    return f"<reg {attributes}{f' group={chr(34)}{group}{chr(34)}' if group else ''}/>"
