; uefi_recorder: the option ROM of a PCI card, that records what is asked of a UEFI.
;
; The firmware loads the driver in it while it looks at the PCI bus, before it has a disk, a
; network or a boot option. The driver puts hooks in front of boot and runtime services, and,
; as they appear, in front of the functions of protocols by which something is loaded. Records
; leave through an ISA debug console; what they mean to the harness is in
; formats/uefi_record.py.
;
; The machine is stopped through the pvpanic port, until the harness has looked at it, where boot
; services have ended, which is for a kernel to do; and where it may be saved, which is at the
; beginning, and again where what the firmware itself has is loaded while no disk is known yet: by
; then it has its consoles and variables.
;
;   ROM     0x000  header of a PCI expansion ROM (UEFI 2.10, 14.4.2), PCI data structure
;   image   0x040  headers of a UEFI driver (PE32+), of which the firmware makes a copy in RAM
;           0x240  .all: code and what it keeps, which runs where it is put

        bits    64
        default rel
        org     0

CONSOLE         equ 0xe9                ; isa-debugcon
PVPANIC         equ 0x505               ; pvpanic: bit 0, "the guest has panicked"
PM_TIMER        equ 0x608               ; ACPI timer: 3,579,545 Hz, 24 bits
MOST_TEXT       equ 2048                ; of a string, in characters, and of a path in bytes
SLOTS           equ 8                   ; drivers of one protocol
THUNK_BYTES     equ 10
HEADERS_BYTES   equ 0x200
BLOCK_BYTES     equ 512

; Tables of the firmware (UEFI 2.10, 4.3 to 4.5): where in them what is.
ST_VENDOR       equ 0x18
ST_REVISION     equ 0x20
ST_CONSOLE      equ 0x40
ST_RUNTIME      equ 0x58
ST_BOOT         equ 0x60
TABLE_BYTES     equ 0x0c
TABLE_CRC       equ 0x10
BS_ALLOCATE     equ 0x28
BS_CREATE_EVENT equ 0x50
BS_HANDLE       equ 0x98
BS_NOTIFY       equ 0xa8
BS_LOCATE       equ 0xb0
BS_LOAD         equ 0xc8
BS_START        equ 0xd0
BS_EXIT         equ 0xd8
BS_END          equ 0xe8
BS_CRC          equ 0x158
RT_SET_VARIABLE equ 0x58
RT_RESET        equ 0x68

; EFI_LOADED_IMAGE_PROTOCOL
LI_DEVICE       equ 0x18
LI_PATH         equ 0x20
LI_OPTIONS_SIZE equ 0x30
LI_OPTIONS      equ 0x38
LI_BASE         equ 0x40
LI_SIZE         equ 0x48

; EFI_BLOCK_IO_PROTOCOL and its media
BIO_MEDIA       equ 0x08
BIO_READ        equ 0x18
MEDIA_LOGICAL   equ 0x06
MEDIA_BLOCK     equ 0x0c
MEDIA_LAST      equ 0x18

FILE_OPEN       equ 0x08
FILE_READ       equ 0x20
TEXT_OUT        equ 0x08

NOTIFY_SIGNAL   equ 0x200
TPL_CALLBACK    equ 8
BY_NOTIFY       equ 1                   ; LocateHandle: ByRegisterNotify
MEDIA_PATH      equ 4                   ; a device path that begins with a medium

; The record: on the stack, sent with up to two pieces of memory behind it.
        struc   record
.mark           resb 1                  ; 0xeb
.kind           resb 1
.extra          resw 1                  ; bytes behind it
.timer          resd 1                  ; ACPI timer
.ticks          resq 1                  ; time stamp counter
.caller         resq 1                  ; where the call returns to
.status         resq 1
.values         resq 5                  ; by kind
.end            resq 1                  ; 'UEFIcall'
        endstruc

rom:
        dw      0xaa55
        dw      (rom_end - rom) / BLOCK_BYTES
        dd      0x0ef1                  ; of a UEFI
        dw      11                      ; boot service driver
        dw      0x8664                  ; x64
        dw      0                       ; not compressed
        times   8 db 0
        dw      image - rom
        dw      pcir - rom

        align   4, db 0
pcir:   db      'PCIR'
        dw      0x1b36, 0x0005          ; QEMU's pci-testdev, which does nothing by itself
        dw      0
        dw      pcir_end - pcir
        db      3
        db      0, 0, 0xff              ; class
        dw      (rom_end - rom) / BLOCK_BYTES
        dw      1
        db      3                       ; code for a UEFI
        db      0x80                    ; the last image
        dw      0
        dd      0
pcir_end:

        times   0x40 - ($ - rom) db 0
image:
        db      'MZ'
        times   0x3c - ($ - image) db 0
        dd      pe - image
pe:     db      'PE', 0, 0
        dw      0x8664, 1
        dd      0, 0, 0
        dw      sections - optional
        dw      0x022e                  ; executable, no line numbers, large addresses
optional:
        dw      0x020b, 0
        dd      all_end - all, 0, 0     ; sizes of code, of data
        dd      entry - image
        dd      all - image
        dq      0                       ; wherever it is put: nothing in it is to be relocated
        dd      HEADERS_BYTES, HEADERS_BYTES
        dd      0, 0, 0, 0
        dd      all_end - image         ; size in memory
        dd      HEADERS_BYTES
        dd      0
        dw      11, 0                   ; boot service driver
        dq      0, 0, 0, 0
        dd      0
        dd      16
        times   16 dq 0
sections:
        db      '.all', 0, 0, 0, 0
        dd      all_end - all, all - image, all_end - all, all - image
        dd      0, 0
        dw      0, 0
        dd      0xe0000020              ; code that may be written to

        times   HEADERS_BYTES - ($ - image) db 0
all:

; Begin a hook, whose caller gives up to four arguments in registers and the rest on the stack
; (UEFI 2.10, 2.3.4.2). There is room above the return address, where those are kept:
;
;   [rbp + 0x30] the fifth argument, then the sixth
;   [rbp + 0x10] the first to the fourth
;   [rbp + 0x08] where the call returns to
        %macro  begin 0
        push    rbp
        mov     rbp, rsp
        mov     [rbp + 0x10], rcx
        mov     [rbp + 0x18], rdx
        mov     [rbp + 0x20], r8
        mov     [rbp + 0x28], r9
        push    rbx                     ; status
        push    rsi
        push    rdi
        push    r12                     ; two pieces that follow the record: where, and how
        push    r13                     ; many bytes
        push    r14
        push    r15
        sub     rsp, 8
        xor     r13d, r13d
        xor     r15d, r15d
        %endmacro

        %macro  finish 0
        mov     rax, rbx
        lea     rsp, [rbp - 7 * 8]
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rdi
        pop     rsi
        pop     rbx
        pop     rbp
        ret
        %endmacro

; Call what was hooked with what the hook was given. RBX becomes its status.
        %macro  forward 1
        mov     rax, %1
        call    forwarded
        mov     rbx, rax
        %endmacro

; Send a record: its kind, and five values.
        %macro  send 6
        push    qword [end_mark]
        push    qword %6
        push    qword %5
        push    qword %4
        push    qword %3
        push    qword %2
        push    rbx
        push    qword [rbp + 8]
        push    0
        push    0
        mov     word [rsp], 0xeb + %1 * 0x100
        call    send_record
        add     rsp, record_size
        %endmacro

forwarded:
        sub     rsp, 0x38               ; room for six arguments, and 16-byte alignment
        mov     r10, [rbp + 0x30]
        mov     [rsp + 0x20], r10
        mov     r10, [rbp + 0x38]
        mov     [rsp + 0x28], r10
        mov     rcx, [rbp + 0x10]
        mov     rdx, [rbp + 0x18]
        mov     r8, [rbp + 0x20]
        mov     r9, [rbp + 0x28]
        call    rax
        add     rsp, 0x38
        ret

; Send the record above the return address, and what R12 to R15 say, without a break: a timer
; of the firmware may call what is hooked, too.
send_record:
        pushfq
        push    rsi
        cli
        cld
        lea     rsi, [rsp + 24]
        lea     eax, [r13 + r15]
        mov     [rsi + record.extra], ax
        mov     edx, PM_TIMER
        in      eax, dx
        mov     [rsi + record.timer], eax
        rdtsc
        mov     [rsi + record.ticks], eax
        mov     [rsi + record.ticks + 4], edx
        mov     edx, CONSOLE
        mov     ecx, record_size
        rep     outsb
        mov     rsi, r12
        mov     ecx, r13d
        rep     outsb
        mov     rsi, r14
        mov     ecx, r15d
        rep     outsb
        pop     rsi
        popfq
        ret

stop_machine:
        mov     edx, PVPANIC
        mov     al, 1
        out     dx, al
        ret

; Say that the machine may be saved here, as no disk is known yet, and stop it.
offer_machine:
        xor     ebx, ebx
        xor     r13d, r13d
        xor     r15d, r15d
        send    'Q', 0, 0, 0, 0, 0
        jmp     stop_machine

; The length in bytes of the string at RAX, in RCX, without its zero.
string_bytes:
        xor     ecx, ecx
        test    rax, rax
        jz      .done
.next:
        cmp     word [rax + rcx], 0
        je      .done
        add     ecx, 2
        cmp     ecx, MOST_TEXT * 2
        jb      .next
.done:
        ret

; The length in bytes of the device path at RAX, in RCX, with its end.
path_bytes:
        xor     ecx, ecx
        test    rax, rax
        jz      .done
.next:
        movzx   edx, word [rax + rcx + 2]
        mov     r8b, [rax + rcx]
        add     ecx, edx
        cmp     r8b, 0x7f
        je      .done
        cmp     edx, 4
        jb      .done
        cmp     ecx, MOST_TEXT
        jb      .next
.done:
        ret

; The protocol whose GUID is at RDX, of the handle in RCX, in RAX; 0 without one.
protocol_of:
        sub     rsp, 0x38
        lea     r8, [rsp + 0x28]
        mov     qword [r8], 0
        mov     rax, [boot]
        call    [rax + BS_HANDLE]
        mov     rdx, [rsp + 0x28]
        test    rax, rax
        mov     eax, 0
        cmovz   rax, rdx
        add     rsp, 0x38
        ret

; ---- images

hook_load:
        begin
        cmp     byte [knows_disk], 0
        jne     .load
        mov     rax, [rbp + 0x20]
        test    rax, rax
        jz      .load
        cmp     byte [rax], MEDIA_PATH  ; not a disk's by now: a volume of the firmware's, or QEMU's
        jne     .load                   ; kernel
        call    offer_machine
.load:
        forward [old_load]
        mov     r12, [rbp + 0x20]
        mov     rax, r12
        call    path_bytes
        mov     r13d, ecx
        xor     esi, esi                ; handle, base, size
        xor     edi, edi
        xor     r14d, r14d
        test    rbx, rbx
        jnz     .send
        mov     rax, [rbp + 0x38]
        mov     rsi, [rax]
        mov     rcx, rsi
        lea     rdx, [loaded_image]
        call    protocol_of
        test    rax, rax
        jz      .send
        mov     rdi, [rax + LI_BASE]
        mov     r14, [rax + LI_SIZE]
.send:
        send    'L', rsi, rdi, r14, [rbp + 0x28], [rbp + 0x30]
        finish

hook_start:
        begin
        xor     ebx, ebx
        mov     rcx, [rbp + 0x10]
        lea     rdx, [loaded_image]
        call    protocol_of
        test    rax, rax
        jz      .start
        mov     rsi, rax
        mov     r12, [rsi + LI_PATH]
        mov     rax, r12
        call    path_bytes
        mov     r13d, ecx
        mov     r14, [rsi + LI_OPTIONS]
        mov     r15d, [rsi + LI_OPTIONS_SIZE]
        mov     eax, MOST_TEXT * 2
        cmp     r15d, eax
        cmova   r15d, eax
        test    r14, r14
        cmovz   r15d, r14d
        mov     rdi, rsi
        send    'S', [rbp + 0x10], [rdi + LI_BASE], [rdi + LI_SIZE], r14, [rdi + LI_DEVICE]
.start:
        forward [old_start]
        xor     r13d, r13d
        xor     r15d, r15d
        send    'T', [rbp + 0x10], 0, 0, 0, 0
        finish

; Does not come back to an image that ends itself.
hook_exit:
        begin
        mov     rbx, [rbp + 0x18]
        send    'X', [rbp + 0x10], 0, 0, 0, 0
        forward [old_exit]
        finish

; What runs next may be anywhere in memory, so that the hooks of what stays are taken out.
hook_end:
        begin
        call    leave_runtime
        forward [old_end]
        test    rbx, rbx
        jz      .ended
        call    hook_runtime
.ended:
        send    'E', [rbp + 0x10], [rbp + 0x18], 0, 0, 0
        test    rbx, rbx
        jnz     .done
        call    stop_machine
.done:
        finish

; Only what fails: memory is asked for without end.
hook_allocate:
        begin
        forward [old_allocate]
        test    rbx, rbx
        jz      .done
        mov     rsi, [rbp + 0x28]
        send    'A', [rbp + 0x10], [rbp + 0x18], [rbp + 0x20], [rsi], 0
.done:
        finish

; ---- runtime

hook_set_variable:
        begin
        forward [old_set_variable]
        mov     r12, [rbp + 0x18]       ; whose
        mov     r13d, 16
        mov     r14, [rbp + 0x10]       ; name
        mov     rax, r14
        call    string_bytes
        mov     r15d, ecx
        xor     esi, esi                ; its first two bytes
        cmp     qword [rbp + 0x28], 2
        jb      .send
        mov     rax, [rbp + 0x30]
        movzx   esi, word [rax]
.send:
        send    'V', [rbp + 0x20], [rbp + 0x28], rsi, 0, 0
        finish

hook_reset:
        begin
        mov     rbx, [rbp + 0x18]
        send    'Z', [rbp + 0x10], 0, 0, 0, 0
        forward [old_reset]
        finish

; ---- protocols: each thunk is for another driver, whose own function is kept by its number

        %macro  thunks 1
thunks_%1:
        %assign number 0
        %rep    SLOTS
        mov     eax, number
        jmp     near strict hook_%1
        %assign number number + 1
        %endrep
        %endmacro

; Call a driver's own function, by the number of the thunk in ESI.
        %macro  forward_own 1
        lea     rax, [olds_%1]
        forward [rax + rsi * 8]
        %endmacro

        thunks  read_blocks
        thunks  open_volume
        thunks  open
        thunks  read
        thunks  load_file
        thunks  write

hook_read_blocks:
        begin
        mov     esi, eax
        forward_own read_blocks
        send    'R', [rbp + 0x10], [rbp + 0x20], [rbp + 0x28], [rbp + 0x30], 0
        finish

hook_open_volume:
        begin
        mov     esi, eax
        forward_own open_volume
        call    opened
        send    'O', [rbp + 0x10], rsi, 0, 0, 0
        finish

hook_open:
        begin
        mov     esi, eax
        forward_own open
        mov     r12, [rbp + 0x20]
        mov     rax, r12
        call    string_bytes
        mov     r13d, ecx
        call    opened
        send    'O', [rbp + 0x10], rsi, [rbp + 0x28], 0, 0
        finish

hook_read:
        begin
        mov     esi, eax
        mov     rax, [rbp + 0x18]
        mov     rdi, [rax]              ; how much is wanted
        forward_own read
        mov     rax, [rbp + 0x18]
        send    'F', [rbp + 0x10], rdi, [rax], [rbp + 0x20], 0
        finish

hook_load_file:
        begin
        mov     esi, eax
        forward_own load_file
        mov     r12, [rbp + 0x18]
        mov     rax, r12
        call    path_bytes
        mov     r13d, ecx
        mov     rax, [rbp + 0x28]
        mov     rsi, [rax]
        send    'D', [rbp + 0x10], rsi, [rbp + 0x30], [rbp + 0x20], 0
        finish

hook_write:
        begin
        mov     esi, eax
        forward_own write
        mov     r12, [rbp + 0x18]
        mov     rax, r12
        call    string_bytes
        mov     r13d, ecx
        send    'W', [rbp + 0x10], 0, 0, 0, 0
        finish

; Hook the functions of the file that was opened, which RSI becomes; 0 where none was.
opened:
        xor     esi, esi
        test    rbx, rbx
        jz      .file
        ret
.file:
        mov     rax, [rbp + 0x18]
        mov     rsi, [rax]
        lea     rcx, [rsi + FILE_OPEN]
        lea     rdx, [thunks_open]
        lea     r8, [olds_open]
        call    hook_function
        lea     rcx, [rsi + FILE_READ]
        lea     rdx, [thunks_read]
        lea     r8, [olds_read]

; Point the pointer at RCX to one of the thunks at RDX, which keeps what it was in the olds at R8;
; not where it is there, or where there are too many drivers. The page may be read-only.
hook_function:
        mov     rax, [rcx]
        mov     r9, rax
        sub     r9, rdx
        cmp     r9, SLOTS * THUNK_BYTES
        jb      .done
        xor     r9d, r9d
.next:
        mov     r10, [r8 + r9 * 8]
        test    r10, r10
        jz      .free
        cmp     r10, rax
        je      .known
        inc     r9d
        cmp     r9d, SLOTS
        jb      .next
.done:
        ret
.free:
        mov     [r8 + r9 * 8], rax
.known:
        imul    r9d, r9d, THUNK_BYTES
        add     r9, rdx
        pushfq
        cli
        mov     r10, cr0
        mov     r11, r10
        btr     r11, 16                 ; write protect
        mov     cr0, r11
        mov     [rcx], r9
        mov     cr0, r10
        popfq
        ret

; A protocol has appeared, of which RDX tells: hook each that is new.
appeared:
        begin
        mov     rdi, rdx
.next:
        sub     rsp, 0x30
        mov     ecx, BY_NOTIFY
        xor     edx, edx
        mov     r8, [rdi + watched.key]
        lea     r9, [handle_bytes]
        mov     qword [r9], 8
        lea     rax, [handle]
        mov     [rsp + 0x20], rax
        mov     rax, [boot]
        call    [rax + BS_LOCATE]
        add     rsp, 0x30
        test    rax, rax
        jnz     .done
        mov     rcx, [handle]
        lea     rdx, [rdi + watched.guid]
        call    protocol_of
        test    rax, rax
        jz      .next
        mov     rsi, rax
        mov     rcx, [handle]
        lea     rdx, [device_path]
        call    protocol_of
        mov     r12, rax
        call    path_bytes
        mov     r13d, ecx
        xor     ebx, ebx
        xor     eax, eax                ; of a disk: blocks, and their size
        xor     ecx, ecx
        cmp     dword [rdi + watched.function], BIO_READ
        jne     .send
        mov     rdx, [rsi + BIO_MEDIA]
        cmp     byte [rdx + MEDIA_LOGICAL], 0
        jne     .next                   ; its reads are those of its disk
        mov     byte [knows_disk], 1
        mov     eax, [rdx + MEDIA_BLOCK]
        mov     rcx, [rdx + MEDIA_LAST]
.send:
        send    'P', rsi, [rdi + watched.number], rax, rcx, [handle]
        lea     rax, [rom]              ; offsets in a table are from there
        mov     ecx, [rdi + watched.function]
        add     rcx, rsi
        mov     edx, [rdi + watched.thunks]
        add     rdx, rax
        mov     r8d, [rdi + watched.olds]
        add     r8, rax
        call    hook_function
        jmp     .next
.done:
        finish

; ---- the beginning

entry:
        begin
        mov     rbx, [rdx + ST_BOOT]
        mov     [boot], rbx
        mov     rax, [rdx + ST_RUNTIME]
        mov     [runtime], rax
        mov     r12, [rdx + ST_VENDOR]
        mov     rax, r12
        call    string_bytes
        mov     r13d, ecx
        mov     rdi, [rbp + 0x18]
        mov     eax, [rdi + ST_REVISION]
        lea     rcx, [rom]
        xor     ebx, ebx
        send    'I', rax, rcx, [boot], [runtime], 0
        mov     rbx, [boot]

        %macro  service 2
        mov     rax, [rbx + %1]
        mov     [old_%2], rax
        lea     rax, [hook_%2]
        mov     [rbx + %1], rax
        %endmacro
        service BS_ALLOCATE, allocate
        service BS_LOAD, load
        service BS_START, start
        service BS_EXIT, exit
        service BS_END, end
        mov     rcx, rbx
        call    sum_up
        call    hook_runtime

        mov     rcx, [rdi + ST_CONSOLE]
        test    rcx, rcx
        jz      .protocols
        add     rcx, TEXT_OUT
        lea     rdx, [thunks_write]
        lea     r8, [olds_write]
        call    hook_function
.protocols:
        lea     rdi, [protocols]
.next:
        sub     rsp, 0x30
        mov     ecx, NOTIFY_SIGNAL
        mov     edx, TPL_CALLBACK
        lea     r8, [appeared]
        mov     r9, rdi
        lea     rax, [event]
        mov     [rsp + 0x20], rax
        call    [rbx + BS_CREATE_EVENT]
        add     rsp, 0x30
        test    rax, rax
        jnz     .skip
        sub     rsp, 0x20
        lea     rcx, [rdi + watched.guid]
        mov     rdx, [event]
        lea     r8, [rdi + watched.key]
        call    [rbx + BS_NOTIFY]
        add     rsp, 0x20
.skip:
        add     rdi, watched_size
        lea     rax, [protocols_end]
        cmp     rdi, rax
        jb      .next
        call    offer_machine
        finish

hook_runtime:
        mov     rcx, [runtime]
        mov     rax, [rcx + RT_SET_VARIABLE]
        mov     [old_set_variable], rax
        lea     rax, [hook_set_variable]
        mov     [rcx + RT_SET_VARIABLE], rax
        mov     rax, [rcx + RT_RESET]
        mov     [old_reset], rax
        lea     rax, [hook_reset]
        mov     [rcx + RT_RESET], rax
        jmp     sum_up

leave_runtime:
        mov     rcx, [runtime]
        mov     rax, [old_set_variable]
        mov     [rcx + RT_SET_VARIABLE], rax
        mov     rax, [old_reset]
        mov     [rcx + RT_RESET], rax

; Write the checksum of the table in RCX.
sum_up:
        push    rsi
        sub     rsp, 0x20
        mov     rsi, rcx
        mov     dword [rsi + TABLE_CRC], 0
        mov     edx, [rsi + TABLE_BYTES]
        lea     r8, [crc]
        mov     rax, [boot]
        call    [rax + BS_CRC]
        mov     eax, [crc]
        mov     [rsi + TABLE_CRC], eax
        add     rsp, 0x20
        pop     rsi
        ret

        align   8, db 0
end_mark:
        db      'UEFIcall'
loaded_image:
        dd      0x5b1b31a1
        dw      0x9562, 0x11d2
        db      0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b
device_path:
        dd      0x09576e91
        dw      0x6d3f, 0x11d2
        db      0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b

        struc   watched
.guid           resb 16
.key            resq 1                  ; of the registration
.number         resq 1
.function       resd 1                  ; in the protocol
.thunks         resd 1
.olds           resd 1
.spare          resd 1
        endstruc

protocols:
        dd      0x964e5b21              ; block I/O
        dw      0x6459, 0x11d2
        db      0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b
        dq      0, 0
        dd      BIO_READ, thunks_read_blocks, olds_read_blocks, 0
        dd      0x964e5b22              ; simple file system
        dw      0x6459, 0x11d2
        db      0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b
        dq      0, 1
        dd      8, thunks_open_volume, olds_open_volume, 0
        dd      0x56ec3091              ; load file
        dw      0x954c, 0x11d2
        db      0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b
        dq      0, 2
        dd      0, thunks_load_file, olds_load_file, 0
        dd      0x4006c0c1              ; load file 2
        dw      0xfcb3, 0x403e
        db      0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d
        dq      0, 3
        dd      0, thunks_load_file, olds_load_file, 0
protocols_end:

; what it keeps
boot:           dq 0
runtime:        dq 0
event:          dq 0
handle:         dq 0
handle_bytes:   dq 0
crc:            dd 0
knows_disk:     dd 0
old_load:       dq 0
old_start:      dq 0
old_exit:       dq 0
old_end:        dq 0
old_allocate:   dq 0
old_set_variable: dq 0
old_reset:      dq 0
olds_read_blocks: times SLOTS dq 0
olds_open_volume: times SLOTS dq 0
olds_open:      times SLOTS dq 0
olds_read:      times SLOTS dq 0
olds_load_file: times SLOTS dq 0
olds_write:     times SLOTS dq 0

        times   (BLOCK_BYTES - ($ - rom) % BLOCK_BYTES) % BLOCK_BYTES db 0
all_end:
rom_end:
