; A loader in unreal mode, whose CPU copies what was read above 1 MiB itself. Each M_ that is defined
; makes one mistake, in the line that is marked.
        cpu     386
        bits    16
        global  start, kernel_lba
RM      equ 0x8000
BUF     equ 0x4000
BATCH   equ 96

start:
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, start
        mov     [drive], dl
        mov     cx, 1
        mov     bx, RM
        call    read
%ifdef M_HEADER
        push    word BUF                ; guilty: the kernel is elsewhere
%else
        push    word RM
%endif
        pop     fs
        movzx   cx, byte [fs:0x1f1]
        mov     bx, RM + 0x20
        call    read
        mov     ebp, [fs:0x1f4]
        add     ebp, 31
        shr     ebp, 5
        mov     edi, 0x100000
.more:
        mov     ecx, BATCH
        cmp     ebp, ecx
        jae     .full
        mov     ecx, ebp
        jecxz   .loaded
.full:
        mov     bx, BUF
        call    read
        push    ecx
        call    unreal
        mov     esi, BUF << 4
%ifdef M_LENGTH
        shl     ecx, 6                  ; guilty: 128 double words in a sector, not 64
%else
        shl     ecx, 7
%endif
        a32 rep movsd
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        pop     ecx
        sub     ebp, ecx
%ifdef M_GAP
        add     edi, 512                ; guilty: EDI is behind it already
%endif
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
        jmp     RM + 0x20:0

unreal:
        cli
        lgdt    [gdtr]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     .in
.in:
%ifdef M_SELECTOR
        mov     bx, 0x18                ; guilty: there are three descriptors
%else
        mov     bx, 8
%endif
        mov     ds, bx
        mov     es, bx
        and     al, 0xfe
        mov     cr0, eax
        jmp     .out
.out:   sti
        cld
        xor     bx, bx
        mov     ds, bx
        mov     es, bx
        ret

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
gdtr:           dw 23
                dd gdt
gdt:            dq 0, 0x00cf92000000ffff, 0x00009a000000ffff
