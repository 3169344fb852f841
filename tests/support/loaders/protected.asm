; A loader that goes to protected mode and back for every batch, and hooks INT 13h to count
; the reads: its own handler calls the BIOS's.

        cpu     386
        bits    16
        global  start, kernel_lba

REAL_MODE       equ 0x9000
BUFFER          equ 0x3000
BATCH           equ 64                  ; sectors
FLAT_CODE       equ 0x08
FLAT_DATA       equ 0x10
CODE            equ 0x18
DATA            equ 0x20

start:
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, start
        mov     [drive], dl
        mov     eax, [0x13 * 4]
        mov     [bios], eax
        xor     eax, eax                ; not every BIOS has its entry at the same address
        mov     dword [0x13 * 4], counting
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
        movzx   ecx, cx
        sub     ebp, ecx
        shl     ecx, 7
        cli
        lgdt    [gdtr]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     FLAT_CODE:.flat
        bits    32
.flat:  mov     ax, FLAT_DATA
        mov     ds, ax
        mov     es, ax
        mov     esi, BUFFER << 4
        cld
        rep     movsd
        jmp     CODE:.small
        bits    16
.small: mov     ax, DATA
        mov     ds, ax
        mov     es, ax
        mov     eax, cr0
        and     al, 0xfe
        mov     cr0, eax
        jmp     0:.real
.real:  xor     ax, ax
        mov     ds, ax
        mov     es, ax
        sti
        jmp     .more
.loaded:
        mov     eax, [bios]
        mov     [0x13 * 4], eax
        xor     eax, eax
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

; in place of INT 13h
counting:
        inc     word [cs:reads]
        pushf
        call    far [cs:bios]
        retf    2

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
reads:          dw 0
bios:           dd 0
kernel_lba:     dd 0
line:           db 'console=ttyS0', 0
packet:         db 16, 0
                dw 0, 0, 0
                dq 0
gdtr:           dw 39
                dd gdt
gdt:            dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
                dq 0x00009a000000ffff, 0x000092000000ffff
