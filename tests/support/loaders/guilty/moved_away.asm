; A loader that first moves itself to 00600, as boot sectors do that load another one, counts sectors
; down and builds its block-move table at run time, in low memory. Each M_ that is defined makes one
; mistake, in the line that is marked.
        cpu     386
        bits    16
        global  start, kernel_lba
HERE    equ 0x0600
TABLE   equ 0x0540
PACKET  equ 0x0520
RM      equ 0x9000
BUF     equ 0x3000
BATCH   equ 64
%define AT(label) (HERE + (label) - start)

start:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
%ifdef M_STACK
        mov     sp, TABLE + 0x30        ; guilty: it grows down into the table
%else
        mov     sp, 0x7c00
%endif
        sti
        cld
        mov     si, 0x7c00
        mov     di, HERE
        mov     cx, 256
        rep     movsw
        jmp     0:AT(there)
there:
        mov     [AT(drive)], dl
        mov     di, TABLE               ; all of it zeros, then what is not
        mov     cx, 24
        xor     ax, ax
        rep     stosw
        mov     word [TABLE + 0x10], 0xffff
        mov     byte [TABLE + 0x14], BUF >> 12
%ifdef M_ACCESS
        mov     byte [TABLE + 0x15], 0x39 ; guilty: the digits are the wrong way round
%else
        mov     byte [TABLE + 0x15], 0x93
%endif
        mov     word [TABLE + 0x18], 0xffff
        mov     byte [TABLE + 0x1d], 0x93
        mov     di, PACKET
        mov     ax, 16
        stosw
        xor     ax, ax
        mov     cx, 7
        rep     stosw
        mov     cx, 1
        mov     bx, RM
        call    read
        push    word RM
        pop     fs
        movzx   cx, byte [fs:0x1f1]
        mov     bx, RM + 0x20
        call    read
        mov     eax, [fs:0x1f4]
        add     eax, 31
        shr     eax, 5
        mov     [AT(left)], ax
        mov     edi, 0x100000
more:
        mov     cx, BATCH
        cmp     word [AT(left)], BATCH
%ifdef M_SIGNED
        jge     full                    ; guilty: more than 32,767 are less than none
%else
        jae     full
%endif
        mov     cx, [AT(left)]
        jcxz    loaded
full:
        mov     bx, BUF
        call    read
        mov     eax, edi
        mov     [TABLE + 0x1a], ax
        shr     eax, 16
        mov     [TABLE + 0x1c], al
        mov     [TABLE + 0x1f], ah
        push    cx
        shl     cx, 8
        mov     si, TABLE
        mov     ah, 0x87
        int     0x15
        jc      failed
        pop     cx
        sub     [AT(left)], cx
        movzx   ecx, cx
%ifdef M_HALF
        shl     ecx, 8                  ; guilty: a sector has 512 bytes
%else
        shl     ecx, 9
%endif
%ifdef M_CARRY
        add     di, cx                  ; guilty: 16 bits of it
%else
        add     edi, ecx
%endif
        jmp     more
loaded:
        mov     ax, fs
        mov     ds, ax
        mov     es, ax
        mov     gs, ax
        cli
        mov     ss, ax
        mov     sp, 0xf000
%ifdef M_SEGMENT
        mov     byte [cs:0x210], 0xff   ; guilty: CS is the loader's
%else
        mov     byte [0x210], 0xff
%endif
        or      byte [0x211], 0x80
        mov     word [0x224], 0xf000 - 0x200
        mov     dword [0x228], AT(line)
        jmp     RM + 0x20:0

read:
        mov     [PACKET + 2], cx
        mov     [PACKET + 6], bx
        mov     eax, [AT(kernel_lba)]
        mov     [PACKET + 8], eax
        mov     si, PACKET
        mov     dl, [AT(drive)]
        mov     ah, 0x42
        int     0x13
        jc      failed
        movzx   eax, cx
        add     [AT(kernel_lba)], eax
        ret
failed:
        mov     ax, 0x0e00 + '?'
        int     0x10
        int     0x18

drive:          db 0
left:           dw 0
kernel_lba:     dd 0
line:           db 'console=ttyS0', 0
