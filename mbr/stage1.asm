; stage1: load a Linux kernel from a hard disk and enter it, from 440 bytes in the MBR.
;
; Written from the Linux/x86 boot protocol (Documentation/arch/x86/boot.rst), the BIOS
; Enhanced Disk Drive specification (INT 13h extensions) and the PC/AT BIOS interface
; (INT 15h AH=87h, INT 10h AH=0Eh, INT 18h).
;
; Conventional memory while stage1 runs (linear addresses):
;
;     00000 +---------------------------+
;           | interrupt vectors, BDA    |
;     00500 +---------------------------+
;           | stack, grows down         |
;     07C00 +---------------------------+ <- SS:SP 0000:7C00
;           | stage1 (the MBR)          |
;     07E00 +---------------------------+
;           | unused                    |
;     10000 +---------------------------+ <- KERNEL_SEGMENT: the real-mode kernel,
;           | boot sector + setup       |    at most 65 sectors
;     18200 +---------------------------+
;           | setup's heap and stack    |
;     1E000 +---------------------------+ <- the command line, HEAP_END
;           | command line, 4 sectors   |
;     1E800 +---------------------------+
;           | unused                    |
;     20000 +---------------------------+ <- BUFFER_SEGMENT: one chunk on its way
;           | 127 sectors               |    to high memory
;     2FE00 +---------------------------+
;
; High memory: the protected-mode kernel at 1 MiB, the initrd where the disk image builder
; decided.

        cpu     386
        bits    16

KERNEL_SEGMENT  equ 0x1000
SETUP_SEGMENT   equ KERNEL_SEGMENT + 0x20
BUFFER_SEGMENT  equ 0x2000
HEAP_END        equ 0xe000              ; offset in KERNEL_SEGMENT
CMDLINE_SEGMENT equ KERNEL_SEGMENT + (HEAP_END >> 4)
CMDLINE_BYTES   equ 2048                ; cmdline_size 2,047 and its NUL
CHUNK_BYTES     equ 127 * 512           ; the most sectors that every EDD BIOS reads at once
SETUP_SECTS_MAX equ 64                  ; boot protocol: "the real-mode code is at most 32 KiB"
ATTEMPTS        equ 5                   ; per read
HIGH_MEMORY     equ 0x100000            ; where the protected-mode kernel is loaded
DATA_RW         equ 0x93                ; access byte: present, ring 0, data, writable, accessed

; offsets in the setup header (boot protocol, "The Real-Mode Kernel Header")
setup_sects     equ 0x1f1
syssize         equ 0x1f4
vid_mode        equ 0x1fa
header          equ 0x202
version         equ 0x206
type_of_loader  equ 0x210
loadflags       equ 0x211
ramdisk_image   equ 0x218
ramdisk_size    equ 0x21c
heap_end_ptr    equ 0x224
cmd_line_ptr    equ 0x228
LOADED_HIGH     equ 0x01
CAN_USE_HEAP    equ 0x80

        global  stage1, check_edd, load_command_line, load_setup, check_header
        global  load_kernel, load_initrd, set_header, handoff, error, boot_failed
        global  load_high, block_move, block_moved, destination_carry
        global  read_disk, disk_read, disk_was_read
        global  cmdline_lba, kernel_lba, initrd_lba, initrd_size, initrd_address
        global  dap, gdt, gdt.source, gdt.destination, stage1_end

        section .text

; Entered at linear 07C00 with the drive in DL, as 0000:7C00 or 07C0:0000: all jumps are
; relative and no data is read through CS, so both will do. DL stays the drive.
stage1:
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, stage1
        sti
        cld
        push    KERNEL_SEGMENT
        pop     fs                      ; FS: the real-mode kernel, from here on

check_edd:
        mov     ah, 0x41
        mov     bx, 0x55aa
        int     0x13
        mov     al, 'E'
        jc      error
        cmp     bx, 0xaa55
        jne     error
        shr     cx, 1                   ; bit 0: the disk address packet is supported
        jnc     error

load_command_line:
        mov     bx, CMDLINE_SEGMENT
        mov     cx, CMDLINE_BYTES
        call    read_disk               ; dap.lba starts out as cmdline_lba

load_setup:
        mov     eax, [kernel_lba]
        mov     [dap.lba], eax
        mov     bx, KERNEL_SEGMENT
        mov     cx, 512
        call    read_disk
        mov     cl, [fs:setup_sects]    ; CH is shifted out below
        test    cl, cl
        jnz     .counted
        mov     cl, 4                   ; boot protocol: 0 means 4
.counted:
        mov     al, 'K'
        cmp     cl, SETUP_SECTS_MAX
        ja      error
        shl     cx, 9
        mov     bx, SETUP_SEGMENT
        call    read_disk

check_header:
        cmp     dword [fs:header], 'HdrS'
        jne     error
        cmp     word [fs:version], 0x204 ; the first with 32 bits of syssize
        jb      error
        test    byte [fs:loadflags], LOADED_HIGH
        jnz     load_kernel

; Say which check failed; then the BIOS goes on to its next boot device.
; In: AL the code.
error:
        mov     [message.code], al
        mov     si, message
.next:
        lodsb
        mov     ah, 0x0e
        xor     bx, bx
        int     0x10
        cmp     al, 10
        jne     .next
boot_failed:
        int     0x18

load_kernel:
        mov     eax, [fs:syssize]
        shl     eax, 4                  ; 16-byte paragraphs
        mov     edi, HIGH_MEMORY        ; boot protocol: a bzImage, whatever code32_start says
        call    load_high

load_initrd:
        mov     eax, [initrd_lba]
        mov     [dap.lba], eax
        mov     eax, [initrd_size]
        mov     edi, [initrd_address]
        mov     [fs:ramdisk_size], eax
        mov     [fs:ramdisk_image], edi
        call    load_high

set_header:
        mov     ax, fs
        mov     ds, ax
        or      word [vid_mode], 0xffff ; "normal"
        or      word [type_of_loader], (CAN_USE_HEAP << 8) | 0xff
        mov     word [heap_end_ptr], HEAP_END - 0x200
        mov     dword [cmd_line_ptr], (KERNEL_SEGMENT << 4) + HEAP_END

; boot protocol, "Running the Kernel": interrupts off, all segments the real-mode kernel's
        mov     es, ax
        mov     gs, ax
        cli
        mov     ss, ax
        mov     sp, HEAP_END
handoff:
        jmp     SETUP_SEGMENT:0

; Load from dap.lba on into high memory, a chunk at a time, through the buffer.
; In: EAX bytes, EDI linear destination.
load_high:
        mov     ecx, CHUNK_BYTES
        cmp     eax, ecx
        jae     .chunk
        mov     ecx, eax
        jcxz    disk_was_read.done
.chunk:
        mov     bx, BUFFER_SEGMENT
        call    read_disk
        pushad
        mov     si, gdt
        mov     [si + DESTINATION + 2], edi
        mov     al, DATA_RW
        xchg    al, [si + DESTINATION + 5]
destination_carry:                      ; bits 24 to 31 of the address
        mov     [si + DESTINATION + 7], al
        inc     cx                      ; an odd size rounds up to a word
        shr     cx, 1
        mov     ah, 0x87
block_move:
        int     0x15
block_moved:
        mov     al, 'M'
        jc      error
        popad
        sub     eax, ecx
        add     edi, ecx
        jmp     load_high

; Read from the disk at dap.lba and advance it by the sectors read.
; In: CX bytes, at most CHUNK_BYTES; BX segment of the buffer. Keeps all but AL.
read_disk:
        pushad
        mov     bp, ATTEMPTS
        add     cx, 511
        shr     cx, 9
        mov     si, dap
.attempt:
        mov     [si + 2], cx            ; a failed read may have changed it
        mov     [si + 6], bx
        mov     ah, 0x42
disk_read:
        int     0x13
disk_was_read:
        jnc     .advance
        xor     ax, ax                  ; reset the disk system
        int     0x13
        mov     al, 'R'
        dec     bp
        jnz     read_disk.attempt
        jmp     error
.advance:
        movzx   ecx, cx
        add     [si + 8], ecx
        popad
.done:  ret

message: db     'stage1: '
.code:  db      0, 13, 10

; disk address packet (EDD, INT 13h AH=42h): size, reserved, sectors, offset, segment, LBA
dap:            db 16, 0
                dw 0, 0, 0
.lba:
cmdline_lba:    dq 0                    ; the disk image builder sets these five

kernel_lba:     dd 0
initrd_lba:     dd 0
initrd_size:    dd 0                    ; bytes
initrd_address: dd 0                    ; linear

; block-move table (INT 15h AH=87h): null, gdt, source, destination, cs, ss
DESTINATION     equ 0x18
gdt:            dq 0, 0
.source:        dw 0xffff, (BUFFER_SEGMENT << 4) & 0xffff
                db BUFFER_SEGMENT >> 12, DATA_RW, 0, 0
.destination:   dw 0xffff, 0
                db 0, DATA_RW, 0, 0
                dq 0, 0
stage1_end:
