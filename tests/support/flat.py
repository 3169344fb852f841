"""Boot sectors that go over to flat 32-bit code: what comes before that code, and after it."""

__all__ = ["FLAT", "GDT"]

FLAT = """
        lgdt [gdtr]
        mov eax, cr0
        inc ax
        mov cr0, eax
        jmp 8:flat
        bits 32
flat:   mov ax, 16
        mov ds, ax
"""
GDT = """
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   dw $ - gdt - 1
        dd gdt
"""
