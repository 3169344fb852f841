; A loader that is not ours: another place for everything, other chunks, other names.
;
;     it reads setup code into 9000:0000 in one go, as large as it may be
;     it moves the kernel in chunks of 64 sectors through 3000:0000
;     its command line is its own; it knows nothing of an initrd

        cpu     386
        bits    16

SETUP_MOST      equ 65                  ; sectors
CHUNK           equ 64                  ; sectors

        global  begin, where, how_many

begin:
        jmp     0x07c0:.here - begin
.here:  mov     ax, 0x07c0
        mov     ds, ax
        mov     es, ax
        xor     ax, ax
        mov     ss, ax
        mov     sp, 0x7000
        mov     [drive - begin], dl
        mov     word [packet.count - begin], SETUP_MOST
        mov     word [packet.segment - begin], 0x9000
        call    read
        push    word 0x9000
        pop     gs
        movzx   eax, byte [gs:0x1f1]
        inc     ax
        sub     [how_many - begin], ax
        add     [where - begin], eax
        mov     word [packet.count - begin], CHUNK
        mov     word [packet.segment - begin], 0x3000
.next:
        call    read
        mov     cx, CHUNK * 256
        mov     si, moves - begin
        mov     ah, 0x87
        int     0x15
        jc      quit
        add     dword [moves.to - begin], CHUNK * 512 ; never carries into the access byte:
        mov     al, [moves.to - begin + 3]      ; it is put back, the carry kept
        sub     al, 0x93
        add     [moves.high - begin], al
        mov     byte [moves.to - begin + 3], 0x93
        add     dword [where - begin], CHUNK
        sub     word [how_many - begin], CHUNK
        ja      .next
        mov     ax, gs
        mov     ds, ax
        mov     es, ax
        mov     fs, ax
        cli
        mov     ss, ax
        mov     sp, 0xf000
        mov     byte [0x210], 0xff
        or      byte [0x211], 0x80
        mov     word [0x224], 0xf000 - 0x200
        mov     dword [0x228], line
        jmp     0x9020:0

read:
        mov     eax, [where - begin]
        mov     [packet.lba - begin], eax
        mov     si, packet - begin
        mov     dl, [drive - begin]
        mov     ah, 0x42
        int     0x13
        jc      quit
        ret
quit:
        mov     ax, 0x0e00 + '!'
        int     0x10
        int     0x18

drive:          db 0
line:           db 'console=ttyS0 own=1', 0
packet:         dw 16
.count:         dw 0
                dw 0
.segment:       dw 0
.lba:           dq 0
moves:          dq 0, 0
                dw 0xffff
                db 0x00, 0x00, 0x03, 0x93, 0, 0
                dw 0xffff
.to:            db 0x00, 0x00, 0x10, 0x93, 0
.high:          db 0
                dq 0, 0
where:          dd 0
how_many:       dw 0
