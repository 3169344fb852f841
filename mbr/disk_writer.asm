; disk_writer: writes the first hard disk of a real machine, as a boot program from the network.
;
;       07c00  this                         loaded by PXE, entered at 0:7c00; the network's stack
;                                           stays up: what is to be written comes by its TFTP
;       0fe00  a file: the order, or a parcel's head and,
;       10000  behind it, up to CHUNK sectors
;       18000  the same, read back from the disk
;
; The files, 0000, 0001 and so on, are made by hardware/disk_parcels.py: the order, which says what disk
; it is for, then parcels. Nothing is written unless the disk is the one of the order. What is seen and done goes over the serial line, '@', a letter, bytes in hex and a
; byte that makes their sum 0; hardware/disk_writer.py reads it.

        cpu     386
        bits    16
        org     0x7c00

TFTP_READ_FILE  equ 0x23
CHUNK           equ 64                  ; sectors
RECEIVED        equ 0x1000              ; segments
READ_BACK       equ 0x1800
HEAD            equ 0x0fe0
DRIVE           equ 0x80
TRIES           equ 0x200000            ; of a status port, a microsecond each: two seconds

; the order
        struc   order
.serial         resb 20                 ; all zeros where none is asked for
.signature      resd 1                  ; 0 where none is asked for
.sectors        resq 1                  ; that the disk must have: more than there are, to ask alone
        endstruc

; the head of a parcel
        struc   head
.lba            resq 1
.sectors        resw 1                  ; 0: there are no more
.zeros          resw 1                  ; 1: they are all zeros, and do not come
.sums           resd 2
        endstruc

        jmp     0:start
start:  xor     ax, ax
        mov     ds, ax
        cld
        mov     bp, sp
        les     di, [bp + 4]            ; PXE: on the stack, behind the return address
        mov     ecx, [es:di]
        mov     eax, [es:di + 16]       ; entry for real mode
        mov     [pxe], eax
        mov     es, [zero]
        call    set_up_line
        mov     bl, 'N'
        cmp     ecx, '!PXE'
        jne     fail
        call    look
        mov     bl, 'D'
        mov     si, disk
        mov     cx, disk_bytes
        call    tell
        call    fetch
        call    check_order
.next:  call    fetch
        mov     eax, [fs:head.lba]
        mov     [lba], eax
        mov     eax, [fs:head.lba + 4]
        mov     [lba + 4], eax
        mov     ax, [fs:head.sectors]
        mov     [sectors], ax
        test    ax, ax
        jz      .done
        mov     bl, 'P'
        cmp     ax, CHUNK
        ja      fail
        call    fill
        mov     ax, RECEIVED
        call    sum
        mov     bl, 'T'                 ; not what was sent
        cmp     edx, [fs:head.sums]
        jne     fail
        cmp     ebp, [fs:head.sums + 4]
        jne     fail
        call    keep_signature
        mov     ax, RECEIVED
        call    sum
        mov     [sums], edx
        mov     [sums + 4], ebp
        mov     ax, 0x4300
        mov     bx, RECEIVED
        call    transfer
        mov     ah, 0x42
        mov     bx, READ_BACK
        call    transfer
        mov     ax, READ_BACK
        call    sum
        mov     bl, 'U'                 ; not what was written
        cmp     edx, [sums]
        jne     fail
        cmp     ebp, [sums + 4]
        jne     fail
        mov     al, '.'
        call    put
        jmp     .next
.done:  mov     bl, 'W'
; Tell BL with where it was, and stop: who reads it switches off.
fail:   mov     si, lba
        mov     cx, place_bytes
        call    tell
        cli
.stop:  hlt
        jmp     .stop

; What disk it is: its size, its signature, and its serial number if that can be read.
look:   mov     bl, 'F'
        mov     ah, 0x48
        mov     [function], ah
        mov     dl, DRIVE
        mov     si, drive
        int     0x13
        mov     [status], ah
        mov     bl, 'F'
        jc      fail
        mov     eax, [drive + 16]
        mov     [disk], eax
        mov     eax, [drive + 20]
        mov     [disk + 4], eax
        mov     ax, [drive + 24]
        mov     [disk + 8], ax
        cmp     ax, 512
        jne     .done                   ; who reads it says so; the order is not for such a disk
        mov     word [sectors], 1
        mov     ah, 0x42
        mov     bx, READ_BACK
        call    transfer
        mov     ax, READ_BACK
        mov     fs, ax
        cmp     word [fs:510], 0xaa55
        jne     .serial
        mov     eax, [fs:440]
        mov     [signature], eax
.serial:
        cmp     word [drive], 30
        jb      .done
        mov     eax, [drive + 26]       ; device parameter table extension: an ATA disk's ports
        inc     eax
        cmp     eax, 1
        jbe     .done                   ; 0 or -1: there is none
        les     di, [drive + 26]
        mov     cx, 16
        mov     al, 0
        mov     si, di
.add:   add     al, [es:si]
        inc     si
        loop    .add
        test    al, al
        jnz     .done
        mov     dx, [es:di]
        mov     cx, [es:di + 2]
        mov     ah, [es:di + 4]
        test    dx, dx
        jz      .done
        jcxz    .done
        call    identify
.done:  mov     es, [zero]
        ret

; IDENTIFY DEVICE, of the disk at the ports DX and, for control, CX; AH selects it.
identify:
        cli
        xchg    dx, cx
        mov     al, 0x0a                ; no interrupt
        out     dx, al
        xchg    dx, cx
        mov     bx, dx
        add     dx, 7
        call    ready
        jc      .done
        lea     dx, [bx + 6]
        mov     al, ah
        and     al, 0x10
        or      al, 0xa0
        out     dx, al
        inc     dx
        call    ready
        jc      .done
        mov     al, 0xec
        out     dx, al
        in      al, dx
        test    al, al
        jz      .done
        call    ready
        jc      .done
        and     al, 0x09                ; data, and no error
        cmp     al, 0x08
        jne     .done
        mov     dx, bx
        mov     ax, READ_BACK
        mov     es, ax
        xor     di, di
        push    cx
        mov     cx, 256
        rep     insw
        call    same_size               ; ports that another disk has say nothing of this one
        jne     .other
        mov     cx, 10
        mov     si, 20
        mov     di, serial
.swap:  mov     ax, [es:si]             ; two letters to a word, the first one high
        xchg    al, ah
        mov     [di], ax
        add     si, 2
        add     di, 2
        loop    .swap
.other: pop     cx
.done:  mov     dx, cx
        mov     al, 0x08
        out     dx, al
        sti
        ret

; Compare the size that a disk said of itself, at ES:0, with that of the BIOS: ZF where it is the same.
same_size:
        mov     eax, [es:60 * 2]
        xor     edx, edx
        test    byte [es:83 * 2 + 1], 0x04
        jz      .known
        mov     eax, [es:100 * 2]       ; addresses of 48 bits
        mov     edx, [es:102 * 2]
.known: cmp     eax, [disk]
        jne     .done
        cmp     edx, [disk + 4]
.done:  ret

; Wait until the status at port DX, which AL gets, is not busy; CF where it stays so.
ready:  push    ecx
        mov     ecx, TRIES
.look:  in      al, dx
        test    al, 0x80
        jz      .done                   ; CF is clear
        a32 loop .look
        stc
.done:  pop     ecx
        ret

; Go on if the disk is the one that the order asks for.
check_order:
        mov     bl, 'R'
        cmp     word [disk + 8], 512
        jne     fail
        mov     eax, [disk + 4]
        cmp     eax, [fs:order.sectors + 4]
        jb      fail
        ja      .fits
        mov     eax, [disk]
        cmp     eax, [fs:order.sectors]
        jb      fail
.fits:  mov     eax, [fs:order.signature]
        test    eax, eax
        jz      .serial
        cmp     eax, [signature]
        je      .done
.serial:
        cmp     byte [fs:order.serial], 0
        je      fail
        push    fs
        pop     es
        mov     si, serial
        mov     di, order.serial
        mov     cx, 20
        repe    cmpsb
        mov     es, [zero]
        jne     fail
.done:  ret

; An image without a signature leaves the disk its own, by which it is known.
keep_signature:
        mov     eax, [lba]
        or      eax, [lba + 4]
        jnz     .done
        mov     ax, RECEIVED
        mov     gs, ax
        cmp     dword [gs:440], 0
        jne     .done
        mov     eax, [signature]
        mov     [gs:440], eax
.done:  ret

; Make the zeros of a parcel that are not sent.
fill:   cmp     word [fs:head.zeros], 0
        je      .done
        mov     ax, RECEIVED
        mov     es, ax
        xor     di, di
        mov     cx, CHUNK * 512 / 4
        xor     eax, eax
        rep     stosd
        mov     es, [zero]
.done:  ret

; Fetch the next file to HEAD:0, and have FS there.
fetch:  mov     ax, [number]
        inc     word [number]
        mov     di, file.name + 3
        mov     cx, 4
.digit: push    ax
        and     al, 0x0f
        cmp     al, 10
        sbb     al, 0x69
        das
        mov     [di], al
        dec     di
        pop     ax
        shr     ax, 4
        loop    .digit
        mov     dword [file.size], 512 + CHUNK * 512
        mov     byte [function], TFTP_READ_FILE
        push    ds
        push    word file
        push    word TFTP_READ_FILE
        call    far [pxe]
        add     sp, 6
        xor     cx, cx
        mov     ds, cx
        mov     es, cx
        cld
        mov     cl, [file]
        mov     [status], cl
        mov     bl, 'P'
        test    ax, ax
        jnz     fail
        mov     ax, HEAD
        mov     fs, ax
        ret

; INT 13h AX between the disk, from `lba` on for `sectors`, and BX:0.
transfer:
        mov     word [dap], 16
        mov     cx, [sectors]
        mov     [dap + 2], cx
        mov     word [dap + 4], 0
        mov     [dap + 6], bx
        mov     ecx, [lba]
        mov     [dap + 8], ecx
        mov     ecx, [lba + 4]
        mov     [dap + 12], ecx
        mov     [function], ah
        mov     dl, DRIVE
        mov     si, dap
        int     0x13
        mov     [status], ah
        mov     bl, 'F'
        jc      fail
        ret

; Two sums of `sectors` at AX:0, to EDX and EBP.
sum:    push    ds
        mov     cx, [sectors]
        shl     cx, 7
        mov     ds, ax
        xor     si, si
        xor     edx, edx
        xor     ebp, ebp
.next:  lodsd
        add     edx, eax
        add     ebp, edx
        loop    .next
        pop     ds
        ret

set_up_line:
        mov     dx, [0x400]             ; BIOS data area: where COM1 is
        test    dx, dx
        jz      .usual
        mov     [port], dx
.usual: mov     dx, [port]
        add     dx, 3
        mov     al, 0x83                ; 8N1, the divisor at the first two ports
        out     dx, al
        sub     dx, 3
        mov     al, DIVISOR & 0xff
        out     dx, al
        inc     dx
        mov     al, DIVISOR >> 8
        out     dx, al
        add     dx, 2
        mov     al, 0x03
        out     dx, al
        inc     dx
        out     dx, al                  ; DTR, RTS
        ret

; Tell BL and CX bytes at SI.
tell:   mov     al, '@'
        call    put
        mov     al, bl
        call    put
        mov     bh, 0
.next:  lodsb
        sub     bh, al
        call    hex
        loop    .next
        mov     al, bh
        call    hex
        mov     al, 10
        jmp     put

hex:    push    ax
        shr     al, 4
        call    .digit
        pop     ax
        and     al, 0x0f
.digit: cmp     al, 10
        sbb     al, 0x69
        das
put:    push    dx
        push    cx
        push    ax
        mov     dx, [port]
        add     dx, 5
        mov     cx, 0xffff
.wait:  in      al, dx
        test    al, 0x20
        loopz   .wait
        pop     ax
        sub     dx, 5
        out     dx, al
        pop     cx
        pop     dx
        ret

zero:   dw      0
pxe:    dd      0
port:   dw      0x3f8
lba:    dq      0                       ; where it is, and what was called last there
function:
        db      0
status: db      0
place_bytes     equ $ - lba
sectors:
        dw      0
sums:   dd      0, 0
disk:   dq      0                       ; sectors
        dw      0                       ; bytes in one
signature:
        dd      0
serial: times   20 db 0
disk_bytes      equ $ - disk

number: dw      0
file:   dw      0                       ; the parameters of TFTP_READ_FILE
.name:  times   128 db 0
.size:  dd      0
        dd      HEAD * 16
        dd      SERVER, 0, 0            ; addresses of the server, of a gateway, of a group
        dw      0, 69 << 8              ; UDP ports, high byte first
        dw      0, 0
dap:    times   16 db 0
drive:  dw      30
        times   28 db 0
