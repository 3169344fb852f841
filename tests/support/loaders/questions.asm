; asks the BIOS everything that a loader may ask it, so that answers can be compared
        cpu 386
        bits 16
        section .text
        global start, kernel_lba
start:
        mov ah, 0x08            ; the registers as the BIOS left them, AH apart
        int 0x13
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov dl, 0x80
        mov si, rest
        mov ah, 0x42
        int 0x13
        jmp more
kernel_lba: dd 0
rest:   db 16, 0
        dw 8, 0x7e00, 0
        dq 1
        times 510 - ($ - $$) db 0
        db 0x55, 0xaa
more:
%macro ask 2                    ; number, AX
        mov ax, %2
        int %1
%endmacro
; 13h
        ask 0x13, 0x0000
        ask 0x13, 0x0100
        mov bx, 0x55aa
        ask 0x13, 0x4155
        mov bx, 0x1234
        ask 0x13, 0x4155
        mov dl, 0x81
        mov bx, 0x55aa
        ask 0x13, 0x4155
        ask 0x13, 0x0000
        ask 0x13, 0x0800
        ask 0x13, 0x1500
        ask 0x13, 0x0100
        mov dl, 0
        mov bx, 0x55aa
        ask 0x13, 0x4155
        ask 0x13, 0x0000
        ask 0x13, 0x0800
        mov dl, 0x80
        ask 0x13, 0x1500
        mov dx, 0x80
        ask 0x13, 0x0800
        mov dx, 0x80
        ask 0x13, 0x7700
        ask 0x13, 0x0100
; CHS
        push 0x1000
        pop es
        mov bx, 0
        mov cx, 0x0001
        mov dx, 0x0080
        ask 0x13, 0x0201
        ask 0x13, 0x027f
        ask 0x13, 0x0280
        ask 0x13, 0x0281
        ask 0x13, 0x0200
        mov cx, 0x0000
        ask 0x13, 0x0201
        mov cx, 0x003f
        ask 0x13, 0x0201
        mov cx, 0x003e
        ask 0x13, 0x0204
        mov cx, 0xffff
        ask 0x13, 0x0201
        mov dx, 0xff80
        mov cx, 0x0001
        ask 0x13, 0x0201
        mov dx, 0x0080
        mov bx, 1
        ask 0x13, 0x0201
        mov bx, 0xff00
        ask 0x13, 0x0204
        mov dx, 0x0081
        ask 0x13, 0x0201
        mov dx, 0x0080
; EDD
%macro packet 5                 ; size, count, segment, LBA low, LBA high
        mov si, %%packet
        ask 0x13, 0x4200
        mov bx, [%%packet + 2]
        jmp %%over
%%packet: db %1, 0
        dw %2, 0, %3
        dd %4, %5
%%over:
%endmacro
        packet 16, 1, 0x2000, 0, 0
        packet 16, 127, 0x2000, 0, 0
        packet 16, 128, 0x2000, 0, 0
        packet 16, 129, 0x2000, 0, 0
        packet 16, 0, 0x2000, 0, 0
        packet 16, 0xffff, 0x2000, 0, 0
        packet 8, 1, 0x2000, 0, 0
        packet 0, 1, 0x2000, 0, 0
        packet 24, 1, 0x2000, 0, 0
        packet 16, 1, 0x2000, 0x7fffffff, 0
        packet 16, 1, 0x2000, 0, 1
        packet 16, 1, 0x2000, 4095, 0
        packet 16, 1, 0x2000, 4096, 0
        packet 16, 2, 0x2000, 4095, 0
        packet 16, 8, 0x2000, 4093, 0
        packet 16, 1, 0xffff, 0, 0
        mov dl, 0x81
        packet 16, 1, 0x2000, 0, 0
        mov dl, 0x80
%macro parameters 1
        mov si, %%buffer
        ask 0x13, 0x4800
        mov bx, [si]
        mov cx, [si + 2]
        mov di, [si + 16]
        mov ax, [si + 24]
        mov bp, ax
        ask 0x10, 0x0e50
        jmp %%over
%%buffer: dw %1
        times 80 db 0
%%over:
%endmacro
        parameters 26
        parameters 30
        parameters 66
        parameters 74
        parameters 25
        ask 0x13, 0x4700
        ask 0x13, 0x4400
        ask 0x13, 0x4b01
        ask 0x13, 0x0c00
        ask 0x13, 0x0d00
        ask 0x13, 0x1000
        ask 0x13, 0x1100
        ask 0x13, 0x4500
; 15h
        ask 0x15, 0x2400
        ask 0x15, 0x2402
        ask 0x15, 0x2401
        ask 0x15, 0x2402
        ask 0x15, 0x2403
        ask 0x15, 0x2404
        ask 0x15, 0x8800
        mov cx, 0
        mov dx, 0
        ask 0x15, 0xe801
        ask 0x15, 0xe881
        ask 0x15, 0x9900
        ask 0x15, 0xc000
        ask 0x15, 0x4f00
        ask 0x15, 0x5300
        push 0
        pop es
        xor ebx, ebx
map:    mov edi, 0x3000
        mov eax, 0xe820
        mov edx, 0x534d4150
        mov ecx, 24
        int 0x15
        jc mapped
        mov bp, bx
        mov ecx, [0x3000]
        mov edx, [0x3008]
        mov esi, [0x3010]
        mov edi, [0x300c]
        mov ax, 0x0e4d
        int 0x10
        test ebx, ebx
        jnz map
mapped: mov edx, 0x534d4150
        mov ecx, 19
        xor ebx, ebx
        mov eax, 0xe820
        int 0x15
        mov edx, 0
        mov ecx, 20
        mov eax, 0xe820
        int 0x15
        mov edx, 0x534d4150
        mov ebx, 99
        mov eax, 0xe820
        int 0x15
; moves
        push 0
        pop es
        mov si, table
        mov cx, 0
        ask 0x15, 0x8700
        mov cx, 1
        ask 0x15, 0x8700
        mov cx, 0x8000
        ask 0x15, 0x8700
        mov cx, 0x8001
        ask 0x15, 0x8700
        mov cx, 0xffff
        ask 0x15, 0x8700
; memory and equipment, which nobody records: shown in the next call
        int 0x12
        mov bx, ax
        int 0x11
        mov cx, ax
        ask 0x10, 0x0e45
        mov ah, 0x0f
        int 0x10
        mov cx, ax
        mov dx, bx
        ask 0x10, 0x0e46
        mov ah, 1
        int 0x16
        pushf
        pop bx
        mov cx, ax
        ask 0x10, 0x0e47
        ask 0x16, 0x0200
        ask 0x16, 0x0300
        ask 0x16, 0x0500
        ask 0x16, 0x1200
        mov bx, [0x413]
        mov cx, [0x410]
        mov dx, [0x475]
        mov si, [0x40e]
        mov di, [0x449]
        ask 0x10, 0x0e49
        int 0x18
table:  times 16 db 0
        dw 0xffff, 0
        db 2, 0x93, 0, 0
        dw 0xffff, 0
        db 0x20, 0x93, 0, 0
        times 16 db 0
        times 512*9 - ($-$$) db 0
