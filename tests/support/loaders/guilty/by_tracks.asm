; A loader that reads by cylinder, head and sector, one sector at a time, and moves 16 KiB at once.
; Each M_ that is defined makes one mistake, in the line that is marked.
        cpu     386
        bits    16
        global  start, kernel_lba
RM      equ 0x9000
BUF     equ 0x3000
BATCH   equ 32

start:
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, start
        mov     [drive], dl
        mov     ah, 0x08
        int     0x13
        jc      failed
        push    ds
        pop     es
%ifdef M_TRACK
        and     cx, 31                  ; guilty: six bits of CL are the sector
%else
        and     cx, 63
%endif
        mov     [track], cx
        movzx   ax, dh
        inc     ax
        mov     [heads], ax
        mov     bp, 1
        mov     bx, RM
        call    read
        push    word RM
        pop     fs
        movzx   bp, byte [fs:0x1f1]
        mov     bx, RM + 0x20
        call    read
        mov     edi, [fs:0x1f4]
        add     edi, 31
        shr     edi, 5
.more:
        mov     bp, BATCH
        cmp     edi, BATCH
        jae     .full
        mov     bp, di
        test    bp, bp
        jz      .loaded
.full:
        push    bp
        mov     bx, BUF
        call    read
        pop     bp
        mov     cx, bp
%ifdef M_WORDS
        shl     cx, 7                   ; guilty: 256 words in a sector, not 128
%else
        shl     cx, 8
%endif
        push    ds
        pop     es
        mov     si, moves
        mov     ah, 0x87
        int     0x15
        jc      failed
        movzx   eax, bp
        sub     edi, eax
%ifdef M_STEP
        shl     eax, 8                  ; guilty: a sector has 512 bytes
%else
        shl     eax, 9
%endif
        add     [moves.to], ax
%ifdef M_BYTE
        adc     byte [moves.to + 3], 0  ; guilty: that is the access byte
%else
        adc     byte [moves.to + 2], 0
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
%ifdef M_ENTRY
        jmp     RM + 0x20:0x10          ; guilty: it is entered at its beginning
%else
        jmp     RM + 0x20:0
%endif

; BP sectors from [kernel_lba] on to BX:0, one after the other
read:
        mov     es, bx
        xor     bx, bx
.next:
        push    bx
        mov     eax, [kernel_lba]
        xor     edx, edx
        movzx   ecx, word [track]
        div     ecx
        inc     dx
        push    dx
        xor     edx, edx
        movzx   ecx, word [heads]
        div     ecx
        mov     dh, dl
        pop     cx
        mov     ch, al
        shl     ah, 6
        or      cl, ah
        mov     dl, [drive]
        pop     bx
        mov     ax, 0x0201
        int     0x13
        jc      failed
        inc     dword [kernel_lba]
%ifdef M_BUFFER
        add     bx, 256                 ; guilty: a sector has 512 bytes
%else
        add     bx, 512
%endif
        dec     bp
        jnz     .next
        ret

failed:
        mov     ax, 0x0e00 + '?'
        int     0x10
        int     0x18

drive:          db 0
track:          dw 0
heads:          dw 0
kernel_lba:     dd 0
line:           db 'console=ttyS0', 0
moves:          dq 0, 0
                dw 0xffff, (BUF << 4) & 0xffff
                db BUF >> 12, 0x93, 0, 0
                dw 0xffff
.to:            db 0, 0, 0x10, 0x93, 0, 0
                dq 0, 0
