; kvm_probe: does an accelerator run what a boot is made of at a bearable speed?
;
; A boot sector that counts to 20 million in real mode, which takes a CPU some 20 ms, an
; accelerator that emulates real mode instruction by instruction many seconds, and leaves
; QEMU through isa-debug-exit with status 85, which QEMU itself has for no failure.

        cpu     386
        bits    16
        org     0x7c00

DEBUG_EXIT      equ 0xf4

        mov     ecx, 20_000_000
.count: dec     ecx
        jnz     .count
        mov     al, 42                  ; QEMU's exit status is 2 * AL + 1
        out     DEBUG_EXIT, al
        hlt

        times   510 - ($ - $$) db 0
        db      0x55, 0xaa
