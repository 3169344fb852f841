; adverse: an option ROM that makes of QEMU's machine one that is harder on a loader.
;
; It takes INT 19h from the BIOS, reads the boot sector itself and enters it in another state, and
; answers INT 13h, 15h and 10h otherwise than the BIOS. What it does is chosen when it is assembled.
; Always defined are
;
;   ENTRY_EAX ... ENTRY_GS, ENTRY_CS, ENTRY_IP, ENTRY_FLAGS   registers at the entry
;   DRIVE               the number of the disk
;   MOST_SECTORS        of a read
;
; and where it is wanted
;
;   A20_CLOSED          the gate is closed at the entry, MOVE_CLOSES_A20 by each block move
;   EDD_STATUS, EDD_CX  what AH=41h returns; AH=42h to 48h work where bit 0 of CX is set
;   MOST_WORDS          of a block move
;   NO_CHS, NO_PACKET   reads over a multiple of 64 KiB by CHS and by packet
;   NO_SEGMENT          reads beyond the end of a packet's segment
;   FLAKY               a read fails unless it is that which failed last
;   STACK_BYTES         how much of the caller's stack a call writes over
;   CHANGE_13, CHANGE_15, CHANGE_10, CHANGE_16, FUNCTION_1, FUNCTION_2, MASK_..., VALUE_...
;                       which bits of registers calls change, and to what

        cpu     586
        bits    16
        org     0

ROM_SECTORS     equ 2
BOOT_SECTOR     equ 0x7c00
FAILED_LAST     equ 0x4f0               ; the BIOS data area's 16 bytes for programs
FAST_A20        equ 0x92

%include "hooks.inc"

        db      0x55, 0xaa, ROM_SECTORS
        jmp     near install

; Change one register's bits, after a call.
        %macro  change 2
        %ifdef  MASK_%1
        and     %2, ~MASK_%1 & 0xffffffff
        or      %2, VALUE_%1
        %endif
        %endmacro

; Call the BIOS and return as it does, with what a call changes besides. On the stack from the
; top: the caller's AX, IP, CS and flags.
        %macro  call_bios 1
        %ifdef  STACK_BYTES
        pusha
        push    es
        push    ss
        pop     es
        mov     di, sp
        sub     di, STACK_BYTES
        mov     cx, STACK_BYTES
        mov     al, 0xb5
        cld
        rep     stosb
        pop     es
        popa
        %endif
        pushf
        call    far [cs:old_%1]
        push    bp
        mov     bp, sp
        jc      %%carry
        and     byte [bp + 8], ~1
        jmp     %%flags
%%carry:
        or      byte [bp + 8], 1
%%flags:
        %ifdef  CHANGE_%1
        %ifdef  FUNCTION_1
        cmp     byte [bp + 3], FUNCTION_1
        je      %%change
        cmp     byte [bp + 3], FUNCTION_2
        jne     %%done
%%change:
        %endif
        %ifdef  MASK_FLAGS
        and     word [bp + 8], ~MASK_FLAGS & 0xffff
        or      word [bp + 8], VALUE_FLAGS
        %endif
        pop     bp
        %ifdef  MASK_ES
        push    word VALUE_ES
        pop     es
        %endif
        change  EAX, eax
        change  EBX, ebx
        change  ECX, ecx
        change  EDX, edx
        change  ESI, esi
        change  EDI, edi
        change  EBP, ebp
        jmp     %%return
        %endif
%%done:
        pop     bp
%%return:
        add     sp, 2
        iret
        %endmacro

; Whether EAX, a buffer's offset in its 64 KiB, and EBX sectors go beyond them: CF is clear then.
        %macro  crosses 0
        movzx   eax, ax
        shl     ebx, 9
        add     eax, ebx
        cmp     eax, 0x10001
        %endmacro

hook_10:
        push    ax
        call_bios 10

hook_16:
        push    ax
        call_bios 16

hook_13:
        push    ax
        %if     DRIVE != 0x80
        cmp     dl, DRIVE
        mov     ah, 0x01
        jne     .fail
        pop     ax
        push    ax
        mov     dl, 0x80
        %endif
        %ifdef  EDD_CX
        cmp     ah, 0x41
        jb      .by_chs
        ja      .packets
        %if     EDD_STATUS
        mov     ah, EDD_STATUS
        jmp     .fail
        %else
        mov     ax, 0x3000
        mov     bx, 0xaa55
        mov     cx, EDD_CX
        jmp     .succeed
        %endif
.packets:
        cmp     ah, 0x48
        mov     ah, 0x01
        jbe     .fail
        pop     ax
        push    ax
.by_chs:
        %endif
        cmp     ah, 0x42
        je      .packet
        cmp     ah, 0x02
        jne     .call
        cmp     al, MOST_SECTORS
        mov     ah, 0x01
        ja      .fail
        %ifdef  NO_CHS
        pushad
        movzx   ecx, al
        mov     ax, es
        shl     ax, 4
        add     ax, bx
        mov     ebx, ecx
        crosses
        popad
        mov     ah, 0x09
        jae     .fail
        %endif
        %ifdef  FLAKY
        pushad
        shl     ecx, 16
        mov     cx, dx
        mov     ebx, ecx                ; the boot sector's is tried again below
        call    failed_before
        popad
        mov     ah, 0x80
        jne     .fail
        %endif
        jmp     .restore
.packet:
        cmp     word [si + 2], MOST_SECTORS
        mov     ah, 0x01
        ja      .fail_packet
        %ifdef  NO_PACKET
        pushad
        mov     ax, [si + 6]
        shl     ax, 4
        add     ax, [si + 4]
        movzx   ebx, word [si + 2]
        crosses
        popad
        mov     ah, 0x09
        jae     .fail_packet
        %endif
        %ifdef  NO_SEGMENT
        pushad
        mov     ax, [si + 4]
        movzx   ebx, word [si + 2]
        crosses
        popad
        mov     ah, 0x09
        jae     .fail_packet
        %endif
        %ifdef  FLAKY
        pushad
        mov     ebx, [si + 8]
        call    failed_before
        popad
        mov     ah, 0x80
        jne     .fail_packet
        %endif
.restore:
        pop     ax
        push    ax
.call:
        %if     DRIVE != 0x80
        pushf
        call    far [cs:old_13]
        mov     dl, DRIVE
        jc      .fail
        jmp     .succeed
        %else
        call_bios 13
        %endif
.fail_packet:
        mov     word [si + 2], 0
.fail:
        push    bp
        mov     bp, sp
        or      byte [bp + 8], 1
        pop     bp
        add     sp, 2
        iret
.succeed:
        push    bp
        mov     bp, sp
        and     byte [bp + 8], ~1
        pop     bp
        add     sp, 2
        iret

        %ifdef  FLAKY
; Whether a read is that which failed last, by EBX: ZF is set then. From now on it is.
failed_before:
        xor     ax, ax
        mov     ds, ax
        xchg    ebx, [FAILED_LAST]
        cmp     ebx, [FAILED_LAST]
        ret
        %endif

hook_15:
        push    ax
        cmp     ah, 0x87
        jne     .call
        %ifdef  MOST_WORDS
        cmp     cx, MOST_WORDS
        mov     ah, 0x02
        ja      hook_13.fail
        pop     ax
        push    ax
        %endif
        %ifdef  MOVE_CLOSES_A20
        pushf
        call    far [cs:old_15]
        pushf
        push    ax
        call    close_a20
        pop     ax
        popf
        jc      hook_13.fail
        jmp     hook_13.succeed
        %endif
.call:
        call_bios 15

close_a20:
        in      al, FAST_A20
        and     al, 0xfc
        out     FAST_A20, al
        ret

; Read the boot sector and enter it.
hook_19:
        cli
        xor     ax, ax
        mov     ss, ax
        mov     sp, 0x6f04
        mov     es, ax
        sti
        mov     di, 2
.read:  mov     ax, 0x0201
        mov     bx, BOOT_SECTOR
        mov     cx, 1
        mov     dx, DRIVE
        int     0x13                    ; as the BIOS does it, for the recorder to see
        jnc     .enter
        dec     di
        jnz     .read
        int     0x18
.enter:
        %ifdef  A20_CLOSED
        call    close_a20
        %endif
        mov     ax, ENTRY_SS
        mov     ss, ax
        mov     esp, ENTRY_ESP
        push    word ENTRY_FLAGS
        push    word ENTRY_CS
        push    word ENTRY_IP
        mov     ax, ENTRY_DS
        mov     ds, ax
        mov     ax, ENTRY_ES
        mov     es, ax
        mov     ax, ENTRY_FS
        mov     fs, ax
        mov     ax, ENTRY_GS
        mov     gs, ax
        mov     eax, ENTRY_EAX
        mov     ebx, ENTRY_EBX
        mov     ecx, ENTRY_ECX
        mov     edx, ENTRY_EDX
        mov     esi, ENTRY_ESI
        mov     edi, ENTRY_EDI
        mov     ebp, ENTRY_EBP
        iret

; Called far by the BIOS in POST.
install:
        pushad
        push    ds
        xor     ax, ax
        mov     ds, ax
        take_vectors
        pop     ds
        popad
        retf

        hook_table 10, 13, 15, 16, 19

        times   ROM_SECTORS * 512 - ($ - $$) db 0
