"""Every fault that must be diagnosed: good parts, one small change, one right cause.

`make faults` boots all of them and prints what was found.
"""

import struct
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.formats.bzimage import offset_of
from bootharness.formats.cpio import CpioEntry, build
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.assembler import assemble_flat, shipped
from bootharness.kernels.image import KernelImage
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, MachineConfig
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import ORIGIN, Loader
from bootharness.routes.mbr import lay_out
from bootharness.routes.table import ROUTES
from bootharness.trace.boot_trace import BootTrace
from tests.support.boots import boot_through, settled
from tests.support.builders import edited_stage1, without_carry
from tests.support.plain_loader import plain_loader
from tests.support.programs import qemu_with_first_disk, qemu_with_read_errors

__all__ = ["BROUGHT", "FAULTS", "Fault", "damaged_at_the_end", "laid_out", "patient", "run"]

SELFCHECK = "selfcheck:1000000"
DEBIAN = "deb:linux-image-cloud-amd64/bookworm"
NEWER = "deb:linux-image-cloud-amd64/trixie"
NO_CONSOLE = "panic=-1 no_timer_check"
LIMIT = 15_735_808
DISK_END_LBA = 1 << 21

Edit = Callable[[str], str]


class Fault(Struct, frozen=True, dict=True):
    """A boot with one thing wrong, and the cause that must be named; None where nothing is.

    ``edit`` changes stage1's source, ``loader`` the assembled one, ``kernel`` the kernel
    file's bytes, ``disk`` the disk image when it is built, ``qemu`` makes the program.
    ``guilty`` are the loader's instructions that were changed or put in, as its source has them, or
    else as they are disassembled, or how that begins: one of them must be named by going back in
    its recording. None where no instruction is: what is wrong is data, or one that is missing.
    """

    name: str
    cause: str | None
    source: str | Callable[[], Path] = SELFCHECK
    edit: Edit | None = None
    loader: Callable[[Loader], Loader] | None = None
    kernel: Callable[[bytearray, KernelImage], None] | None = None
    disk: Callable[[bytearray, DiskImage], None] | None = None
    qemu: Callable[[Path, DiskImage], str] | None = None
    initrd: int | Callable[[], bytes] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    guilty: tuple[str, ...] = ()


def patient(fault: Fault) -> Fault:
    """Return a fault whose boot leaves time to be recorded, on a busy machine too."""
    return replace(fault, options={**fault.options, "timeout_s": 600})


def laid_out(fault: Fault, folder: Path) -> tuple[Loader, BootPlan, DiskImage]:
    """Write the disk of a fault, and return it with its loader and how to boot it."""
    kernel = KernelImage.read(fault.source()) if callable(fault.source) else fetch(fault.source)
    if fault.kernel:
        image = bytearray(kernel.path.read_bytes())
        fault.kernel(image, kernel)
        (folder / "kernel").write_bytes(image)
        kernel = KernelImage.read(folder / "kernel")
    loader = edited_stage1(folder, fault.edit) if fault.edit else Loader.stage1()
    if fault.loader:
        loader = fault.loader(loader)
    options = dict(fault.options)
    if fault.initrd is not None:
        with (folder / "initrd").open("wb") as file:
            if callable(fault.initrd):
                file.write(fault.initrd())
            else:
                file.truncate(fault.initrd)
        options["initrd"] = folder / "initrd"
    machine = {
        name: options.pop(name) for name in MachineConfig.__struct_fields__ if name in options
    }
    plan = replace(BootPlan(machine=MachineConfig(**machine), timeout_s=120), **options)
    disk = lay_out(kernel, loader, settled(plan)).write(folder / "disk.img")
    if fault.disk:
        content = bytearray(disk.path.read_bytes())
        fault.disk(content, disk)
        disk.path.write_bytes(content)
    return loader, plan, disk


def run(
    fault: Fault, folder: Path, *, brought: bool = False, keep: Path | None = None
) -> BootTrace:
    """Boot a fault; ``brought`` as a disk image of which nothing is known."""
    loader, plan, disk = laid_out(fault, folder)
    if fault.qemu:
        qemu = fault.qemu(folder, disk)
        plan = replace(plan, machine=replace(plan.machine, qemu=qemu))
    if brought:
        plan = ROUTES["disk"].only_used(replace(plan, route="disk", until=plan.until))
        return boot(DiskImage.existing(disk.path), plan, keep=keep)
    if fault.disk or fault.qemu:
        return boot(disk, plan, keep=keep)
    assert disk.kernel
    return boot_through(loader, disk.kernel, plan, keep=keep)


def swap(old: str, new: str) -> Edit:
    """Replace a piece of stage1's source that occurs once."""

    def edit(source: str) -> str:
        assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times"
        return source.replace(old, new)

    return edit


def insert(label: str, code: str) -> Edit:
    """Put code behind a label of stage1."""
    return swap(f"\n{label}:", f"\n{label}:\n{code}\n")


def both(*edits: Edit) -> Edit:
    """Make several changes."""

    def edit(source: str) -> str:
        for each in edits:
            source = each(source)
        return source

    return edit


def header(**fields: int) -> Callable[[bytearray, KernelImage], None]:
    """Set fields of the kernel's setup header."""
    sizes = {"version": "<H", "loadflags": "<B", "syssize": "<I", "setup_sects": "<B"}

    def change(image: bytearray, _: KernelImage) -> None:
        for name, value in fields.items():
            struct.pack_into(sizes[name], image, offset_of(name), value)

    return change


def patched_lba(move: int = 0, *, to: int | None = None) -> Callable[[bytearray, DiskImage], None]:
    """Change the kernel_lba that the builder patched into the loader."""

    def change(content: bytearray, disk: DiskImage) -> None:
        assert disk.loader
        at = disk.loader.symbols["kernel_lba"] - ORIGIN
        struct.pack_into("<I", content, at, disk.kernel_lba + move if to is None else to)

    return change


def flipped(part: str) -> Callable[[bytearray, DiskImage], None]:
    """Flip a byte of the kernel on the disk."""

    def change(content: bytearray, disk: DiskImage) -> None:
        assert disk.kernel
        real_mode, payload = disk.kernel.real_mode_bytes, disk.kernel.payload_bytes
        at = {
            "setup": real_mode - 10,
            "first": real_mode + 700,
            "last": real_mode + payload - 3,
        }[part]
        content[disk.kernel_lba * SECTOR_BYTES + at] ^= 0x40

    return change


def boot_sector(start: int, code: bytes) -> Callable[[bytearray, DiskImage], None]:
    """Overwrite bytes of the boot sector."""

    def change(content: bytearray, _: DiskImage) -> None:
        content[start : start + len(code)] = code

    return change


def kernel_of(source: str) -> Callable[[bytearray, DiskImage], None]:
    """Put another kernel where the kernel is."""

    def change(content: bytearray, disk: DiskImage) -> None:
        start, image = disk.kernel_lba * 512, fetch(source).path.read_bytes()
        content[start : start + len(image)] = image

    return change


def cut_short(image: bytearray, _: KernelImage) -> None:
    """Leave out the last 100,000 bytes of the file."""
    del image[-100_000:]


def damaged_in_the_middle(image: bytearray, kernel: KernelImage) -> None:
    """Overwrite some of the compressed kernel."""
    at = kernel.real_mode_bytes + kernel.payload_bytes // 2
    image[at : at + 4096] = bytes(byte ^ 0xFF for byte in image[at : at + 4096])


def damaged_at_the_end(image: bytearray, kernel: KernelImage) -> None:
    """Flip a byte that the kernel checks when it runs."""
    image[kernel.real_mode_bytes + kernel.payload_bytes - 3] ^= 0x40


def init_that_exits() -> bytes:
    """Return an initrd whose /init has nothing to do."""
    script = assemble_flat(shipped("images/init.asm"), WORD=8)
    at = script.index(struct.pack("<BI", 0xB8, 1))  # mov eax, SYS_write
    script = script[:at] + struct.pack("<BI", 0xB8, 60) + script[at + 5 :]  # SYS_exit
    return build((CpioEntry("dev", 0o040755), CpioEntry("dev/console", 0o020600, device=(5, 1)),
                  CpioEntry("init", 0o100755, script)))  # fmt: skip


def longer_setup(image: bytearray, kernel: KernelImage) -> None:
    """Make the setup part longer than boot.rst allows."""
    image[offset_of("setup_sects")] = 65
    at = kernel.real_mode_bytes
    image[at:at] = bytes(66 * SECTOR_BYTES - at)


def code32(code: bytes) -> Callable[[bytearray, KernelImage], None]:
    """Overwrite where the protected-mode kernel is entered."""

    def change(image: bytearray, kernel: KernelImage) -> None:
        at = kernel.real_mode_bytes
        image[at : at + len(code)] = code

    return change


def setup_code(code: bytes) -> Callable[[bytearray, KernelImage], None]:
    """Overwrite where the setup code goes on behind the header."""

    def change(image: bytearray, _: KernelImage) -> None:
        at = 0x202 + image[0x201]
        image[at : at + len(code)] = code

    return change


def second_disk(folder: Path, _: DiskImage) -> str:
    """Return a QEMU whose first disk has a boot manager that goes on to the second."""
    return qemu_with_first_disk(folder, assemble_flat(Path(__file__).with_name("chain.asm")))


def read_error(where: str) -> Callable[[Path, DiskImage], str]:
    """Return what makes a QEMU that cannot read one sector of the kernel."""

    def make(folder: Path, disk: DiskImage) -> str:
        assert disk.kernel
        lba = disk.kernel_lba + {"boot sector": 0, "setup": 3, "payload": 700}[where]
        return qemu_with_read_errors(folder, lba, None)

    return make


def plain(mistake: str = "", *, first: str = "") -> Callable[[Loader], Loader]:
    """Take the loader of loaders/plain.asm in stage1's place."""

    def make(_: Loader) -> Loader:
        with TemporaryDirectory() as folder:
            return plain_loader(Path(folder), mistake, first=first)

    return make


def grown(payload: int) -> str:
    """Name the Debian kernel grown to so many bytes."""
    return f"grow:{payload}:{DEBIAN}"


JUMP_HERE = b"\xeb\xfe"
HALT = b"\xfa\xf4\xeb\xfc"
NO_IDT = "        lidt    [gdt]                   ; zeros\n        int3"
CARRY_SIZES = (15_735_824, 15_751_168, 15_760_384, 15_794_176, 17_000_000, 33_554_432)
BANNER = {"until": "banner"}

MBR_FAULTS = (
    Fault("boot signature cleared", "no-boot-signature", disk=boot_sector(510, bytes(2))),
    Fault("code zeroed", "stage1-hang", disk=boot_sector(0, bytes(440))),
    Fault("jmp $ at entry", "stage1-hang", disk=boot_sector(0, JUMP_HERE),
          guilty=("jmp 0x7c00",)),
    Fault("hlt with interrupts off", "stage1-hang", disk=boot_sector(0, HALT),
          guilty=("hlt",)),
    Fault("hlt with interrupts on", "stage1-hang", disk=boot_sector(0, b"\xfb\xf4\xeb\xfd"),
          guilty=("hlt",)),
    Fault("INT 18h at entry", "loader-gave-up", disk=boot_sector(0, b"\xcd\x18"),
          guilty=("int 0x18",)),
    Fault("INT 19h at entry", "loader-gave-up", disk=boot_sector(0, b"\xcd\x19"),
          guilty=("int 0x19",)),
    Fault("jump to the reset vector", "reset-bios", disk=boot_sector(0, b"\xea\xf0\xff\0\xf0"),
          guilty=("ljmp 0xf000:0xfff0",)),
    Fault("triple fault before the handoff", "triple-fault",
          edit=insert("set_header", NO_IDT),
          guilty=("lidt [gdt]", "int3")),
    Fault("waits for a key", "stage1-hang",
          edit=insert("load_kernel", "        mov ah, 0\n        int 16h"),
          guilty=("int 16h",)),
    Fault("polls for a key", "stage1-hang", options={"idle_s": 6},
          edit=insert("load_kernel", ".poll:  mov ah, 1\n        int 16h\n        jz .poll"),
          guilty=("int 16h", "jz .poll")),
    Fault("refuses the kernel, and loops", "kernel-rejected", kernel=header(version=0x203),
          edit=swap("        int     0x18\n", "        jmp     $\n")),
)  # fmt: skip

LOADER_FAULTS = (
    Fault("nothing wrong", None),
    Fault("payload of 15,735,808 without the carry", None, grown(LIMIT), loader=without_carry,
          options=BANNER),
    *(Fault(f"payload of {size:,} without the carry", "destination-wrapped", grown(size),
            loader=without_carry, options=BANNER) for size in CARRY_SIZES),
    Fault("no carry out of bit 15", "destination-misplaced",
          edit=both(swap("[si + DESTINATION + 2], edi", "[si + DESTINATION + 2], di"),
                    swap("        mov     [si + DESTINATION + 7], al",
                         "        mov     byte [si + DESTINATION + 4], 0x10")),
          guilty=("mov [si + DESTINATION + 2], di", "mov byte [si + DESTINATION + 4], 0x10")),
    Fault("LBA one sector too far after each read", "wrong-sectors",
          edit=swap(".advance:\n        movzx   ecx, cx",
                    ".advance:\n        inc cx\n        movzx   ecx, cx"),
          guilty=("inc cx",)),
    Fault("destination one sector too far after each move", "destination-misplaced",
          edit=swap("        add     edi, ecx", "        add     edi, ecx\n        add edi, 512"),
          guilty=("add edi, 512",)),
    Fault("the next chunk goes below the last", "memory-clobbered",
          edit=swap("        add     edi, ecx\n", "        sub     edi, ecx\n"),
          guilty=("sub edi, ecx",)),
    Fault("moves one sector less than it reads", "destination-misplaced",
          edit=swap("        inc     cx                      ; an odd",
                    "        sub cx, 511                      ; an odd"),
          guilty=("sub cx, 511",)),
    Fault("last chunk skipped", "payload-truncated",
          edit=swap("        mov     ecx, eax\n        jcxz    disk_was_read.done",
                    "        jmp     disk_was_read.done"),
          guilty=("jmp disk_was_read.done",)),
    Fault("destination begins elsewhere", "destination-misplaced",
          edit=swap("mov     edi, HIGH_MEMORY", "mov     edi, 0x200000"),
          guilty=("mov edi, 0x200000",)),
    Fault("access byte 0x00", "descriptor-invalid",
          edit=swap("DATA_RW         equ 0x93", "DATA_RW         equ 0x00"),
          guilty=("mov al, DATA_RW",)),
    Fault("access byte 0x92", None,
          edit=swap("DATA_RW         equ 0x93", "DATA_RW         equ 0x92")),
    Fault("access byte 0x91", "descriptor-invalid",
          edit=swap("DATA_RW         equ 0x93", "DATA_RW         equ 0x91"),
          guilty=("mov al, DATA_RW",)),
    Fault("limit too small", "descriptor-invalid",
          edit=swap(".destination:   dw 0xffff, 0", ".destination:   dw 0x7fff, 0")),
    Fault("source segment wrong", "payload-corrupt",
          edit=swap("db BUFFER_SEGMENT >> 12, DATA_RW", "db 3, DATA_RW")),
    Fault("setup one sector short", "setup-corrupt", source=DEBIAN, options=BANNER,
          edit=swap("        shl     cx, 9", "        dec     cx\n        shl     cx, 9"),
          guilty=("dec cx",)),
    Fault("buffer over the loader", "memory-clobbered",
          edit=swap("BUFFER_SEGMENT  equ 0x2000", "BUFFER_SEGMENT  equ 0x0700"),
          guilty=("mov bx, BUFFER_SEGMENT",)),
    Fault("buffer over the interrupt vectors", "memory-clobbered",
          edit=swap("BUFFER_SEGMENT  equ 0x2000", "BUFFER_SEGMENT  equ 0x0010"),
          guilty=("mov bx, BUFFER_SEGMENT",)),
    Fault("setup_sects of 0", None, kernel=header(setup_sects=0),
          source=partial(selfcheck_kernel, 4096, setup_sects=4)),
    Fault("cmd_line_ptr not set", "header-not-set",
          edit=swap("dword [cmd_line_ptr], (KERNEL_SEGMENT << 4) + HEAP_END", "eax, eax")),
    Fault("heap flag not set", "header-not-set",
          edit=swap("(CAN_USE_HEAP << 8) | 0xff", "0xff"),
          guilty=("or word [type_of_loader], 0xff",)),
    Fault("type_of_loader not set", "header-not-set",
          edit=swap("(CAN_USE_HEAP << 8) | 0xff", "CAN_USE_HEAP << 8"),
          guilty=("or word [type_of_loader], CAN_USE_HEAP << 8",)),
    Fault("heap_end_ptr too low", "header-not-set",
          edit=swap("HEAP_END - 0x200\n", "0x200\n"),
          guilty=("mov word [heap_end_ptr], 0x200",)),
    Fault("ramdisk_size not set", "header-not-set", source=DEBIAN, options={"until": "setup"},
          initrd=4096, edit=swap("        mov     [fs:ramdisk_size], eax\n", "")),
    Fault("SP too low at the handoff", "handoff-state",
          edit=swap("        mov     sp, HEAP_END", "        mov     sp, 0x0400"),
          guilty=("mov sp, 0x0400",)),
    Fault("SS not set at the handoff", "handoff-state",
          edit=swap("        cli\n        mov     ss, ax", "        cli")),
    Fault("interrupts on at the handoff", "handoff-state", edit=swap("        cli\n", "")),
    Fault("DS wrong at the handoff", "handoff-state",
          edit=insert("handoff", "        push 0\n        pop ds"),
          guilty=("push 0", "pop ds")),
    Fault("entry 1000:0000", "handoff-state",
          edit=swap("jmp     SETUP_SEGMENT:0", "jmp     KERNEL_SEGMENT:0"),
          guilty=("jmp KERNEL_SEGMENT:0",)),
    Fault("entry 1000:0200", "handoff-state", source=DEBIAN, options=BANNER,
          edit=swap("jmp     SETUP_SEGMENT:0", "jmp     KERNEL_SEGMENT:0x200"),
          guilty=("jmp KERNEL_SEGMENT:0x200",)),
    Fault("entry 1020:0002", "stage1-hang",
          edit=swap("jmp     SETUP_SEGMENT:0", "jmp     SETUP_SEGMENT:2"),
          guilty=("jmp SETUP_SEGMENT:2",)),
    Fault("the segment in the place of the offset", "kernel-rejected",
          edit=swap("mov     [si + 6], bx", "mov     [si + 4], bx"),
          guilty=("mov [si + 4], bx",)),
    Fault("the setup over its own beginning", "kernel-rejected",
          edit=swap("mov     bx, SETUP_SEGMENT", "mov     bx, KERNEL_SEGMENT"),
          guilty=("mov bx, KERNEL_SEGMENT",)),
    Fault("the LBA counted on beside it", "kernel-rejected",
          edit=swap("add     [si + 8], ecx", "add     [si + 6], ecx"),
          guilty=("add [si + 6], ecx",)),
    Fault("writes instead of reading", "kernel-rejected",
          edit=swap("mov     ah, 0x42", "mov     ah, 0x43"), guilty=("mov ah, 0x43",)),
    Fault("the command line over the BIOS", "memory-clobbered",
          edit=swap("mov     bx, CMDLINE_SEGMENT", "mov     bx, KERNEL_SEGMENT + HEAP_END"),
          guilty=("mov bx, KERNEL_SEGMENT + HEAP_END",)),
    Fault("the last byte of the destination beside it", "destination-wrapped",
          edit=swap("mov     [si + DESTINATION + 7], al", "mov     [si + DESTINATION + 6], al"),
          guilty=("mov [si + DESTINATION + 6], al",)),
    Fault("the access byte in the destination", "destination-misplaced",
          edit=swap("xchg    al, [si + DESTINATION + 5]", "mov     [si + DESTINATION + 5], al")),
    Fault("the header written by DS of 0", "header-not-set",
          edit=swap("mov     ax, fs\n", "mov     ax, cs\n"), guilty=("mov ax, cs",)),
    Fault("PUSHA and POPAD", "disk-read-failed",
          edit=swap("pushad\n        mov     si, gdt", "pusha\n        mov     si, gdt"),
          guilty=("pusha",)),
    Fault("the header looked for in another segment", "kernel-rejected",
          edit=swap("push    KERNEL_SEGMENT\n", "push    KERNEL_SEGMENT + 0x100\n"),
          guilty=("push KERNEL_SEGMENT + 0x100",)),
    Fault("another magic", "kernel-rejected", edit=swap("'HdrS'", "'HdrX'"),
          guilty=("cmp dword [fs:header], 'HdrX'",)),
    Fault("a good read taken for a failed one", "kernel-rejected",
          edit=swap("jnc     .advance", "jc      .advance"), guilty=("jc .advance",)),
    Fault("the initrd's size for its address", "header-not-set", initrd=4096,
          edit=swap("mov     [fs:ramdisk_image], edi", "mov     [fs:ramdisk_image], eax"),
          guilty=("mov [fs:ramdisk_image], eax",)),
    Fault("second disk", None, qemu=second_disk),
    Fault("drive hard-wired, second disk", "wrong-sectors", qemu=second_disk,
          edit=insert("check_edd", "        mov     dl, 0x80"),
          guilty=("mov dl, 0x80",)),
    Fault("command line not loaded", "cmdline-wrong",
          edit=swap("        mov     cx, CMDLINE_BYTES\n        call    read_disk",
                    "        inc     word [dap.lba]")),
)  # fmt: skip

IMAGE_FAULTS = (
    Fault("kernel file cut short", "payload-truncated", kernel=cut_short),
    Fault("byte flipped in the setup part", "setup-corrupt", disk=flipped("setup")),
    Fault("byte flipped in the first block", "payload-corrupt", disk=flipped("first")),
    Fault("byte flipped in the last block", "payload-corrupt", disk=flipped("last")),
    Fault("kernel LBA one too high", "wrong-sectors", disk=patched_lba(1)),
    Fault("kernel LBA one too low", "wrong-sectors", disk=patched_lba(-1)),
    Fault("kernel LBA past the end", "wrong-sectors", disk=patched_lba(to=DISK_END_LBA)),
    Fault("read error in the boot sector", "disk-read-failed", qemu=read_error("boot sector")),
    Fault("read error in the setup part", "disk-read-failed", qemu=read_error("setup")),
    Fault("read error in the payload", "disk-read-failed", qemu=read_error("payload")),
    Fault("protocol 2.03", "kernel-rejected", kernel=header(version=0x203)),
    Fault("LOADED_HIGH clear", "kernel-rejected", kernel=header(loadflags=0)),
    Fault("setup_sects of 65", "kernel-rejected", kernel=longer_setup),
    Fault("syssize larger than the file", "payload-truncated", kernel=header(syssize=70_000)),
    Fault("command line of 2,047 bytes", None, options={"cmdline": "x" * 2047}),
    Fault("command line of 2,048 bytes", "cmdline-wrong", options={"cmdline": "x" * 2048}),
    Fault("command line of 5,000 bytes", "cmdline-wrong", options={"cmdline": "x" * 5000}),
    Fault("initrd larger than memory", "initrd-misplaced", initrd=48 << 20,
          options={"memory_mib": 32}),
    Fault("initrd over the unpacked kernel", "initrd-misplaced", source=DEBIAN, initrd=64 << 20,
          options={"memory_mib": 128}),
)  # fmt: skip

KERNEL_FAULTS = (
    Fault("64-bit kernel on a 32-bit CPU", "wrong-cpu", source=DEBIAN,
          options={"qemu": "qemu-system-i386", **BANNER}),
    Fault("no console= on the command line", None, source=DEBIAN,
          options={"cmdline": NO_CONSOLE}),
    Fault("another kernel on the disk", "other-kernel", source=DEBIAN, disk=kernel_of(NEWER),
          options=BANNER),
    Fault("no root and no initrd", "no-init", source=DEBIAN, initrd=0),
    Fault("no root, panic=5", "no-init", source=DEBIAN, initrd=0,
          options={"cmdline": "console=ttyS0 panic=5"}),
    Fault("no root, panic=0", "no-init", source=DEBIAN, initrd=0,
          options={"cmdline": "console=ttyS0 panic=0"}),
    Fault("initrd that is no archive", "no-init", source=DEBIAN, initrd=lambda: b"nonsense" * 400),
    Fault("/init that exits", "kernel-panic", source=DEBIAN, initrd=init_that_exits),
    Fault("kernel that stops after its banner", "kernel-hang", kernel=damaged_at_the_end),
    Fault("16 MiB of memory", "decompress-failed", source=DEBIAN,
          options={"memory_mib": 16, **BANNER}),
    Fault("64 MiB of memory", "decompress-failed", source=DEBIAN, options={"memory_mib": 64}),
    Fault("compressed kernel damaged, lz4", "decompress-failed", source=DEBIAN,
          kernel=damaged_in_the_middle, options=BANNER),
    Fault("compressed kernel damaged, zstd", "decompress-failed", source=NEWER,
          kernel=damaged_in_the_middle, options=BANNER),
    Fault("damaged, no console=", "decompress-failed", source=DEBIAN,
          kernel=damaged_in_the_middle, options={"cmdline": NO_CONSOLE, **BANNER}),
    Fault("jmp $ in the setup code", "setup-hang", source=DEBIAN, kernel=setup_code(JUMP_HERE)),
    Fault("hlt in the setup code", "setup-hang", source=DEBIAN, kernel=setup_code(HALT)),
    Fault("jmp $ at the 32-bit entry", "decompress-failed", source=DEBIAN,
          kernel=code32(JUMP_HERE)),
    Fault("hlt at the 32-bit entry", "decompress-failed", source=DEBIAN, kernel=code32(HALT)),
    Fault("ud2 at the 32-bit entry", "decompress-failed", source=DEBIAN,
          kernel=code32(b"\x0f\x0b")),
)  # fmt: skip

PLAIN_FAULTS = (
    Fault("a loader without block moves", None, loader=plain()),
    Fault("A20 closed and never opened", "a20-closed", source="selfcheck:16",
          loader=plain("A20", first="mov ax, 0x2400\nint 0x15"),
          guilty=("mov ax, 0x2400", "int 0x15")),
    Fault("32-bit entry without a memory map", "boot-params-wrong", source=DEBIAN,
          loader=plain("ENTRY_32"), options=BANNER),
    Fault("stack in the loader's own code", "memory-clobbered", loader=plain("STACK"),
          guilty=("mov sp, 0x7d",)),
    Fault("direction flag set", "payload-corrupt", loader=plain("DF"),
          guilty=("std",)),
    Fault("DL lost", "wrong-sectors", loader=plain("DL"),
          guilty=("mov dx, 0x92",)),
    Fault("DS at 0040h", "triple-fault", loader=plain("DS", first="push 0x40\npop ds"),
          guilty=("push 0x40", "pop ds")),
)  # fmt: skip

# the guest itself ends the boot, or uses the ports that the harness listens to
ENDING_FAULTS = (
    Fault("FEh to the keyboard controller", "reset-keyboard",
          disk=boot_sector(0, b"\xb0\xfe\xe6\x64\xeb\xfe"),
          guilty=("out 0x64, al",)),
    Fault("bit 0 of port 92h", "reset-port-92",
          disk=boot_sector(0, b"\xe4\x92\x0c\x01\xe6\x92\xeb\xfe"),
          guilty=("out 0x92, al",)),
    Fault("6 to port CF9h", "reset-cf9",
          disk=boot_sector(0, b"\xba\xf9\x0c\xb0\x06\xee\xeb\xfe"),
          guilty=("out dx, al",)),
    Fault("ACPI power-off", "guest-powered-off",
          disk=boot_sector(0, b"\xba\x04\x06\xb8\x00\x20\xef\xeb\xfe"),
          guilty=("out dx, ax",)),
    Fault("ACPI suspend", "guest-suspended",
          disk=boot_sector(0, b"\xba\x04\x06\xb8\x00\x24\xef\xeb\xfe"),
          guilty=("out dx, ax",)),
    Fault("pvpanic by the loader", "port-misused",
          disk=boot_sector(0, b"\xba\x05\x05\xb0\x01\xee\xeb\xfe"),
          guilty=("out dx, al",)),
    Fault("a banner in real mode", "kernel-not-entered",
          disk=boot_sector(0, b"\x31\xc0\x8e\xd8\xbe\x14\x7c\xba\xf8\x03\xb9\x1a\x00"
                              b"\xf3\x6e\xfa\xeb\xfe\x00\x00Linux version 9.9 (none)\r\n")),
)  # fmt: skip

FAULTS = (*MBR_FAULTS, *LOADER_FAULTS, *IMAGE_FAULTS, *KERNEL_FAULTS, *PLAIN_FAULTS,
          *ENDING_FAULTS)  # fmt: skip

# What shows as well when nothing is known of the disk but its path: all but what can only
# be told by somebody who knows what should have been there.
BROUGHT = tuple(
    fault
    for fault in (*MBR_FAULTS, *LOADER_FAULTS, *IMAGE_FAULTS)
    if not (fault.initrd or fault.kernel is cut_short or "flipped" in fault.name)
    and fault.name != "command line not loaded"
)


def main(names: Iterable[str]) -> int:
    """Boot the faults whose name has one of ``names`` in it, and print what was found."""
    names = list(names)
    brought = "--brought" in names
    names = [name for name in names if name != "--brought"]
    wrong = 0
    for fault in BROUGHT if brought else FAULTS:
        if names and not any(name in fault.name for name in names):
            continue
        with tempfile.TemporaryDirectory() as folder:
            trace = run(fault, Path(folder), brought=brought)
        judgement = judge(trace)
        right = judgement.cause == fault.cause
        wrong += not right
        mark = "ok   " if right else "WRONG"
        print(f"{mark} {trace.ending.seconds:5.2f} s  {fault.name}: {judgement.cause or 'good'}")
        print(f"      {judgement.summary}")
        if judgement.diagnosis and judgement.diagnosis.evidence:
            print(f"      | {judgement.diagnosis.evidence[0]}")
        if not right:
            print(
                f"      expected {fault.cause}; consequences "
                f"{[each.cause for each in judgement.consequences]}; ended {trace.ending}"
            )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
