; A UEFI program that has the firmware refuse the end of the boot services TIMES times: it gives it
; the key of another memory map. It starts the program behind it, which finds all that it itself
; would have found; nothing of it is given back.

        bits    64
        default rel
        org     0

BOOT            equ 0x60                ; of the system table (UEFI 2.10, 4.3)
HANDLE_PROTOCOL equ 0x98                ; of the boot services (4.4)
LOAD_IMAGE      equ 0xc8
START_IMAGE     equ 0xd0
END_SERVICES    equ 0xe8
DEVICE          equ 0x18                ; of EFI_LOADED_IMAGE_PROTOCOL (9.1), the file behind it

start:  push    rbx
        push    rsi
        push    rdi
        sub     rsp, 0x40
        mov     rbx, [rdx + BOOT]
        mov     rsi, rcx
        mov     rax, [rbx + END_SERVICES]
        mov     [theirs], rax
        lea     rax, [ours]
        mov     [rbx + END_SERVICES], rax
        xor     ecx, ecx
        mov     rdx, rsi
        xor     r8d, r8d
        lea     r9, [behind]
        mov     rax, BYTES
        mov     [rsp + 0x20], rax
        lea     rax, [image]
        mov     [rsp + 0x28], rax
        call    [rbx + LOAD_IMAGE]
        test    rax, rax
        jnz     .out
        mov     rcx, rsi
        call    loaded
        mov     rdi, rax
        mov     rcx, [image]
        call    loaded
        mov     rcx, [rdi + DEVICE]
        mov     [rax + DEVICE], rcx
        mov     rcx, [rdi + DEVICE + 8]
        mov     [rax + DEVICE + 8], rcx
        mov     rcx, [image]
        xor     edx, edx
        xor     r8d, r8d
        call    [rbx + START_IMAGE]
.out:   add     rsp, 0x40
        pop     rdi
        pop     rsi
        pop     rbx
        ret

; Return in rax what is known of an image, rcx.
loaded: sub     rsp, 0x28
        lea     rdx, [protocol]
        lea     r8, [found]
        call    [rbx + HANDLE_PROTOCOL]
        mov     rax, [found]
        add     rsp, 0x28
        ret

ours:   cmp     dword [left], 0
        je      .as_asked
        dec     dword [left]
        inc     rdx
.as_asked:
        jmp     [theirs]

        align   8, db 0
theirs: dq      0
image:  dq      0
found:  dq      0
left:   dd      TIMES
protocol:
        dd      0x5b1b31a1
        dw      0x9562, 0x11d2
        db      0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b
        align   16, db 0
behind:
