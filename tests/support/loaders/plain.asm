; A small loader as an author would write one: EDD reads, unreal mode, no block moves. Each M_ that
; is defined makes one of the mistakes that people report.
%ifdef M_ENTRY_32_RIGHT
%define M_ENTRY_32
%endif
        cpu     386
        bits    16
RM      equ 0x1000                      ; real-mode kernel at 0x10000
%ifdef M_DMA
BUF     equ 0x2800                      ; 0x28000 + 64 KiB crosses 0x30000
CHUNK   equ 128
%else
BUF     equ 0x2000
CHUNK   equ 127
%endif
        section .text
start:
%ifndef M_DS
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
%endif
        cli
%ifdef M_STACK
        xor     ax, ax
        mov     ss, ax
        mov     sp, stack_top
%else
        xor     ax, ax
        mov     ss, ax
        mov     sp, 0x7c00
%endif
        sti
%ifdef M_DF
        std                             ; "copy backwards", and the cld was forgotten
%else
        cld
%endif
%ifdef M_DL
        mov     dx, 0x92                ; fast A20, and DL is gone
        in      al, dx
        or      al, 2
        and     al, 0xfe
        out     dx, al
        mov     [drive], dl
%else
        mov     [drive], dl
%ifndef M_A20
        in      al, 0x92
        or      al, 2
        and     al, 0xfe
        out     0x92, al
%endif
%endif
        call    unreal
        mov     eax, [cmdline_lba]      ; command line
        mov     cx, 4
        mov     bx, RM + 0xe00
        call    read
        mov     eax, [kernel_lba]       ; boot sector of the kernel
        mov     cx, 1
        mov     bx, RM
        call    read
        mov     bx, RM
        mov     fs, bx
        movzx   cx, byte [fs:0x1f1]
%ifdef M_SHORT
        dec     cx                      ; reads one sector too few
%endif
        push    cx
        mov     eax, [kernel_lba]
        inc     eax
        mov     bx, RM + 0x20
        call    read
        pop     cx
        mov     ebp, [kernel_lba]
        movzx   ecx, cx
        lea     ebp, [ebp + ecx + 1]
        mov     edi, 0x100000
        mov     edx, [fs:0x1f4]
        shl     edx, 4
        call    high
%ifndef M_ENTRY_32
        mov     ebp, [initrd_lba]
        mov     edi, [initrd_address]
        mov     edx, [initrd_size]
        mov     [fs:0x218], edi
        mov     [fs:0x21c], edx
        call    high
%endif
        or      word [fs:0x210], 0x80ff
        mov     word [fs:0x224], 0xde00
        mov     dword [fs:0x228], 0x1e000
%ifdef M_ENTRY_32_RIGHT
        push    fs                      ; boot_params: zeros around the header
        pop     es
        xor     di, di
        xor     ax, ax
        mov     cx, 0x1f1
        rep     stosb
        mov     di, 0x26c
        mov     cx, 0x1000 - 0x26c
        rep     stosb
        mov     dword [es:0x1e0], 0x7be00       ; alt_mem_k: 495 MiB
%endif
%ifdef M_ENTRY_32
        cli                             ; boot_params is what was read, nothing zeroed, no E820 map
        lgdt    [gdtr]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     0x10:flat
        bits    32
flat:   mov     eax, 0x18
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     esi, RM << 4
        mov     eax, 0x100000
        jmp     eax
        bits    16
%else
        cli
        mov     ax, fs
        mov     ds, ax
        mov     es, ax
        mov     gs, ax
        mov     ss, ax
        mov     sp, 0xe000
        jmp     RM + 0x20:0
%endif
; EBP LBA, EDI to, EDX bytes
high:
        test    edx, edx
        jz      .done
        mov     ecx, CHUNK * 512
        cmp     edx, ecx
        jae     .go
        mov     ecx, edx
.go:
        pushad
        mov     eax, ebp
        add     ecx, 511
        shr     ecx, 9
        mov     bx, BUF
        call    read
        popad
        call    unreal
        pushad
        mov     esi, BUF << 4
        add     ecx, 3
        shr     ecx, 2
        a32 rep movsd
        popad
        sub     edx, ecx
        add     edi, ecx
        add     ebp, CHUNK
        jmp     high
.done:  ret
; EAX LBA, CX sectors, BX segment
read:
        pushad
        mov     [dap.lba], eax
        mov     [dap.n], cx
        mov     [dap.seg], bx
%ifdef M_RETRY
%define TRIES 1
%else
%define TRIES 5
%endif
        mov     di, TRIES
.again:
        mov     si, dap
        mov     ah, 0x42
        mov     dl, [drive]
        int     0x13
        jnc     .ok
        xor     ah, ah
        int     0x13
        dec     di
        jnz     .again
%ifndef M_ENTRY_32_RIGHT
        mov     si, msg
.print: lodsb
        test    al, al
        jz      .halt
        mov     ah, 0x0e
        mov     bx, 7
        int     0x10
        jmp     .print
%endif
.halt:  hlt
        jmp     .halt
.ok:    popad
        ret
unreal:
        cli
        pushad
        push    ds
        push    es
        lgdt    [gdtr]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     $+2
        mov     bx, 8
        mov     ds, bx
        mov     es, bx
        and     al, 0xfe
        mov     cr0, eax
        pop     es
        pop     ds
        popad
        sti
        ret
gdtr:   dw 31
        dd gdt
gdt:    dq 0
        dq 0x00cf92000000ffff
%ifdef M_ENTRY_32
        dq 0x00cf9a000000ffff, 0x00cf92000000ffff
%endif
%ifndef M_ENTRY_32_RIGHT
msg:    db 'disk!', 0
%endif
dap:    db 16, 0
.n:     dw 0
        dw 0
.seg:   dw 0
.lba:   dq 0
kernel_lba: dd 0
cmdline_lba: dd 0
%ifndef M_ENTRY_32
initrd_lba: dd 0
initrd_size: dd 0
initrd_address: dd 0
%endif
drive:  db 0
stack_top:
