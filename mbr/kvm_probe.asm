; kvm_probe: does an accelerator run what a boot is made of at a bearable speed?
;
; A firmware that says that it has begun, counts to 20 million in real mode, which takes a CPU
; some 20 ms, an accelerator that emulates real mode instruction by instruction many seconds,
; and leaves QEMU through isa-debug-exit with status 85, which QEMU itself has for no failure.

        cpu     386
        bits    16
        org     0

SIZE            equ 0x10000             ; the last 64 KiB below 4 GiB, where CS begins
RESET           equ 0xfff0
DEBUG_CONSOLE   equ 0xe9
DEBUG_EXIT      equ 0xf4

begin:  mov     al, "B"
        out     DEBUG_CONSOLE, al
        mov     ecx, 20_000_000
.count: dec     ecx
        jnz     .count
        mov     al, 42                  ; QEMU's exit status is 2 * AL + 1
        out     DEBUG_EXIT, al
        hlt

        times   RESET - ($ - $$) db 0xff
        jmp     near begin
        times   SIZE - ($ - $$) db 0xff
