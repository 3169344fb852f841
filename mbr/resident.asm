; resident: a recorder of BIOS calls for a real machine, which has a serial line and no more.
;
; It hooks the BIOS as recorder.asm does, from RAM, and reports over the UART that the BIOS names at
; 0040:0000. What the bytes mean is in formats/serial_record.py. What is read and moved goes in
; compact frames, for a loader makes a thousand calls and a line of 115,200 baud carries 11,520
; bytes a second. At the handoff it sums what lies in memory, and is silent from then on.
;
;       00000  interrupt vectors            00400  BIOS data area: 0040:0000 port of COM1,
;       07c00  boot sector of the disk              0040:0013 KiB of conventional memory
;        ...
;       seg:0  this, RESIDENT_BYTES, below what was the end of conventional memory; 0040:0013 is
;              less by as much, so loaders and kernels leave it alone
;       9fc00  extended BIOS data area, or wherever it begins
;
; It is brought by resident_mbr.asm or resident_nbp.asm, and entered at seg:0 with DL, the drive.
; TRUE_LBA is where on that drive its true MBR lies: 0, or the sector to which it has made way.

        cpu     586
        bits    16
        org     0

BIOS_SEGMENTS   equ 0xc000              ; the BIOS and option ROMs are from here on
MAGIC           equ 'HdrS'              ; setup header, at 0x202 of the real-mode kernel
BREAKPOINTS     equ 0x4aa               ; DR7: DR0 to DR3, execution, global
VERSION         equ 1                   ; of what is sent

; Beginnings of what is sent: one mark and a kind for a frame, other marks for what is short.
FRAME           equ 0x1e
WRITTEN         equ 0x1f                ; a character through INT 10h
RETURNED        equ 0x1d                ; a read or move came back without an error
CURSOR          equ 0x1c
INSTALLED       equ 0x80
READ            equ 0x81
MOVE            equ 0x82
CALLED          equ 0x83
CALLED_PACKET   equ 0x84
CALLED_TABLE    equ 0x85
RETURN          equ 0x86
HANDOFF         equ 0x87
MEMORY          equ 0x88
SUMS            equ 0x89
END             equ 0x8a
WRITER          equ 0x8b
FAILED          equ 0x8c

CLOSED          equ 0x80                ; bit 15 of a caller's FLAGS, which is 0

PIECE           equ 0x10000             ; summed at a time
PIECES          equ 16                  ; of them in a frame
LARGEST         equ 0x10000000          ; nothing larger is summed: no initrd is, garbage may be

%include "hooks.inc"
STACKED         equ record_size - record.return
REGISTERS       equ record.return       ; bytes of them, from ES to EAX

        jmp     near begin

        %macro  send 1
        push    word %1
        call    send_record
        %endmacro

; Record a call: behind it stands where the BIOS's own vector is. Nothing comes back from INT 10h,
; 18h and 19h, of the others the return is recorded too.
        %macro  hook 1
        call    recorded
        dw      old_%1
        %endmacro

hook_10:
        cmp     ah, 0x0e                ; teletype output
        je      .write
        cmp     ah, 0x09                ; write a character
        je      .write
        cmp     ah, 0x02                ; set the cursor
        je      .write
        jmp     far [cs:old_10]
.write: hook    10

hook_16:
        test    ah, 0xee                ; 01h and 11h, polled in loops, are not recorded;
        jnz     .record                 ; 00h and 10h wait for a key
        test    ah, 1
        jnz     .pass
.record:
        hook    16
.pass:  jmp     far [cs:old_16]

hook_13:
        hook    13

hook_15:
        hook    15

hook_18:
        hook    18

hook_19:
        hook    19

; On the stack: what `hook` has behind it, which becomes the end of a record, IP, CS, FLAGS. The
; old handler gets the caller's flags in its frame, as if it had been called directly: it may look
; at IF there, and it changes CF. Interrupts are off, so `current` is this call's.
recorded:
        push    eax
        push    bx
        push    bp
        mov     bp, sp
        mov     bx, [bp + 8]
        mov     bx, [cs:bx]
        mov     al, [cs:bx - 4]         ; the table has four times the number
        shr     al, 2
        mov     [bp + 8], ax            ; with AH
        mov     eax, [cs:bx]
        mov     [cs:current], eax
        pop     bp
        pop     bx
        pop     eax
        send    'C'
        push    bp
        mov     bp, sp
        test    byte [bp + 2], 6
        pop     bp
        jz      .note
        push    ax
        push    bp
        mov     bp, sp                  ; bp, room for flags, record, ip, cs, flags
        push    word [bp + 10]
        pop     word [bp + 2]
        pop     bp
        call    far [cs:current]
        pushf                           ; the BIOS's flags go into the interrupt's frame
        push    bp
        mov     bp, sp
        push    word [bp + 2]
        pop     word [bp + 10]
        pop     bp
        add     sp, 2
        send    'R'
        add     sp, 2
        iret
.note:  add     sp, 2
        jmp     far [cs:current]

; debug exception
hook_01:
        push    eax
        mov     eax, dr6
        test    al, 0x0f
        pop     eax
        jz      .pass
        frame   01
        send    'H'
        add     sp, 2
        iret
.pass:  jmp     far [cs:old_01]

; Send the record whose end is on the stack, from .tag on. Keeps all registers but FLAGS;
; interrupts stay off until the hook returns, for a nested call would be sent into the middle of
; this one. Does nothing once the kernel has been entered.
send_record:
        cmp     byte [cs:silent], 0
        jne     .silent
        pushad
        push    ds
        push    es
        cli
        cld
        mov     bp, sp
        add     word [bp + record.esp], STACKED
        mov     al, [bp + record.tag]
        cmp     al, 'R'
        je      .return
        cmp     al, 'H'
        je      .handoff
        call    send_call
        mov     al, [bp + record.number]
        cmp     al, 0x18
        jae     .done
        mov     ds, [bp + record.cs]    ; setup code has CS at the real-mode kernel's start
        cmp     dword [0x202], MAGIC
        jne     .done
        cmp     byte [bp + record.ip + 1], 2 ; in front of it is the boot sector, which may
        jb      .done                   ; load the rest
.handoff:
        call    handoff
        jmp     .done
.return:
        call    find_kernel
        call    send_return
        call    show_true_mbr
.done:
        pop     es
        pop     ds
        popad
.silent:
        ret     2

send_call:
        mov     ax, [bp + record.number]
        cmp     al, 0x10
        je      .written
        cmp     ax, 0x8715
        je      .move
        mov     cx, 16
        mov     dl, CALLED_PACKET
        cmp     ax, 0x4213
        je      .read
        cmp     ax, 0x4313
        je      .packet
        cmp     ax, 0x4413
        je      .packet
        xor     cx, cx
        mov     dl, CALLED
        jmp     .whole

.packet:
        mov     ds, [bp + record.ds]
.whole: mov     al, dl
        call    begin_call
        call    send_registers
        mov     si, [bp + record.esi]
        call    out_bytes
        jmp     end_frame

.read:  mov     ds, [bp + record.ds]
        mov     si, [bp + record.esi]
        cmp     word [si], 16           ; as everybody has it: nothing reserved, 32 bits of LBA
        jne     .whole
        cmp     dword [si + 12], 0
        jne     .whole
        mov     al, READ
        call    begin_frame
        call    send_caller
        mov     al, [bp + record.edx]
        call    out_byte
        lodsw
        mov     cx, 10                  ; sectors, buffer, LBA
        call    out_bytes
        jmp     end_frame

.move:  mov     ds, [bp + record.es]
        mov     si, [bp + record.esi]
        mov     cx, 48
        mov     dl, CALLED_TABLE
        call    same_table
        jne     .whole
        mov     al, MOVE
        call    begin_frame
        call    send_caller
        mov     ax, [bp + record.ecx]
        call    out_ax
        add     si, 0x10
        mov     cx, 16
        call    out_bytes
        jmp     end_frame

.written:
        mov     eax, [bp + record.ip]   ; a text is written from one place, and by one function
        mov     cl, [bp + record.function]
        cmp     eax, [cs:writer]
        jne     .other
        cmp     cl, [cs:how]
        je      .same
.other: cmp     cl, 0x02
        jne     .new
        cmp     dword [cs:writer], 0    ; a cursor is set in between
        jne     .same
.new:   mov     [cs:writer], eax
        mov     [cs:how], cl
        mov     al, WRITER
        call    begin_call
        call    end_frame
.same:  cmp     cl, 0x02
        je      .cursor
        mov     al, WRITTEN
        call    out_short
        mov     al, [bp + record.eax]
        jmp     out_short
.cursor:
        mov     al, CURSOR
        call    out_short
        mov     al, [bp + record.edx]
        call    out_short
        mov     al, [bp + record.edx + 1]
        jmp     out_short

; Whether the four descriptors that are the BIOS's to fill in are what they were in the table before
; this one, at DS:SI: a loader makes them zeros each time, or leaves what the BIOS has put there.
; They are noted. Keeps the lower halves of all registers but ES.
same_table:
        pusha
        push    cs
        pop     es
        mov     di, table
        xor     ebx, ebx
        mov     cx, 8
.next:  cmp     cl, 4
        jne     .there
        add     si, 0x10                ; past source and destination
.there: lodsd
        mov     edx, [es:di]
        xor     edx, eax
        or      ebx, edx
        stosd
        loop    .next
        test    ebx, ebx
        popa
        ret

send_return:
        mov     ax, [bp + record.number]
        cmp     ax, 0x8715
        je      .plain
        cmp     ax, 0x0213
        je      .plain
        cmp     ax, 0x4213
        jne     .whole
.plain: test    byte [bp + record.flags], 1
        jnz     .whole
        cmp     byte [bp + record.eax + 1], 0
        jne     .whole
        mov     al, RETURNED
        call    out_short
        mov     al, [bp + record.esp]
        jmp     out_short
.whole: mov     al, RETURN
        call    begin_call
        mov     al, [bp + record.flags]
        call    out_byte
        call    send_registers
        jmp     end_frame

; A frame of the kind in AL, of a call: its number, AH, and the caller.
begin_call:
        call    begin_frame
        mov     ax, [bp + record.number]
        call    out_ax

; CS, IP, the upper byte of FLAGS with the A20 gate in a bit that is none there, SS, SP.
send_caller:
        mov     ax, [bp + record.cs]
        call    out_ax
        mov     ax, [bp + record.ip]
        call    out_ax
        mov     al, [bp + record.flags + 1]
        call    look_at_a20
        call    out_byte
        mov     ax, ss
        call    out_ax
        mov     ax, [bp + record.esp]
        jmp     out_ax

; Set the highest bit of AL where the A20 gate is closed: what is at 1 MiB is what is at 0 then, as
; the interrupt vectors of the BIOS.
look_at_a20:
        pusha
        push    ds
        push    es
        xor     si, si
        mov     ds, si
        dec     si
        mov     es, si
        mov     si, 0x10 * 4
        mov     di, 0x10 * 4 + 0x10
        mov     cx, 16
        repe    cmpsw
        pop     es
        pop     ds
        popa
        jne     .open
        or      al, CLOSED
.open:  ret

send_registers:
        push    ds
        push    cx
        push    ss
        pop     ds
        mov     si, bp
        mov     cx, REGISTERS
        call    out_bytes
        pop     cx
        pop     ds
        ret

; After a disk read: look for the setup header, break where its kernel would be entered,
; and where a loader that mistakes the boot sector for the entry would go.
;
; QEMU without KVM finds a breakpoint by its linear address and then once more by the bare
; IP, and dies if there is none: DR2 and DR3 are there for the IP of an entry at
; segment + 20h:0000, or at segment:0200.
find_kernel:
        call    read_into
        jc      .done
        xor     ebx, ebx
        mov     bx, es
        shl     ebx, 4
        movzx   edi, di
        add     ebx, edi                ; linear address of the buffer
        mov     eax, ebx
        shr     eax, 4
        mov     ds, ax
        mov     si, bx
        and     si, 15
        cmp     dword [si + 2], MAGIC   ; the read began with the setup code
        je      .arm
        add     ebx, 0x200
        cmp     dword [si + 0x202], MAGIC
        jne     .done
.arm:   mov     dr0, ebx
        sub     ebx, 0x200
        mov     dr1, ebx
        xor     eax, eax
        mov     dr2, eax
        mov     ax, 0x200
        mov     dr3, eax
        mov     ax, BREAKPOINTS
        mov     dr7, eax
.done:  ret

; ES:DI: the buffer of a read that came back without an error; CF without one. DS:SI is its packet
; where it has one.
read_into:
        cmp     byte [bp + record.number], 0x13
        jne     .none
        test    byte [bp + record.flags], 1
        jnz     .none
        mov     al, [bp + record.function]
        mov     es, [bp + record.es]
        mov     di, [bp + record.ebx]
        cmp     al, 0x02
        je      .read
        cmp     al, 0x42
        jne     .none
        mov     ds, [bp + record.ds]
        mov     si, [bp + record.esi]
        les     di, [si + 4]            ; disk address packet: buffer
.read:  clc
        ret
.none:  stc
        ret

; Who reads the sector that this was installed in is given what was there before.
show_true_mbr:
%if TRUE_LBA
        call    read_into
        jc      .done
        mov     dl, [bp + record.edx]
        cmp     dl, [cs:drive]
        jne     .done
        cmp     al, 0x02
        jne     .packet
        cmp     word [bp + record.ecx], 0x0001
        jne     .done
        cmp     byte [bp + record.edx + 1], 0
        jne     .done
        jmp     .first
.packet:
        mov     eax, [si + 8]
        or      eax, [si + 12]
        jnz     .done
        cmp     word [si + 2], 0
        je      .done
.first: push    dword 0                 ; a packet for one sector, on the stack
        push    dword TRUE_LBA
        push    es
        push    di
        push    word 1
        push    word 16
        push    ss
        pop     ds
        mov     si, sp
        mov     ah, 0x42
        pushf
        call    far [cs:old_13]
        cli
        cld
        add     sp, 16
.done:
%endif
        ret

; The kernel is entered: tell with which registers, disarm, and prove what lies in memory.
handoff:
        mov     al, HANDOFF
        call    begin_call
        mov     al, [bp + record.flags]
        call    out_byte
        mov     ax, fs
        call    out_ax
        mov     ax, gs
        call    out_ax
        call    send_registers
        call    end_frame
        xor     eax, eax
        mov     dr7, eax
        mov     dr6, eax
        call    prove
        mov     al, END
        call    begin_frame
        mov     eax, [cs:frames]
        call    out_eax
        call    end_frame
        mov     byte [cs:silent], 1
        ret

; Sums of the real-mode kernel, the protected-mode kernel and the initrd, and the bytes of the
; setup header, of the version and of the command line. All memory is reached through FS, in unreal
; mode, with A20 open; both are put back.
prove:
        movzx   ebx, word [bp + record.cs]
        shl     ebx, 4
        cmp     byte [bp + record.number], 1
        jne     .based                  ; no breakpoint: CS is the real-mode kernel
        movzx   eax, word [bp + record.ip]
        add     ebx, eax
.based: in      al, 0x92
        push    ax
        or      al, 2
        and     al, 0xfe
        out     0x92, al
        push    fs
        sub     sp, 6
        mov     di, sp
        sgdt    [ss:di]
        xor     eax, eax
        mov     ax, cs
        shl     eax, 4
        add     eax, gdt
        mov     [cs:gdtr + 2], eax
        o32 lgdt [cs:gdtr]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     .protected
.protected:
        mov     cx, 8
        mov     fs, cx
        and     al, 0xfe
        mov     cr0, eax
        jmp     .unreal
.unreal:
        cmp     dword [fs:ebx + 2], MAGIC ; the entry is the setup code's
        jne     .sector
        sub     ebx, 0x200
.sector:
        cmp     dword [fs:ebx + 0x202], MAGIC
        jne     .none
        call    prove_kernel
.none:  mov     di, sp
        o32 lgdt [ss:di]
        add     sp, 6
        pop     fs
        pop     ax
        out     0x92, al
        ret

; EBX: where the real-mode kernel lies. The loader writes into its header, so that is not summed.
HEADER          equ 0x1e0
HEADER_END      equ 0x280

prove_kernel:
        lea     edi, [ebx + HEADER]
        mov     cx, HEADER_END - HEADER
        call    send_memory
        movzx   edi, word [fs:ebx + 0x20e] ; kernel_version
        test    di, di
        jz      .no_version
        lea     edi, [edi + ebx + 0x200]
        mov     cx, 64
        call    send_text
.no_version:
        mov     edi, [fs:ebx + 0x228]   ; cmd_line_ptr
        test    edi, edi
        jz      .no_line
        mov     cx, 2048
        call    send_text
.no_line:
        mov     edi, ebx
        mov     ecx, HEADER
        call    send_sums
        lea     edi, [ebx + HEADER_END]
        movzx   ecx, byte [fs:ebx + 0x1f1] ; setup_sects
        test    cl, cl
        jnz     .sectors
        mov     cl, 4
.sectors:
        inc     cx
        shl     ecx, 9
        sub     ecx, HEADER_END
        call    send_sums
        mov     edi, [fs:ebx + 0x214]   ; code32_start
        mov     ecx, [fs:ebx + 0x1f4]   ; syssize, paragraphs
        cmp     ecx, LARGEST >> 4
        ja      .initrd
        shl     ecx, 4
        call    send_sums
.initrd:
        mov     edi, [fs:ebx + 0x218]   ; ramdisk_image
        mov     ecx, [fs:ebx + 0x21c]   ; ramdisk_size

; ECX bytes at EDI: their sums, in frames of 1 MiB.
send_sums:
        cmp     ecx, LARGEST
        ja      .done
        test    ecx, ecx
        jz      .done
.frame: push    ecx
        mov     edx, ecx
        cmp     edx, PIECE * PIECES
        jbe     .last
        mov     edx, PIECE * PIECES
.last:  mov     al, SUMS
        call    begin_frame
        mov     eax, edi
        call    out_eax
        mov     eax, edx
        call    out_eax
.piece: mov     ecx, edx
        cmp     ecx, PIECE
        jbe     .short
        mov     ecx, PIECE
.short: sub     edx, ecx
        call    send_sum
        test    edx, edx
        jnz     .piece
        call    end_frame
        pop     ecx
        sub     ecx, PIECE * PIECES
        ja      .frame
.done:  ret

; ECX bytes at EDI, which goes on: the sum of their dwords, and the sum of those sums.
send_sum:
        xor     eax, eax
        xor     esi, esi
        push    ecx
        shr     ecx, 2
        jz      .rest
.dword: add     eax, [fs:edi]
        add     esi, eax
        add     edi, 4
        dec     ecx
        jnz     .dword
.rest:  pop     ecx
        and     ecx, 3
        jz      .send
        push    edx
        or      edx, -1                 ; of the last dword what still belongs to it
        shl     cl, 3
        shl     edx, cl
        not     edx
        and     edx, [fs:edi]
        add     eax, edx
        add     esi, eax
        pop     edx
.send:  call    out_eax
        mov     eax, esi
        jmp     out_eax

; The text at EDI, at most CX bytes, up to its NUL.
send_text:
        push    edi
        push    cx
.next:  cmp     byte [fs:edi], 0
        je      .end
        inc     edi
        loop    .next
.end:   mov     ax, cx
        pop     cx
        pop     edi
        sub     cx, ax
        jz      send_memory.done

; CX bytes at EDI as they are.
send_memory:
        mov     al, MEMORY
        call    begin_frame
        mov     eax, edi
        call    out_eax
        mov     ax, cx
        call    out_ax
.next:  mov     al, [fs:edi]
        call    out_byte
        inc     edi
        loop    .next
        call    end_frame
.done:  ret

; A frame: FRAME, its kind in AL, the chain, what belongs to it, the sums of all that. The chain
; counts frames and adds up what is short and stands between them.
begin_frame:
        mov     word [cs:sums], 0
        push    ax
        mov     al, FRAME
        call    out_byte
        pop     ax
        call    out_byte
        mov     al, [cs:chain]
        inc     byte [cs:chain]
        inc     dword [cs:frames]
        jmp     out_byte

end_frame:
        mov     ax, [cs:sums]
        jmp     out_ax

out_short:
        add     [cs:chain], al
        jmp     out_byte

; CX bytes at DS:SI.
out_bytes:
        jcxz    .done
.next:  lodsb
        call    out_byte
        loop    .next
.done:  ret

out_eax:
        call    out_ax
        shr     eax, 16
out_ax: call    out_byte
        mov     al, ah

; AL to the UART, polled; where none answers, on after 65,536 looks. Keeps all but FLAGS and AL.
out_byte:
        push    cx
        push    dx
        push    ax
        mov     dx, [cs:port]
        add     dx, 5
        xor     cx, cx
.full:  in      al, dx
        test    al, 0x20                ; transmitter holding register empty
        loopz   .full
        pop     ax
        sub     dx, 5
        out     dx, al
        add     [cs:sums], al
        mov     dl, [cs:sums]
        add     [cs:sums + 1], dl
        pop     dx
        pop     cx
        ret

        hook_table 01, 10, 13, 15, 16, 18, 19

        align   8
gdt:    dq      0
        dq      0x00cf93000000ffff      ; 4 GiB of data
gdtr:   dw      15
        dd      0
port:   dw      0x3f8
sums:   dw      0
frames: dd      0
table:  times 8 dd 0                    ; of the last block move, without what goes where
current: dd     0                       ; the BIOS's own vector of the call that is recorded
writer: dd      0                       ; IP and CS of who writes through INT 10h
how:    db      0                       ; and its AH
chain:  db      0
silent: db      0
drive:  db      0
packet: db      16, 0
        dw      1, 0x7c00, 0
        dq      TRUE_LBA

; Entered at seg:0 by what has brought it here.
begin:
        cli
        cld
        mov     [cs:drive], dl
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00
        mov     dx, [0x400]
        test    dx, dx
        jz      .port                   ; the BIOS knows of none: where COM1 always is
        mov     [cs:port], dx
.port:  mov     dx, [cs:port]
        inc     dx
        mov     al, 0                   ; no interrupts
        out     dx, al
        add     dx, 2
        mov     al, 0x80                ; DLAB
        out     dx, al
        sub     dx, 3
        mov     ax, DIVISOR
        out     dx, al
        inc     dx
        mov     al, ah
        out     dx, al
        add     dx, 2
        mov     al, 3                   ; 8N1
        out     dx, al
        inc     dx
        out     dx, al                  ; DTR, RTS
        mov     al, INSTALLED
        call    begin_frame
        mov     al, VERSION
        call    out_byte
        mov     ax, [cs:port]
        call    out_ax
        mov     ax, cs
        call    out_ax
        mov     al, [cs:drive]
        call    out_byte
        call    end_frame
        sti
        mov     dl, [cs:drive]
        push    cs
        pop     ds
        mov     ah, 0x42
        mov     si, packet
        int     0x13
        jnc     .read
%if TRUE_LBA == 0
        mov     ax, 0x0201              ; a drive without extensions
        mov     bx, 0x7c00
        mov     cx, 1
        mov     dh, 0
        mov     dl, [cs:drive]
        int     0x13
        jnc     .read
%endif
        jmp     .failed
.read:  xor     ax, ax                  ; a drive that has no boot sector: no error
        mov     ds, ax
        cmp     word [0x7dfe], 0xaa55
        jne     .failed
        cli
        take_vectors
        mov     dl, [cs:drive]
        sti
        jmp     0:0x7c00
.failed:
        push    ax                      ; its status
        mov     al, FAILED
        call    begin_frame
        pop     ax
        call    out_ax
        call    end_frame
        int     0x18

        times   RESIDENT_BYTES - ($ - $$) db 0
