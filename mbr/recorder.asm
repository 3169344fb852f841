; recorder: an option ROM that records the BIOS calls of whatever boots.
;
; The BIOS calls `install` during POST, while the ROM's segment can still be written: the
; old vectors are kept here and the interrupt vector table is pointed at the hooks. After
; POST the segment is read-only, so a call changes nothing in guest memory but a few words
; below the caller's stack pointer. Records leave through an ISA debug console; what they
; mean to the harness is in formats/record.py.
;
; The handoff to the kernel is caught with debug registers: what a disk read brings in is
; searched for the magic of a setup header, and an execution breakpoint is set where that
; kernel would be entered. A loader that copies the setup code elsewhere escapes this;
; then the first BIOS call by code that carries the magic is reported in its place.
;
; At the handoff, at INT 18h, and at an INT 19h that the BIOS did not make itself, the
; machine is stopped through the pvpanic port until the harness has looked at it.

        cpu     586
        bits    16
        org     0

ROM_SECTORS     equ 2
CONSOLE         equ 0xe9                ; isa-debugcon
PVPANIC         equ 0x505               ; pvpanic: bit 0, "the guest has panicked"
PM_TIMER        equ 0x608               ; ACPI timer: 3,579,545 Hz, 24 bits
BIOS_SEGMENTS   equ 0xc000              ; the BIOS and option ROMs are from here on
MAGIC           equ 'HdrS'              ; setup header, at 0x202 of the real-mode kernel
%ifdef UNARMED
BREAKPOINTS     equ 0x400               ; DR7: none, where somebody else looks for the handoff
%else
BREAKPOINTS     equ 0x4aa               ; DR7: DR0 to DR3, execution, global
%endif
REPORTED        equ 0x500               ; DR7 after the handoff, our only variable: none, LE

%include "hooks.inc"

        db      0x55, 0xaa, ROM_SECTORS
        jmp     near install

; Send a record with the frame on the stack.
        %macro  send 1
        push    word %1
        call    send_record
        add     sp, 2
        %endmacro

; Record a call and its return. The old handler gets the caller's flags in its frame,
; as if it had been called directly: it may look at IF there, and it changes CF.
        %macro  hook 1
        frame   %1
        send    'C'
        push    ax
        push    bp
        mov     bp, sp                  ; bp, room for flags, frame, ip, cs, flags
        push    word [bp + 10]
        pop     word [bp + 2]
        pop     bp
        call    far [cs:old_%1]
        pushf
        push    bp
        mov     bp, sp
        push    word [bp + 2]
        pop     word [bp + 10]
        pop     bp
        add     sp, 2
        send    'R'
        add     sp, 2
        iret
        %endmacro

hook_10:
        cmp     ah, 0x0e                ; teletype output
        je      .record
        cmp     ah, 0x09                ; write a character, and set the cursor: the way in which
        je      .note                   ; boot managers write; nothing comes back from these
        cmp     ah, 0x02
        jne     .pass
.note:  frame   10
        send    'C'
        add     sp, 2
.pass:  jmp     far [cs:old_10]
.record:
        hook    10

hook_13:
        hook    13

hook_15:
        hook    15

hook_16:
        test    ah, 0xee                ; 01h and 11h, polled in loops, are not recorded;
        jnz     .record                 ; 00h and 10h wait for a key
        test    ah, 1
        jnz     .pass
.record:
        hook    16
.pass:  jmp     far [cs:old_16]

hook_18:
        frame   18
        send    'C'
        add     sp, 2
        jmp     far [cs:old_18]

hook_19:
        frame   19
        send    'C'
        add     sp, 2
        jmp     far [cs:old_19]

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

; Send the record whose end is on the stack, from .tag on, and what belongs to it. Keeps
; all registers but FLAGS; interrupts stay off until the hook returns, for a nested call
; would be sent into the middle of this one.
send_record:
        pushad
        push    ds
        push    es
        cli
        cld
        mov     bp, sp
        call    send_frame
        mov     al, [bp + record.tag]
        cmp     al, 'C'
        je      .call
        cmp     al, 'R'
        je      .return
        cmp     al, 'H'
        je      .handoff
        call    send_pm_timer
        jmp     .done
.call:
        call    send_table
        cmp     byte [bp + record.number], 0x18
        je      .stop
        cmp     byte [bp + record.number], 0x19
        jne     .kernel
        call    send_pm_timer
        cmp     word [bp + record.cs], BIOS_SEGMENTS
        jae     .done
.stop:
        call    stop_machine
        jmp     .done
.kernel:
        mov     ds, [bp + record.cs]    ; setup code has CS at the real-mode kernel's start
        cmp     dword [0x202], MAGIC
        jne     .done
        cmp     byte [bp + record.ip + 1], 2 ; in front of it is the boot sector, which may
        jb      .done                   ; load the rest
        mov     eax, dr7
        test    ah, REPORTED >> 8 & 1
        jnz     .done
        mov     byte [bp + record.tag], 'H'
        call    send_frame              ; once more, as the handoff
.handoff:
        call    handoff
        jmp     .done
.return:
        call    find_kernel
.done:
        pop     es
        pop     ds
        popad
        ret

; Send the time and the record.
send_frame:
        xor     edx, edx
read_time:
        rdtsc                           ; three bytes that `install` replaces where the
        nop                             ; CPU has no time stamp counter
        shrd    eax, edx, 8
        call    send_eax
        mov     si, bp
        mov     cx, record_size
        rep     outsb
        ret

; Send the ACPI timer: two of these give the time stamp counter's frequency.
send_pm_timer:
        mov     dx, PM_TIMER
        in      eax, dx

; Leaves DS the stack's segment and DX the console, as the senders after it want them.
send_eax:
        push    eax
        push    ss
        pop     ds
        mov     si, sp
        mov     cx, 4
        mov     dx, CONSOLE
        rep     outsb
        pop     eax
        ret

; Send what the call is given in memory: a disk address packet or a block-move table.
send_table:
        mov     ah, [bp + record.function]
        cmp     byte [bp + record.number], 0x13
        jne     .move
        cmp     ah, 0x42
        jb      .done
        cmp     ah, 0x44
        ja      .done
        mov     ds, [bp + record.ds]
        mov     cx, 16
        jmp     .send
.move:
        cmp     byte [bp + record.number], 0x15
        jne     .done
        cmp     ah, 0x87
        jne     .done
        mov     ds, [bp + record.es]
        mov     cx, 48
.send:
        mov     si, [bp + record.esi]
        rep     outsb
.done:
        ret

; Send SS, FS and GS, which the record lacks, disarm, and let the harness look.
handoff:
        push    gs
        push    fs
        push    ss
        mov     si, sp
        mov     cx, 6
        rep     outsb
        add     sp, 6
        xor     eax, eax
        mov     dr6, eax
        mov     ax, REPORTED
        mov     dr7, eax

stop_machine:
        mov     dx, PVPANIC
        mov     al, 1
        out     dx, al
        jmp     .taken                  ; an emulator stops at the latest at a jump
.taken:
        ret

; After a disk read: look for the setup header, break where its kernel would be entered,
; and where a loader that mistakes the boot sector for the entry would go.
;
; QEMU without KVM finds a breakpoint by its linear address and then once more by the bare
; IP, and dies if there is none: DR2 and DR3 are there for the IP of an entry at
; segment + 20h:0000, or at segment:0200.
find_kernel:
        cmp     byte [bp + record.number], 0x13
        jne     .done
        test    byte [bp + record.flags], 1
        jnz     .done
        mov     al, [bp + record.function]
        mov     es, [bp + record.es]
        mov     di, [bp + record.ebx]
        cmp     al, 0x02
        je      .search
        cmp     al, 0x42
        jne     .done
        mov     ds, [bp + record.ds]
        mov     si, [bp + record.esi]
        les     di, [si + 4]            ; disk address packet: buffer
.search:
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
.arm:
        mov     eax, dr7
        test    ah, REPORTED >> 8 & 1
        jnz     .done
        mov     dr0, ebx
        sub     ebx, 0x200
        mov     dr1, ebx
        xor     eax, eax
        mov     dr2, eax
        mov     ax, 0x200
        mov     dr3, eax
        mov     ax, BREAKPOINTS
        mov     dr7, eax
.done:
        ret

; Called far by the BIOS in POST.
install:
        pushf
        pushad
        push    ds
        cli
        mov     eax, 1
        cpuid
        test    dl, 0x10                ; time stamp counter
        jnz     .hook
        mov     word [cs:read_time], 0x3166 ; xor eax, eax
        mov     byte [cs:read_time + 2], 0xc0
.hook:
        xor     ax, ax
        mov     ds, ax
        take_vectors
        pop     ds
        popad
        push    cs                      ; a frame such as an interrupt leaves
        push    install
        frame   00
        send    'I'
        add     sp, 6
        popf
        retf

        hook_table 01, 10, 13, 15, 16, 18, 19

        times   ROM_SECTORS * 512 - ($ - $$) db 0
