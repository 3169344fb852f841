; init: the smallest /init that says that userspace was reached, then powers off.
;
; It says so on the console, and where that is not the first serial line, on that line too: it is
; where the harness listens.
;
; A static ELF executable, its headers written out below; no linker is needed.
; Assembled with -DWORD=8 for x86-64 kernels, -DWORD=4 for i386 ones.

%ifndef WORD
%define WORD 8
%endif

%if WORD == 8
        bits    64
%define EM      62                      ; EM_X86_64
%define SYS_write 1
%define SYS_ioctl 16
%define SYS_ioperm 173
%define SYS_sync 162
%define SYS_reboot 169
%else
        bits    32
%define EM      3                       ; EM_386
%define SYS_write 4
%define SYS_ioctl 54
%define SYS_ioperm 101
%define SYS_sync 36
%define SYS_reboot 88
%endif

LOAD_ADDRESS    equ 0x400000
TIOCGDEV        equ 0x80045432
TTYS0           equ 4 << 8 | 64                 ; its device number
COM1            equ 0x3f8
COM1_STATUS     equ COM1 + 5
COM1_EMPTY      equ 0x20
PATIENCE        equ 1000000                     ; looks at a line that takes nothing
LINUX_REBOOT_MAGIC1 equ 0xfee1dead
LINUX_REBOOT_MAGIC2 equ 672274793
LINUX_REBOOT_CMD_POWER_OFF equ 0x4321fedc
LINUX_REBOOT_CMD_RESTART equ 0x01234567

        org     LOAD_ADDRESS

%macro  address 1
%if WORD == 8
        dq      %1
%else
        dd      %1
%endif
%endmacro

elf_header:
        db      0x7f, 'ELF', WORD / 4, 1, 1, 0  ; class, little-endian, version, System V
        dq      0
        dw      2, EM                           ; ET_EXEC
        dd      1
        address start
        address program_header - $$
        address 0                               ; no section headers
        dd      0
        dw      program_header - elf_header, program_header.end - program_header, 1
        dw      0, 0, 0

program_header:
        dd      1                               ; PT_LOAD
%if WORD == 8
        dd      5                               ; readable, executable
%endif
        address 0
        address $$
        address $$
        address end - $$
        address end - $$
%if WORD == 4
        dd      5
%endif
        address 0x1000
.end:

; system_call number [, argument...]: at most four arguments
%macro  system_call 1-5
%if WORD == 8
  %if %0 > 1
        mov     edi, %2
  %endif
  %if %0 > 2
        mov     esi, %3
  %endif
  %if %0 > 3
        mov     edx, %4
  %endif
        xor     r10d, r10d
        mov     eax, %1
        syscall
%else
  %if %0 > 1
        mov     ebx, %2
  %endif
  %if %0 > 2
        mov     ecx, %3
  %endif
  %if %0 > 3
        mov     edx, %4
  %endif
        xor     esi, esi
        mov     eax, %1
        int     0x80
%endif
%endmacro

start:
        system_call SYS_write, 1, message, message.end - message
        ; the stack is the only memory that can be written to; below 4 GiB it need not be
        push    0
%if WORD == 8
        mov     rdx, rsp
        mov     edi, 1
        mov     esi, TIOCGDEV
        mov     eax, SYS_ioctl
        syscall
        pop     rcx
%else
        mov     edx, esp
        mov     ebx, 1
        mov     ecx, TIOCGDEV
        mov     eax, SYS_ioctl
        int     0x80
        pop     ecx
%endif
        cmp     ecx, TTYS0
        je      done
        system_call SYS_ioperm, COM1, 8, 1
        test    eax, eax
        jnz     done
        mov     esi, message
        mov     ebx, message.end - message
.next:
        mov     ecx, PATIENCE
        mov     edx, COM1_STATUS
.wait:
        in      al, dx
        test    al, COM1_EMPTY
        loopz   .wait
        jz      done
        mov     edx, COM1
        lodsb
        out     dx, al
        dec     ebx
        jnz     .next
done:
        system_call SYS_sync
        system_call SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF
        system_call SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART
        jmp     $

message: db     10, 'bootharness: init reached', 10
.end:
end:
