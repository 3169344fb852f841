; resident_nbp: the recorder for a real machine, as a boot program from the network. It hooks the
; BIOS and then starts the first hard disk as the BIOS would have: nothing on the disk is changed.
;
;       07c00  this, one sector             loaded by PXE, entered at 0:7c00
;       07e00  resident.asm                 moved below the end of conventional memory
;
; The network's own stack is ended first: its card would go on writing frames into memory.

        cpu     386
        bits    16
        org     0x7c00

UNDI_SHUTDOWN   equ 0x05
STOP_UNDI       equ 0x15
UNLOAD_STACK    equ 0x70

        jmp     0:start
start:  xor     ax, ax
        mov     ds, ax
        cld
        mov     bp, sp
        les     di, [bp + 4]            ; PXE: on the stack, behind the return address
        cmp     dword [es:di], '!PXE'
        jne     .alone
        mov     eax, [es:di + 16]       ; entry for real mode
        mov     [pxe], eax
        mov     si, ends
.next:  lodsw
        test    ax, ax
        jz      .alone
        push    ds
        push    word parameters
        push    ax
        push    si
        push    ds
        pop     es
        mov     di, parameters
        mov     cx, 32
        xor     ax, ax
        rep     stosw
        pop     si
        push    si
        mov     bp, sp
        push    word [bp + 6]           ; segment and offset of the parameters, the service
        push    word [bp + 4]
        push    word [bp + 2]
        call    far [pxe]
        add     sp, 6
        pop     si
        add     sp, 6
        xor     ax, ax
        mov     ds, ax
        cld
        jmp     .next
.alone: cli
        mov     ss, ax
        mov     sp, 0x7c00
        sti
        xor     ax, ax
        mov     ds, ax
        mov     ax, [0x413]             ; KiB of conventional memory: the last are ours
        sub     ax, RESIDENT_BYTES / 1024
        mov     [0x413], ax
        shl     ax, 6
        mov     es, ax
        mov     si, resident
        xor     di, di
        mov     cx, RESIDENT_BYTES / 2
        rep     movsw
        push    es
        push    di
        mov     bp, sp
        mov     word [bp], 0
        mov     dl, 0x80
        retf

ends:   dw      UNDI_SHUTDOWN, UNLOAD_STACK, STOP_UNDI, 0
pxe:    dd      0
parameters:
        times   64 db 0

        times   512 - ($ - $$) db 0
resident:
