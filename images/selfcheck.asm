; selfcheck: a kernel that checks how it was loaded.
;
; It obeys the boot protocol and is entered like Linux: setup code in real mode, protected
; mode at 32 bits, a jump to code32_start. On the way it checks its registers, its header,
; its own bytes, the command line and the initrd, reports each on the serial line, and ends
; QEMU through isa-debug-exit where there is one: status 1 if all is right, 3 if not.
;
; All of its code but ENTRY_BYTES is in the setup part, so that the payload can have any size, none
; too. A payload begins with entry_code and goes on with a pattern, which kernels/selfcheck.py makes:
; PERIOD double words, each STEP more than the one before, over and over.
;
; Assembled with -DSETUP_SECTS=n.

        cpu     386
        bits    16
        org     0

%ifndef SETUP_SECTS
%define SETUP_SECTS 8
%endif

COM1            equ 0x3f8
LINE_STATUS     equ COM1 + 5
DEBUG_EXIT      equ 0xf4
PERIOD          equ 65521               ; a prime: no chunk of sectors divides it
STEP            equ 0x9e3779b1
ENTRY_BYTES     equ 16
FROM_SETUP      equ 'self'              ; in ECX: entered by this setup code
CMDLINE_SIZE    equ 2047
CAN_USE_HEAP    equ 0x80
OWN_STACK       equ 0xa000              ; where the loader gave no good one

FLAT_CODE       equ 0x10                ; the selectors that the protocol asks for
FLAT_DATA       equ 0x18
CODE            equ 0x20                ; based at this real-mode kernel, so that all labels
DATA            equ 0x28                ; stay what they are

; All that is written to lies in the boot sector: the setup part behind it is summed up.
saved:
.es:            dw 0
.ds:            dw 0
.ss:            dw 0
.fs:            dw 0
.gs:            dw 0
.cs:            dw 0
.sp:            dw 0
.flags:         dw 0
base:           dd 0                    ; linear address of this real-mode kernel
failures:       dd 0
wrong:          dd 0
gdtr:           dw gdt_end - gdt - 1
                dd 0
no_idt:         dw 0                    ; any exception resets the machine
                dd 0
entry:          dd 0                    ; far pointer to code32_start
                dw FLAT_CODE
gdt:            dq 0, 0
                dq 0x00cf9b000000ffff
                dq 0x00cf93000000ffff
.code:          dq 0x00cf9b000000ffff
.data:          dq 0x00cf93000000ffff
gdt_end:

        times   0x1e8 - ($ - $$) db 0
setup_sum:      dd 0                    ; the builder's: sum of what lies behind the header
        times   0x1f1 - ($ - $$) db 0
setup_sects:    db SETUP_SECTS
                dw 0
syssize:        dd 0                    ; the builder's
                dw 0, 0xffff, 0
                dw 0xaa55
                jmp short start
                db 'HdrS'
                dw 0x020f
                dd 0
                dw 0x1000, version - 0x200
type_of_loader: db 0
loadflags:      db 1                    ; LOADED_HIGH
                dw 0x8000
code32_start:   dd 0x100000
ramdisk_image:  dd 0
ramdisk_size:   dd 0
                dd 0
heap_end_ptr:   dw 0
                db 0, 0
cmd_line_ptr:   dd 0
initrd_addr_max: dd 0x7fffffff
                dd 0x1000               ; kernel_alignment
                db 0, 12                ; not relocatable
                dw 0                    ; xloadflags: no 64-bit entry
                dd CMDLINE_SIZE
                dd 0
                dq 0
                dd 0, 0
                dq 0
                dq 0x100000             ; pref_address
init_size:      dd 0                    ; the builder's
                dd 0, 0
header_end:

; Entered as X+20:0000. Find X from where this runs, and keep what the loader left.
start:
        pushf
        call    .here
.here:  pop     bp
        pop     cx
        mov     dx, ds
        mov     ax, bp
        sub     ax, .here
        sar     ax, 4
        mov     bx, cs
        add     bx, ax                  ; X
        mov     ds, bx
        mov     [saved.ds], dx
        mov     [saved.es], es
        mov     [saved.fs], fs
        mov     [saved.gs], gs
        mov     [saved.ss], ss
        mov     [saved.cs], cs
        mov     [saved.sp], sp
        mov     [saved.flags], cx
        mov     dword [failures], 0
        movzx   eax, bx
        shl     eax, 4
        mov     [base], eax
        mov     ax, ss
        mov     sp, [saved.sp]
        cmp     ax, bx
        je      .stack
        cli
        mov     ss, bx
        mov     sp, OWN_STACK
.stack: mov     es, bx
        push    bx
        push    word checks
        retf

checks:
        cld
        mov     ah, 0x02                ; as a kernel does: the first BIOS call proves the handoff
        int     0x16                    ; (no INT 15h, which iPXE answers itself)

; Registers: all segments are X, SP leaves room, interrupts are off, entry at X+20:0.
        mov     si, registers
        call    begin
        mov     ax, ds
        mov     bx, saved.es
        mov     cx, 5
.segment:
        cmp     [bx], ax
        call    expect_equal
        add     bx, 2
        loop    .segment
        add     ax, 0x20
        cmp     [saved.cs], ax
        call    expect_equal
        cmp     word [saved.sp], SETUP_SECTS * 512 + 0x200 + 0x400
        call    expect_above
        test    word [saved.flags], 0x200
        call    expect_equal
        call    finish

; Header: what the protocol obliges a loader to set.
        mov     si, header
        call    begin
        cmp     byte [type_of_loader], 0
        call    expect_above
        test    byte [loadflags], CAN_USE_HEAP
        call    expect_differs
        cmp     word [heap_end_ptr], SETUP_SECTS * 512
        call    expect_above
        cmp     dword [cmd_line_ptr], 0
        call    expect_differs
        call    finish

; The setup part: its double words behind the header add up to what the builder wrote.
        mov     si, setup_part
        call    begin
        xor     eax, eax
        mov     bx, header_end
        mov     cx, ((SETUP_SECTS + 1) * 512 - (header_end - $$)) / 4
.add:   add     eax, [bx]
        add     bx, 4
        loop    .add
        cmp     eax, [setup_sum]
        call    expect_equal
        call    finish

; The command line: printable, and it ends where it has to.
        mov     si, command_line
        call    begin
        mov     eax, [cmd_line_ptr]
        mov     bx, ax
        and     bx, 15
        shr     eax, 4
        mov     fs, ax
        mov     cx, CMDLINE_SIZE + 1
.next:  mov     al, [fs:bx]
        inc     bx
        test    al, al
        loopnz  .next
        test    al, al
        call    expect_equal
        call    finish
        mov     si, quote
        call    print
        mov     bx, [cmd_line_ptr]
        and     bx, 15
        mov     cx, CMDLINE_SIZE
.show:  mov     al, [fs:bx]
        inc     bx
        test    al, al
        jz      .shown
        call    put
        loop    .show
.shown: mov     si, end_quote
        call    print

; Into protected mode.
        cli
        in      al, 0x92                ; A20
        or      al, 2
        and     al, 0xfe
        out     0x92, al
        mov     eax, [base]
        mov     [gdt.code + 2], ax
        mov     [gdt.data + 2], ax
        mov     ebx, eax
        shr     ebx, 16
        mov     [gdt.code + 4], bl
        mov     [gdt.data + 4], bl
        add     eax, gdt
        mov     [gdtr + 2], eax
        lgdt    [gdtr]
        lidt    [no_idt]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     CODE:protected

; DS:SI the name of what is checked. The flags that an expectation is about are those of
; the instruction before its call, so the calls keep all registers.
begin:
        mov     dword [wrong], 0
        push    si
        mov     si, prefix
        call    print
        pop     si
        jmp     print

expect_equal:
        jz      expected
        jmp     unexpected
expect_differs:
        jnz     expected
        jmp     unexpected
expect_above:
        ja      expected
unexpected:
        inc     word [wrong]
        inc     word [failures]
expected:
        ret

finish:
        mov     si, is_right
        cmp     word [wrong], 0
        je      print
        mov     si, is_wrong
print:
        lodsb
        test    al, al
        jz      expected
        call    put
        jmp     print

put:
        push    dx
        push    ax
        mov     dx, LINE_STATUS
.busy:  in      al, dx
        test    al, 0x20
        jz      .busy
        pop     ax
        mov     dx, COM1
        out     dx, al
        pop     dx
        ret

        bits    32

protected:
        mov     ax, DATA
        mov     ds, ax
        mov     ss, ax
        movzx   esp, sp
        mov     ax, FLAT_DATA
        mov     es, ax
        mov     fs, ax
        mov     gs, ax

; Through the payload's entry and back.
        cmp     dword [syssize], 0
        je      entered
        mov     edi, [code32_start]
        mov     [entry], edi
        call    begins_right
        jne     entered                 ; reported below
        mov     ebx, [base]
        add     ebx, back
        mov     ecx, FROM_SETUP
        mov     esi, [base]
        jmp     far [entry]
back:
        jmp     CODE:entered
entered:
        mov     esi, banner
        call    print32

; The payload: the first period counts up, every later one is like the one before.
        mov     esi, payload
        call    begin32
        mov     ecx, [syssize]
        shl     ecx, 2                  ; double words
        jz      .right
        mov     edi, [code32_start]
        mov     eax, PERIOD
        cmp     ecx, eax
        jae     .first
        mov     eax, ecx
.first: call    begins_right
        jne     .wrong
        mov     edx, (ENTRY_BYTES / 4 - 1) * STEP & 0xffffffff
        mov     ebp, ENTRY_BYTES / 4
.count: cmp     ebp, eax
        jae     .repeat
        add     edx, STEP
        cmp     [es:edi + ebp * 4], edx
        jne     .at_ebp
        inc     ebp
        jmp     .count
.at_ebp:
        lea     edi, [edi + ebp * 4]
        jmp     .wrong
.repeat:
        sub     ecx, eax
        jz      .right
        push    ds
        push    es
        pop     ds
        mov     esi, edi
        lea     edi, [edi + PERIOD * 4]
        cld
        repe    cmpsd
        pop     ds
        je      .right
        sub     edi, 4
.wrong: inc     dword [failures]
        mov     esi, differs_at
        call    print32
        mov     eax, edi
        call    hex32
        mov     esi, new_line
        call    print32
        jmp     .done
.right: mov     esi, is_right
        call    print32
.done:

; The initrd: above the payload, not above initrd_addr_max.
        mov     esi, initrd
        call    begin32
        mov     ecx, [ramdisk_size]
        jecxz   .none
        mov     eax, [syssize]
        shl     eax, 4
        add     eax, [code32_start]
        mov     edi, [ramdisk_image]
        cmp     edi, eax
        jb      .misplaced
        lea     ebx, [edi + ecx - 1]
        cmp     ebx, [initrd_addr_max]
        ja      .misplaced
        xor     eax, eax
        xor     edx, edx
.sum:   mov     dl, [es:edi]
        add     eax, edx
        inc     edi
        dec     ecx
        jnz     .sum
        mov     esi, sum_is
        call    print32
        call    hex32
        mov     esi, new_line
        call    print32
        jmp     verdict
.none:  mov     esi, is_none
        call    print32
        jmp     verdict
.misplaced:
        inc     dword [failures]
        mov     esi, is_wrong
        call    print32

verdict:
        mov     esi, passed
        mov     bl, 0
        cmp     dword [failures], 0
        je      .say
        mov     esi, failed
        mov     bl, 1
.say:   call    print32
        mov     al, bl
        out     DEBUG_EXIT, al
.halt:  hlt
        jmp     .halt

; Zero flag: the payload at ES:EDI begins with entry_code.
begins_right:
        push    ecx
        push    esi
        push    edi
        mov     esi, entry_code
        mov     ecx, ENTRY_BYTES / 4
        cld
        repe    cmpsd
        pop     edi
        pop     esi
        pop     ecx
        ret

; Where a payload begins: back to the setup code. Whoever enters it past that, at the 32-bit entry,
; finds no kernel, and the CPU halted here tells so.
entry_code:
        cmp     ecx, FROM_SETUP
        jne     .none
        jmp     ebx
.none:  cli
.stays: hlt
        jmp     .stays
        times   ENTRY_BYTES - ($ - entry_code) nop

begin32:
        push    esi
        mov     esi, prefix
        call    print32
        pop     esi
print32:
        push    eax
.next:  mov     al, [esi]
        inc     esi
        test    al, al
        jz      .done
        call    put32
        jmp     .next
.done:  pop     eax
        ret

put32:
        push    edx
        push    eax
        mov     edx, LINE_STATUS
.busy:  in      al, dx
        test    al, 0x20
        jz      .busy
        pop     eax
        mov     edx, COM1
        out     dx, al
        pop     edx
        ret

; EAX in hex
hex32:
        push    ecx
        mov     ecx, 8
.digit: rol     eax, 4
        push    eax
        and     al, 15
        cmp     al, 10
        sbb     al, 0x69
        das
        call    put32
        pop     eax
        loop    .digit
        pop     ecx
        ret

version:        db 'selfcheck (bootharness) #1', 0
banner:         db 'Linux version selfcheck (bootharness)', 13, 10, 0
prefix:         db 'selfcheck: ', 0
registers:      db 'registers', 0
header:         db 'header', 0
setup_part:     db 'setup', 0
command_line:   db 'command line', 0
payload:        db 'payload', 0
initrd:         db 'initrd', 0
is_right:       db ' ok', 13, 10, 0
is_wrong:       db ' wrong', 13, 10, 0
is_none:        db ' none', 13, 10, 0
differs_at:     db ' wrong at 0x', 0
sum_is:         db ' ok, its bytes add up to 0x', 0
quote:          db 'selfcheck: the command line is "', 0
end_quote:      db '"'
new_line:       db 13, 10, 0
passed:         db 'bootharness: init reached', 13, 10, 0
failed:         db 'selfcheck: failed', 13, 10, 0
code_end:

        times   (SETUP_SECTS + 1) * 512 - ($ - $$) db 0
