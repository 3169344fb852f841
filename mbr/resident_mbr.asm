; resident_mbr: the recorder for a real machine, in front of what is in a disk's MBR.
;
;       LBA 0               this: 440 bytes of code; disk signature and partitions stay the disk's
;       RESIDENT_LBA        resident.asm, RESIDENT_BYTES
;         + its sectors     the true MBR
;
; The gap in front of the first partition has to be free for that: hardware/mbr_form.py looks.

        cpu     386
        bits    16
        org     0x7c00

        cli
        xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, 0x7c00
        sti
        cld
        mov     ax, [0x413]             ; KiB of conventional memory: the last are ours
        sub     ax, RESIDENT_BYTES / 1024
        mov     [0x413], ax
        shl     ax, 6
        mov     [packet + 6], ax
        mov     [entry + 2], ax
        mov     si, packet
        mov     ah, 0x42
        push    dx
        int     0x13
        pop     dx
        jc      .failed
        jmp     far [entry]
.failed:
        int     0x18

packet: db      16, 0
        dw      RESIDENT_BYTES / 512, 0, 0
        dq      RESIDENT_LBA
entry:  dw      0, 0

        times   440 - ($ - $$) db 0
