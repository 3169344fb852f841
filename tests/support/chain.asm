; The boot manager of a first disk: load the MBR of the next disk and enter it, with that
; disk's number in DL.

        bits    16
        org     0x600

        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00
        cld
        mov     si, sp
        mov     di, 0x600
        mov     cx, 256
        rep movsw
        jmp     0:moved
moved:
        inc     dx
        mov     si, packet
        mov     ah, 0x42
        int     0x13
        jmp     0:0x7c00

packet: dw      16, 1, 0x7c00, 0
        dq      0

        times   510 - ($ - $$) db 0
        db      0x55, 0xaa
