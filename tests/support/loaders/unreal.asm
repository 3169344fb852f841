; A loader that needs no block moves: in unreal mode the CPU itself writes above 1 MiB.

        cpu     386
        bits    16
        global  start, kernel_lba

REAL_MODE       equ 0x9000
BUFFER          equ 0x3000
BATCH           equ 100                 ; sectors

start:
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, start
        mov     [drive], dl
        mov     ax, 0x2401
        int     0x15
        mov     cx, 1
        mov     bx, REAL_MODE
        call    read
        push    word REAL_MODE
        pop     fs
        movzx   cx, byte [fs:0x1f1]
        mov     bx, REAL_MODE + 0x20
        call    read
        mov     ebp, [fs:0x1f4]
        add     ebp, 31
        shr     ebp, 5
        mov     edi, [fs:0x214]
.more:
        mov     cx, BATCH
        cmp     ebp, BATCH
        jae     .full
        mov     cx, bp
        jcxz    .loaded
.full:
        mov     bx, BUFFER
        call    read
        call    unreal
        movzx   ecx, cx
        sub     ebp, ecx
        shl     ecx, 7
        mov     esi, BUFFER << 4
        a32 rep movsd
        push    word 0
        pop     ds
        push    ds
        pop     es
        jmp     .more
.loaded:
        mov     ax, fs
        mov     ds, ax
        mov     es, ax
        mov     gs, ax
        cli
        mov     ss, ax
        mov     sp, 0xf000
        mov     byte [0x210], 0xff
        or      byte [0x211], 0x80
        mov     word [0x224], 0xf000 - 0x200
        mov     dword [0x228], line
        jmp     REAL_MODE + 0x20:0

; every BIOS call may take the large segments away again
unreal:
        cli
        lgdt    [gdtr]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     .in
.in:    mov     bx, 8
        mov     ds, bx
        mov     es, bx
        and     al, 0xfe
        mov     cr0, eax
        jmp     .out
.out:   xor     bx, bx
        mov     ds, bx
        mov     es, bx
        sti
        cld
        ret

; CX sectors from [kernel_lba] on to BX:0; keeps all but AX and SI
read:
        mov     [packet + 2], cx
        mov     [packet + 6], bx
        mov     eax, [kernel_lba]
        mov     [packet + 8], eax
        mov     si, packet
        mov     dl, [drive]
        mov     ah, 0x42
        int     0x13
        jc      failed
        movzx   eax, cx
        add     [kernel_lba], eax
        ret

failed:
        mov     ax, 0x0e00 + '?'
        int     0x10
        int     0x18

drive:          db 0
kernel_lba:     dd 0
line:           db 'console=ttyS0', 0
packet:         db 16, 0
                dw 0, 0, 0
                dq 0
gdtr:           dw 15
                dd gdt
gdt:            dq 0, 0x00cf92000000ffff
