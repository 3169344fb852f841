"""Every cause: its id, what is true when it holds, and what to do about it.

The ids are stable: scripts and bisects rely on them. docs/causes.md is made from this table.
"""

from msgspec import Struct
from msgspec.structs import replace

__all__ = ["CAUSES", "Cause"]


class Cause(Struct, frozen=True):
    """A way in which a boot fails, or in which we fail to find out (``verdict`` "skip").

    One that is ``steady`` follows from what a kernel, a loader or a medium is, as calls, memory and
    the words of a boot manager prove: the same boot fails the same way again.
    """

    name: str
    meaning: str
    evidence: str
    advice: str
    verdict: str = "bad"
    steady: bool = False


_STEADY = (
    "no-boot-signature", "wrong-sectors", "kernel-rejected", "descriptor-invalid", "move-failed",
    "destination-wrapped", "destination-misplaced", "payload-truncated", "payload-corrupt",
    "setup-corrupt", "memory-clobbered", "initrd-misplaced", "cmdline-wrong", "header-not-set",
    "handoff-state", "boot-params-wrong", "a20-closed", "other-kernel", "wrong-cpu",
    "no-efi-stub", "not-a-kernel", "build-failed", "boot-manager-error", "no-boot-catalog",
)  # fmt: skip

CAUSES: dict[str, Cause] = {
    cause.name: cause if cause.name not in _STEADY else replace(cause, steady=True)
    for cause in (
        Cause(
            "no-boot-signature",
            "The BIOS refused the disk, or the floppy: its first sector does not end in 55 aa.",
            "bytes 510 and 511 of the disk",
            "Write 55 aa to offset 510 of the disk; see whether what installs the loader cuts it "
            "off at 510 bytes.",
        ),
        Cause(
            "no-boot-catalog",
            "The BIOS refused the CD: it has nothing that El Torito lets a BIOS boot.",
            "what of the boot record, the boot catalog or its first entry is wrong; the BIOS's own "
            "words",
            "Make the image with a boot catalog for a BIOS (xorriso -as mkisofs -b isolinux.bin "
            "-no-emul-boot -boot-load-size 4 -boot-info-table); one for a UEFI alone boots on no "
            "BIOS. If it is meant for a stick or a disk, give --as usb or --as disk.",
        ),
        Cause(
            "disk-no-answer",
            "The disk did not answer a read, and the loader, or the kernel, got no further.",
            "the sectors, how long they were waited for",
            "The disk of this boot was told to hang (--disk-fault hang). A loader of ours is not "
            "waited for longer than it takes to be sure; a boot manager or a kernel, which may do "
            "without those sectors, is, until the read fails.",
        ),
        Cause(
            "disk-vanished",
            "From some read on the disk was not there any more, and the boot got no further.",
            "when it was gone, and the read that failed then",
            "The disk of this boot was told to vanish (--disk-fault vanish). To the BIOS that is a "
            "failed read like any other: what a loader does about it is the same.",
        ),
        Cause(
            "disk-cut-short",
            "The loader read behind the end of the disk, where the rest of the kernel, or of a "
            "partition, should be; or the file of an image ends before what its own tables name: "
            "the disk, or its image, was cut short.",
            "where the kernel or the partition should end, where the disk ends, what was read; of "
            "an image in a container how much of it is missing, which reads as zeros",
            "Compare the size of the image with what was written: half of a download or of a copy "
            "looks like this (qemu-img check).",
        ),
        Cause(
            "wrong-sectors",
            "What the loader read is not where the kernel is: it read other sectors, left some "
            "out, read past the end of the disk, or read from another drive.",
            "the kernel's LBAs and those that were read",
            "Compare the LBA that was patched into the loader with where the kernel was written; "
            "see that the loader uses the drive that the BIOS gives in DL.",
        ),
        Cause(
            "disk-read-failed",
            "INT 13h returned an error, and no later attempt at the same sectors succeeded.",
            "LBA, sectors, AH with its name, attempts",
            "Look up AH: a bad sector and a time-out are the disk's, an invalid parameter is the "
            "loader's packet. SeaBIOS says AH=0Ch, media type not found, of every read that a "
            "drive has failed, whatever the reason: other BIOSes say more. A failed read leaves in "
            "its packet how many sectors it has read: the next attempt has to set the count again.",
        ),
        Cause(
            "kernel-rejected",
            "The loader looked at the kernel's header and gave up before it loaded the kernel.",
            "the loader's message, the field that it does not like",
            "Look at the field: a kernel older than boot protocol 2.04, or a zImage, needs another "
            "loader; a good header that was refused was not what the loader read.",
        ),
        Cause(
            "descriptor-invalid",
            "A descriptor or the length of a block move would fault on real hardware, or be "
            "refused by another BIOS, though this BIOS copied.",
            "the field and its value",
            "Set the access byte to 0x93 (present, ring 0, data, writable, accessed; 0x92 will "
            "do), the limit to at least the bytes moved less one, CX to at most 8000h words.",
        ),
        Cause(
            "move-failed",
            "INT 15h AH=87h returned with CF set or with AH not 0.",
            "move number, AH with its name",
            "AH=01h is a parity error, 02h an exception in the BIOS (look at the descriptors), 03h "
            "an A20 gate that did not open.",
        ),
        Cause(
            "destination-wrapped",
            "The destination of a block move lost its carry out of bit 23, so that the kernel's "
            "tail went to the bottom of memory.",
            "move number, last good and first bad address, the descriptors' bytes, the largest "
            "payload that the loader can place",
            "Have the loader write bits 24 to 31 of the address into byte 7 of the destination "
            "descriptor. Until then the kernel must stay under the size in the sentence: compress "
            "it better, or build less into it.",
        ),
        Cause(
            "destination-misplaced",
            "The block moves leave a gap, overlap, or begin elsewhere than where the kernel wants "
            "to be.",
            "the first bad move",
            "Advance the destination by exactly the bytes moved, and begin at 1 MiB.",
        ),
        Cause(
            "payload-truncated",
            "Fewer bytes were placed than syssize * 16.",
            "both numbers",
            "If the file is short, build or copy it again; else count the loader's chunks: the "
            "last one may be a part of a chunk.",
        ),
        Cause(
            "memory-clobbered",
            "Something was placed over the interrupt vectors, the BIOS's data, the loader that was "
            "running, or past the end of memory.",
            "the ranges that overlap",
            "Move the buffer, or load in smaller pieces; a high destination needs a machine with "
            "more memory.",
        ),
        Cause(
            "a20-closed",
            "The A20 gate was closed when the loader wrote above 1 MiB, so that every odd MiB was "
            "the even one below it.",
            "the gate's state as the boot ended, or as it was predicted",
            "Open it before anything is written above 1 MiB, by INT 15h AX=2401h, port 0x92 or the "
            "keyboard controller, and see that it is open: not every BIOS leaves it so.",
        ),
        Cause(
            "setup-corrupt",
            "The real-mode kernel in memory is incomplete or not the file's.",
            "first differing offset, both bytes, how many differ",
            "Load setup_sects + 1 sectors (a setup_sects of 0 means 4), and let nothing lie over "
            "them.",
        ),
        Cause(
            "initrd-misplaced",
            "The initrd is missing, reaches beyond memory or initrd_addr_max, or lies where the "
            "kernel unpacks itself (init_size).",
            "the ranges",
            "Place the initrd as high as initrd_addr_max and the memory allow; give the machine "
            "more memory or the initrd fewer files.",
        ),
        Cause(
            "payload-corrupt",
            "The protected-mode kernel in memory is not the file's.",
            "first differing offset, both bytes, how many differ",
            "Compare the disk with the file, and the buffer that is read to with the source that "
            "is moved from.",
        ),
        Cause(
            "cmdline-wrong",
            "The command line in memory is not the one asked for, or is longer than the kernel "
            "takes (cmdline_size).",
            "first difference, lengths",
            "Shorten it, or have the loader copy all of it and its NUL.",
        ),
        Cause(
            "header-not-set",
            "An obligatory field of the setup header is missing or wrong at the handoff.",
            "field, value, wanted value",
            "Write type_of_loader, loadflags (CAN_USE_HEAP), heap_end_ptr, cmd_line_ptr and the "
            "ramdisk fields before the jump (boot.rst, 'Details of Header Fields').",
        ),
        Cause(
            "handoff-state",
            "The kernel was entered with segment registers, SP, IF or an entry address that the "
            "boot protocol does not allow.",
            "register, value, wanted value",
            "DS = ES = SS = the real-mode kernel's segment, SP at the end of the heap, CLI, and a "
            "far jump to that segment + 20h, offset 0 (boot.rst, 'Running the Kernel').",
        ),
        Cause(
            "boot-params-wrong",
            "The loader entered the kernel at its 32-bit entry, where no setup code asks the BIOS, "
            "with boot_params that are not right: no memory map or one of the file's own bytes, "
            "not zeroed, or not where ESI says.",
            "the fields, or the memory that the kernel believes in",
            "Zero the 4,096 bytes of boot_params, copy the setup header from offset 0x1f1 up to "
            "where its jump ends, and fill in e820_entries and e820_table from INT 15h AX=E820h.",
        ),
        Cause(
            "wrong-cpu",
            "The kernel needs another CPU: it says so, or has halted where it checks that.",
            "its line, or where it halts; what the CPU lacks",
            "Run a 64-bit kernel on qemu-system-x86_64 (--qemu) and with a CPU that has long mode "
            "(--cpu), or build one for this CPU.",
        ),
        Cause(
            "setup-hang",
            "The kernel's setup code was entered, and protected mode was never reached.",
            "where the CPU was, the setup code's last BIOS call",
            "Look at the last call: a vga= mode that asks, an A20 gate, a memory map without end.",
        ),
        Cause(
            "decompress-failed",
            "The kernel's decompressor complained, stopped, or reset the machine before the kernel "
            "proper began.",
            "its line; the memory that the kernel needs",
            "Give the machine the memory that pref_address + init_size want; if that is there, the "
            "compressed kernel in the file is damaged: build or fetch it again.",
        ),
        Cause(
            "no-init",
            "The kernel came up and found no root file system or /init to run.",
            "the panic's text",
            "Give an --initrd or root=; look for the driver of the disk that root= names.",
        ),
        Cause(
            "kernel-panic",
            "The kernel panicked.",
            "the panic's text, the last lines",
            "Read the lines before the panic; 'Attempted to kill init' is an /init that ended.",
        ),
        Cause(
            "boot-manager-error",
            "The boot manager, or what else was on the disk, says why it does not go on.",
            "its words, off the screen",
            "Do what it says: see whether the file that it names is there, and its configuration.",
        ),
        Cause(
            "boot-menu-waits",
            "A menu or a prompt of the boot manager waits for a person.",
            "the end of the screen",
            "Give the menu a time limit and a default (SYSLINUX: TIMEOUT, GRUB: timeout).",
        ),
        Cause(
            "initrd-dropped",
            "The boot manager could not load the initrd and entered the kernel without it.",
            "its words, the memory of the machine; over a network what was refused",
            "Give the machine more memory, or make the initrd smaller; see to its name in the "
            "menu where it was not found.",
        ),
        Cause(
            "other-kernel",
            "Another kernel booted than the one that was to be tested.",
            "both releases",
            "See which kernel the boot menu takes, and whether it falls back to another when the "
            "first cannot be loaded.",
        ),
        Cause(
            "kernel-not-entered",
            "The kernel was never entered, although something looked like it: words on the serial "
            "line that were written in real mode, or a milestone that nobody else confirms.",
            "the words, and where they were written",
            "Look at what the loader writes; compare the sectors that it reads with the kernel's.",
        ),
        Cause(
            "fail-on-seen",
            "What --fail-on says came: a pattern, or a picture, that makes a boot bad.",
            "the line, the pattern, and what was written behind it; of a picture, where it was and "
            "how like it",
            "Read the line and those behind it: what it complains of is the cause. `bootharness "
            "bisect` with the same --fail-on finds the kernel with which it began.",
        ),
        Cause(
            "command-failed",
            "The command of --run was run in the guest, and did not end with 0.",
            "its exit status, and the last lines that it wrote",
            "`bootharness shell` with the same kernel and options runs it again, with all that it "
            "writes; `bootharness bisect` with the same --run finds the kernel since which it "
            "fails.",
        ),
        Cause(
            "command-not-ended",
            "The command of --run had not come to its end when the time was up.",
            "whether it had begun, and the last line that was written",
            "Give it a longer --timeout, if it may take so long; see by `bootharness shell` what "
            "it waits for.",
        ),
        Cause(
            "command-skipped",
            "The command of --run ended with 125: as to `git bisect run`, this kernel cannot be "
            "tested by it.",
            "the last lines that it wrote",
            "That is for the command to say; a bisection goes round such kernels.",
            "skip",
        ),
        Cause(
            "guest-unfit",
            "The kernel is known to have no driver for a folder (--share) or for the network "
            "(--forward, --outside) of its guest, so that it was not booted.",
            "the driver, by its module's name",
            "Build the kernel with it, name its modules by --modules, or have what is needed in "
            "the guest by --manifest.",
            "skip",
        ),
        Cause(
            "no-timer",
            "Linux stopped for want of a timer on QEMU's microvm, which has none for it without "
            "KVM as long as it uses ACPI.",
            "its lines about the TSC",
            "Put acpi=off on its command line, as the usual one has it there, or take another "
            "--machine-type.",
            "skip",
        ),
        Cause(
            "too-slow",
            "It came as far as wanted, but took the guest more seconds of its own than --at-most "
            "says.",
            "the seconds by the guest's own clock, which counts instructions and what it waits for",
            "See which milestone came late, or which lines of the console are far apart, as "
            "--keep has them. `bootharness bisect --slower` finds the kernel with which it began.",
            steady=True,
        ),
        Cause(
            "no-32-bit-entry",
            "The loader entered the kernel at its 32-bit entry, as the boot protocol lets it, and "
            "the kernel is a selfcheck kernel, which has none: its code is in its setup part.",
            "where the CPU was halted",
            "Boot another kernel with this loader, as deb:linux-image-cloud-amd64/bookworm.",
            "skip",
        ),
        Cause(
            "screen-unreadable",
            "A pattern was wanted on the screen, or made a boot bad there, and the screen shows a "
            "picture, or nothing: what OCR reads off it is no proof that a boot is bad.",
            "when it was looked at last, what OCR reads",
            "Wait for a picture of what is wanted, which `bootharness needle` cuts out of a kept "
            "boot; have the guest stay in text mode, for Linux by nomodeset and vga=normal; or "
            "wait for something on the serial line, by --until.",
            "skip",
        ),
        Cause(
            "kernel-silent",
            "The kernel runs, but says nothing, on the serial line or on the screen: how far it "
            "has come is not known.",
            "where it runs, the command line",
            "Add console=ttyS0,115200 to the command line and take quiet out of it, or build the "
            "kernel with CONFIG_SERIAL_8250_CONSOLE.",
            "skip",
        ),
        Cause(
            "kernel-hang",
            "The kernel had begun and made no progress any more.",
            "where the CPU was, the last lines",
            "Boot again with initcall_debug and ignore_loglevel: the last initcall is the one.",
        ),
        Cause(
            "kernel-reset",
            "The kernel had begun, and the guest was reset without a panic.",
            "where the CPU was, the last milestone, the last lines",
            "A triple fault in the kernel: boot again with earlyprintk, or look at QEMU's -d int.",
        ),
        Cause(
            "stage1-hang",
            "The loader runs on, or has stopped, without new BIOS calls.",
            "where the CPU was, the nearest symbol, the last call",
            "Look at the code there; a loader that waits for a key needs a person.",
        ),
        Cause(
            "bios-hang",
            "A BIOS call did not come back.",
            "the call, where the CPU was",
            "Look at what the call was given; try another BIOS or disk interface.",
        ),
        Cause(
            "bios-stuck",
            "The BIOS did not come to a boot sector, so nothing that was to be tested ran.",
            "where the CPU was",
            "Is it the BIOS that belongs to this QEMU, and may QEMU's user read its folder? Try "
            "another --qemu, --bios or disk interface.",
            "skip",
        ),
        Cause(
            "kernel-gave-up",
            "What was entered as a kernel gave the machine back to the BIOS, with INT 18h or "
            "INT 19h.",
            "the interrupt, the end of the screen",
            "No Linux does that: it is another program in the shape of a kernel, such as iPXE's "
            ".lkrn, or its code was overwritten; see what the screen says.",
        ),
        Cause(
            "loader-gave-up",
            "The loader, or the BIOS before it, gave up with INT 18h or INT 19h, and nothing else "
            "explains it.",
            "its message, its last calls",
            "Look up the message in the loader's source.",
        ),
        Cause(
            "started-kernel-stopped",
            "A kernel that a boot manager started, as Xen or another one by multiboot, was reset "
            "or does not get on.",
            "its last words on the serial line, where the CPU was",
            "Read its last words: Xen says there of its Dom0, and of what it was not given. If "
            "there are none, give it the serial line as its console (Xen: console=com1 "
            "com1=115200).",
        ),
        Cause(
            "machine-reset",
            "A real machine began again before it had come as far as wanted; why cannot be seen "
            "there.",
            "what its recorder or its firmware told twice, the last call, the last words",
            "Look at the last call; boot the same disk in QEMU, where the CPU can be looked at.",
        ),
        Cause(
            "triple-fault",
            "The guest was reset before the kernel proper, and nothing else explains it.",
            "CS:IP at the reset, the last call",
            "Look at the code at CS:IP; a loader that reboots by itself resets too.",
        ),
        Cause(
            "userspace-gave-up",
            "The kernel came up, and the initramfs or init says that it cannot go on.",
            "its words on the serial line or the screen, what the kernel said of the initrd",
            "Look at root= on the command line and at the partition that it names; look whether "
            "the initramfs has the disk's driver (--disk-interface attaches it in another way).",
        ),
        Cause(
            "marker-not-seen",
            "The pattern of --until or --until-screen, or its picture, did not come before the "
            "time limit.",
            "the last lines on the serial line, or on the screen; how close the screen came to a "
            "picture",
            "See in the last lines how far it came. If it was only slow, give it a longer "
            "--timeout; if it says it elsewhere, give the kernel console=ttyS0, or take "
            "--until-screen. Of a picture, closest.png in what --keep has kept shows what came "
            "closest; `bootharness needle` cuts out another one, with another --margin or --match.",
        ),
        Cause(
            "not-switched-off",
            "The guest was to switch the machine off, by --until shutdown, and did not before the "
            "time limit.",
            "the last lines on the serial line",
            "See in the last lines what it was at; `poweroff` needs ACPI in the kernel, and "
            "`halt` does not switch off. Give it a longer --timeout if it was only slow.",
        ),
        Cause(
            "timed-out",
            "None of the other causes holds, and the boot did not get on.",
            "what was reached last",
            "Give it a longer --timeout; otherwise debug it where it was last seen.",
        ),
        Cause(
            "port-misused",
            "Before a kernel was entered the guest wrote to a port that the harness listens to: "
            "0xe9, where BIOS calls are recorded, or 0x505, pvpanic.",
            "the port, and how much was written",
            "Take the debug output out of the loader, or boot with --tracer gdb, which needs no "
            "port.",
        ),
        Cause(
            "reset-keyboard",
            "Before protected mode the guest was reset through the keyboard controller, port 64h.",
            "where the CPU was, the last BIOS calls",
            "Somebody asked for it: look at who writes FEh to port 64h, and what it said before.",
        ),
        Cause(
            "reset-port-92",
            "Before protected mode the guest was reset through system control port A, 92h.",
            "where the CPU was, the last BIOS calls",
            "Whoever switches the A20 gate by port 92h must leave bit 0 clear.",
        ),
        Cause(
            "reset-cf9",
            "Before protected mode the guest was reset through the chipset's port CF9h.",
            "where the CPU was, the last BIOS calls",
            "Somebody asked for it: look at who writes to port CF9h, and what it said before.",
        ),
        Cause(
            "reset-bios",
            "The BIOS reset the guest: code jumped to the reset vector, ffff:0000 or elsewhere in "
            "the BIOS.",
            "where the CPU was, the last BIOS calls",
            "Look for a far jump to ffff:0000, or for a return to an address that was overwritten.",
        ),
        Cause(
            "guest-powered-off",
            "The guest switched the machine off before the boot had come as far as wanted.",
            "the last milestone, the last lines and calls",
            "Read what it said last; an own /init has to say that it runs before it powers off.",
        ),
        Cause(
            "guest-suspended",
            "The guest put the machine to sleep, and nothing wakes it.",
            "the last milestone, the last lines and calls",
            "Look at who writes the sleep type to the ACPI control port.",
        ),
        Cause(
            "link-down",
            "The network card's link is down.",
            "when it went down",
            "Plug the cable in; in a test, set the link up again.",
        ),
        Cause(
            "dhcp-no-offer",
            "The card asked for an address and no DHCP server offered one.",
            "the requests with their times",
            "Is the DHCP server on this network, and has it an address left for this MAC?",
        ),
        Cause(
            "dhcp-no-ack",
            "An address was offered and requested, and the server did not acknowledge it.",
            "the packets with their times",
            "Look in the server's log for why: a NAK says that it no longer holds its own offer.",
        ),
        Cause(
            "dhcp-no-filename",
            "The DHCP answer names no boot file.",
            "the acknowledgement",
            "Set the boot file (option 67, or `filename`) for this client's architecture and "
            "user class.",
        ),
        Cause(
            "dhcp-no-next-server",
            "The DHCP answer names a boot file and no server that has it.",
            "the acknowledgement",
            "Set the TFTP server's address beside the boot file (Kea: next-server; dnsmasq: the "
            "third value of dhcp-boot), or name the file by its URL.",
        ),
        Cause(
            "dhcp-offer-passed-over",
            "A UEFI that boots over HTTP took none of the DHCP offers, though one names a file.",
            "the offer and what it lacks, how often the UEFI asked",
            "Answer architecture 16 with option 60 HTTPClient, a URL as the boot file, and a name "
            "server (option 6) where the URL has a name.",
        ),
        Cause(
            "tree-no-config",
            "A boot program found no configuration under any of the names that it tries.",
            "the names, in the order in which they were asked for",
            "Put the configuration under one of these names, as seen from where the boot program "
            "lies (PXELINUX: pxelinux.cfg/default; GRUB: grub/grub.cfg, or as it was built).",
        ),
        Cause(
            "tree-wrong-file",
            "A file cannot be what it was asked for: it is empty, cut short, a page of HTML, or a "
            "module of another SYSLINUX.",
            "the file, what it is, the boot program's words",
            "Put the right file there: copy it again, all modules from the same version as the "
            "boot program; what a web server sent as an error is no file.",
        ),
        Cause(
            "tree-initrd-unused",
            "An initrd was fetched and not handed to the kernel.",
            "the initrd, what the kernel was told of",
            "Name it on the kernel's command line (initrd=NAME, for iPXE under UEFI), in the "
            "INITRD line of the label that is booted, or by GRUB's command initrd.",
        ),
        Cause(
            "kernel-as-boot-program",
            "SYSLINUX took the kernel for a boot program or a boot sector, by the end of its name.",
            "the file, for what it was taken, what came of it",
            "Say LINUX in place of KERNEL in the configuration, or rename the file: SYSLINUX's "
            "documentation has the endings, .0, .bin, .bs and .bss among them.",
        ),
        Cause(
            "chain-loop",
            "A boot program, or a script, loads itself again and again, or redirects lead in a "
            "circle.",
            "how often it came, and when",
            "Have the DHCP server name a script where the client is iPXE (user class, option 77), "
            "or build the script into iPXE; in a script, have what fails end in another command.",
        ),
        Cause(
            "proxy-silent",
            "A proxy DHCP server offered to name the boot file, and did not answer when asked.",
            "its address, how often it was asked, the client's architecture, whether its port is "
            "closed, its own words",
            "Let it answer at UDP port 4011, or name the boot file in the offer: dnsmasq answers "
            "only those for whose architecture it has a pxe-service. Look for a firewall between.",
        ),
        Cause(
            "proxy-ignored",
            "A proxy DHCP server answered which file to boot, and the client did not take that.",
            "who asked whom, how often, the file",
            "Give clients with this firmware what they take: to dnsmasq, `pxe-service` in place of "
            "`dhcp-boot` for those that ask at port 4011.",
        ),
        Cause(
            "proxy-obeyed",
            "Another DHCP server, a proxy, named a boot file, and the client took that one.",
            "who offered which file, and when, and what our own server names",
            "Find who runs a proxy on this network (WDS, FOG, dnsmasq), and switch it off or let "
            "it leave these machines alone; iPXE heeds no proxy where DHCP option 175.176 is 1.",
        ),
        Cause(
            "wrong-boot-program",
            "The client got a boot program that is for other machines.",
            "the file, what it runs on, the client's architecture, who named it",
            "Name the boot file by the client's architecture (option 93): 0 is a BIOS, 7 and 9 are "
            "a 64-bit UEFI.",
        ),
        Cause(
            "dns-no-answer",
            "The name server did not answer for the name of a boot server.",
            "the name, how often it was asked for, by whom",
            "Does the name server that DHCP gives run, and is it reached from this network? An "
            "address in place of the name does without it.",
        ),
        Cause(
            "dns-no-name",
            "The name server knows no such name as a boot server's is said to be.",
            "the name, who asked for it",
            "Correct the name in the script or in the DHCP server's answer, or give the name "
            "server a record of it.",
        ),
        Cause(
            "tftp-not-found",
            "The TFTP server has no such file.",
            "file, request, answer",
            "Put the file under the server's root; look at the path that the client asks for.",
        ),
        Cause(
            "tftp-stalled",
            "A TFTP transfer stopped: the same request came again and again.",
            "file, block, bytes of how many, times",
            "Look for a firewall, a lost block, a wrong next-server, or a server that ended.",
        ),
        Cause(
            "server-not-there",
            "Nobody has an address of which a file was to be asked, or by way of which.",
            "the address, who asked for it, how often, the script or configuration that names it",
            "Correct the address where it is named, or start the server; a gateway counts, too.",
        ),
        Cause(
            "tftp-truncated",
            "A TFTP transfer ended before the whole file was sent.",
            "bytes of how many",
            "Copy the file to the server again; see whether tsize is its size.",
        ),
        Cause(
            "tftp-corrupt",
            "What was sent by TFTP is not the file.",
            "file, the digests",
            "Compare the file on the server with the one that was meant.",
        ),
        Cause(
            "http-status",
            "The HTTP server answered with an error.",
            "URL, status",
            "Look up the URL in the server's log: path, permission, virtual host.",
        ),
        Cause(
            "http-stalled",
            "An HTTP transfer stopped.",
            "URL, bytes of how many",
            "Look at the server and the way to it.",
        ),
        Cause(
            "http-truncated",
            "The HTTP connection ended before the whole file was sent.",
            "URL, bytes of how many",
            "Look for a proxy with a time limit, or a server that ended.",
        ),
        Cause(
            "http-refused",
            "The HTTP server refused the connection.",
            "URL",
            "Is the server running, on this port?",
        ),
        Cause(
            "certificate-refused",
            "The client refused the certificate that the HTTPS server showed.",
            "who refused it, for which name, with which alert of TLS",
            "Look at the certificate's dates and names, at the machine's clock, and at what the "
            "client trusts.",
        ),
        Cause(
            "http-corrupt",
            "What was sent by HTTP is not the file.",
            "URL, the digests",
            "Compare the file on the server with the one that was meant; look for a proxy.",
        ),
        Cause(
            "other-vlan",
            "The client's frames have not the tag of the network's VLAN.",
            "the tag that came, the network's",
            "Give the card the VLAN in the firmware's set-up (here a UEFI's, --nic-vlan) or in the "
            "boot program (iPXE's vcreate), or test without --vlan. iPXE goes on with the "
            "firmware's since 2023, that of Debian 12 does not.",
        ),
        Cause(
            "nbp-hang",
            "The network bootstrap program was entered and made no progress.",
            "its last lines",
            "Try another bootstrap program, or another network card for it.",
        ),
        Cause(
            "script-error",
            "The network bootstrap program reports an error of its own.",
            "its last lines with the error's code",
            "Look the code up (for iPXE: ipxe.org/CODE); look at the script line.",
        ),
        Cause(
            "secure-boot-refused",
            "The firmware, or shim, did not start what is not signed by a key that it trusts.",
            "who refused, its words, the file, who signed it, the certificates in db",
            "Sign the file with a key in the firmware's db, boot it through shim, or switch Secure "
            "Boot off. --enrol tries a key of yours.",
        ),
        Cause(
            "efi-no-file-system",
            "A UEFI found nothing on the disk that it can read files from.",
            "the disks that it has found, with their sizes, and what is wrong with the partition "
            "table and the file systems of the image",
            "Put an EFI system partition on it, with FAT and a GPT or an MBR that tells of it; "
            "give a CD an El Torito image for EFI (xorriso -as mkisofs -e efi.img).",
        ),
        Cause(
            "efi-no-boot-file",
            "The disk has no file that a UEFI without a boot entry for it starts.",
            "the names that it asked for, the programs that the disk has instead",
            "Put the boot manager to \\EFI\\BOOT\\BOOTX64.EFI as well (bootctl install, "
            "grub-install --removable).",
        ),
        Cause(
            "efi-refused",
            "The firmware did not load an image: for another machine, cut short, not signed.",
            "the image, the error, who asked for it",
            "Look at the file (file, objdump -h, sbverify --list); see that it is for x64, whole, "
            "and signed by a key in db where Secure Boot is on.",
        ),
        Cause(
            "efi-gave-up",
            "What the firmware had started came back to it, or had the machine reset, without "
            "starting a kernel.",
            "the error that it returned, the files that it asked for and that were not there",
            "Look at the last of those names: a configuration names them, or the boot manager's "
            "own folder should have them.",
        ),
        Cause(
            "efi-out-of-memory",
            "A UEFI had not the memory that an image needs, or that one asked for which it had "
            "started.",
            "who, how much was asked for, how much the machine has",
            "Give the machine more memory (--memory), or make kernel and initrd smaller: each is "
            "in memory twice while it is loaded.",
        ),
        Cause(
            "efi-hang",
            "What a UEFI had started neither comes back nor gets on, and has not ended the boot "
            "services.",
            "the image, where in it the CPU is, what it asked for last",
            "Look at that program from there on: bootharness debug opens the boot in gdb.",
        ),
        Cause(
            "efi-exit-refused",
            "A kernel asked a UEFI to end the boot services, and it refused each time.",
            "who asked, how often, the error",
            "Look for what allocates memory in the meantime: a driver that is told of the end of "
            "the boot services, or the kernel's stub itself, which has to ask for the memory map "
            "anew.",
        ),
        Cause(
            "no-grub-config",
            "GRUB, started by a UEFI, found none of the configurations that it looks for.",
            "the names in its order, and those that the disk has",
            "Put grub.cfg where it looks for it; a signed GRUB of a distribution looks in the "
            "folder of that distribution, as \\EFI\\debian.",
        ),
        Cause(
            "efi-fell-back",
            "The firmware found nothing more on the disk to boot, and went on to its own shell, "
            "its own menu or the network.",
            "to what, and after which program of the disk; what its shell's script said last",
            "Look at what was started before, it came back without having booted anything; of a "
            "startup.nsh, which its shell runs, at the line that it came to.",
        ),
        Cause(
            "firmware-crashed",
            "The UEFI firmware reports an exception, of its own or of what it had started, before "
            "the kernel began.",
            "the exception and the registers, as the firmware prints them",
            "Give the machine more memory first: running out of it is what does this most often.",
        ),
        Cause(
            "no-efi-stub",
            "A UEFI was to start a kernel that is no UEFI program.",
            "the first bytes of the kernel",
            "Build the kernel with CONFIG_EFI_STUB, or boot it by a loader that needs none.",
        ),
        Cause(
            "initramfs-cut",
            "The kernel could not unpack all of the initrd: some of the user's files are missing.",
            "the kernel's line, the sizes",
            "Give the machine the memory that it needs, or make the initrd smaller; make one again "
            "that is cut short or damaged.",
        ),
        Cause(
            "not-a-kernel",
            "The candidate is there, and it is not a bzImage: a gate and a test refuse it.",
            "the file, and what is wrong with it",
            "See what the build has written there: an empty or half a file is left by one that was "
            "interrupted, and vmlinux is not what a loader takes. A boot by itself says "
            "kernel-unavailable, for there it may be a slip of the keyboard.",
        ),
        Cause(
            "tracers-disagree",
            "The recorder and gdb saw different calls, so neither is trusted.",
            "the first difference",
            "This is a defect of bootharness: please report it with the trace.",
            "skip",
        ),
        Cause(
            "recorder-silent",
            "The recorder of BIOS calls told of none, so nothing is proven.",
            "what was seen all the same",
            "Use a BIOS that runs option ROMs, or --tracer gdb; remove a damaged cache.",
            "skip",
        ),
        Cause(
            "kernel-unavailable",
            "The kernel could not be read, fetched or unpacked, or is not one.",
            "the file or package, and why",
            "Give the path of a bzImage, or a package that the mirror still has.",
            "skip",
        ),
        Cause(
            "medium-unavailable",
            "The file is no medium that a machine boots from, or one that is not opened: it is "
            "damaged, encrypted, or names other files.",
            "the file, and what it is",
            "Of an image that names others make one file (qemu-img convert); fetch a damaged one "
            "again.",
            "skip",
        ),
        Cause(
            "build-failed",
            "The kernel could not be built, so nothing is known about it.",
            "the last lines of the build, and where its log is",
            "Read the log; a bisection goes round such a commit by itself.",
            "skip",
        ),
        Cause(
            "not-emulated",
            "A predicted boot did what the predictor's machine cannot do.",
            "what that was",
            "Boot it for real: bootharness boot.",
            "skip",
        ),
        Cause(
            "tool-missing",
            "A program that is needed is not installed.",
            "its name",
            "Run bootharness doctor: it says which package brings it.",
            "skip",
        ),
        Cause(
            "launch-failed",
            "QEMU did not start, or the disk image could not be written.",
            "the command line, the exit status, what it said",
            "Read what QEMU says; look at the free space of the temporary folder.",
            "skip",
        ),
        Cause(
            "not-written",
            "What was found out could not be written to the file that was asked for.",
            "the file, and what the system says",
            "Make room on the disk, or have somebody read from the pipe. The verdict is printed "
            "all the same.",
            "skip",
        ),
        Cause(
            "host-busy",
            "The time limit was over, and the host had given QEMU less than half of it, or its KVM "
            "is slow; or a file of a network boot stopped on its way while the host gave QEMU next "
            "to nothing.",
            "both times, or the file and for how long",
            "Give the boot a longer --timeout, run fewer at once, or take --accelerator tcg.",
            "skip",
        ),
        Cause(
            "prompt-not-seen",
            "The boot came as far as wanted before a pattern of --send was seen, so that nothing "
            "was typed: another entry of the menu may have been booted.",
            "the pattern, and what was to be typed",
            "Have the menu or the prompt wait longer, or take a pattern that it shows: the serial "
            "line is searched line by line, the screen four times a second.",
            "skip",
        ),
        Cause(
            "clock-unreadable",
            "The guest's own seconds were to be counted, and QEMU does not tell them.",
            "the QEMU",
            "Take one that knows -icount and `info jit`, by --qemu.",
            "skip",
        ),
        Cause(
            "not-slower",
            "A hunt for what became slower has nothing to search: one end is no slower than the "
            "other, beyond what boots of the same kernel differ by, or does not come so far.",
            "what boots of both ends took by the guest's own clock",
            "Give ends that differ more, or have the boot come as far as where it is slow, by "
            "--until.",
            "skip",
        ),
        Cause(
            "pattern-too-slow",
            "A pattern of --until, --until-screen, --fail-on or --send takes longer to search for "
            "than any should.",
            "the pattern",
            "Repeat nothing in it that is repeated already: (a+)+ is a+.",
            "skip",
        ),
        Cause(
            "time-too-short",
            "The time limit was over while a fault that ends by itself, or a slow disk, or a slow "
            "or lossy network that was asked for, still kept the boot waiting.",
            "the fault, and how far it had come",
            "Give the boot a longer --timeout.",
            "skip",
        ),
        Cause(
            "wire-lost",
            "The network that bootharness makes for its guests failed, or what a real machine runs "
            "did not come by its boot wire.",
            "the error, the interface, the card",
            "On a real machine see to its card, the cable, and that its firmware boots from the "
            "network first; elsewhere this is a defect of bootharness: please report it with the "
            "command.",
            "skip",
        ),
        Cause(
            "server-lost",
            "A server of your own, which the guest boots from, ended in the middle of the boot.",
            "its status, what it said last",
            "See why it ended: its words are in the sentence.",
            "skip",
        ),
        Cause(
            "line-lost",
            "The serial line of a real machine was cut, is mute, or changes what is sent.",
            "the line, what it said last",
            "See whether the console server answers and nobody else has the port; see that the "
            "baud rate of machines.toml is the machine's; try `bootharness hardware console NAME`.",
            "skip",
        ),
        Cause(
            "plug-failed",
            "The power of a real machine was not switched as it was asked to be.",
            "the plug, what it answered",
            "Try `bootharness hardware power NAME on`; see that it is the right plug, and that its "
            "address and password are right.",
            "skip",
        ),
        Cause(
            "disk-not-written",
            "The disk of a real machine was to be written, and was not, or not whole.",
            "the BIOS call, the sector, the status",
            "See that the card's PXE services stay (no other boot program in front), that the disk "
            "is not write-protected, and write it again: half of the old one may be left.",
            "skip",
        ),
        Cause(
            "machine-taken",
            "Another run has the real machine: one at a time boots there.",
            "who has it",
            "Wait until it is over.",
            "skip",
        ),
        Cause(
            "disk-lost",
            "The faulty disk that bootharness makes for a boot failed otherwise than it should.",
            "the error",
            "See that the image can still be read; if it can, this is a defect of bootharness: "
            "please report it with the command.",
            "skip",
        ),
        Cause(
            "no-worker",
            "Boots were to be made by the workers of `--workers`, and none of them can do it.",
            "the workers, and of each why it cannot",
            "Start a worker that can: `bootharness worker ADDRESS`, with the same version of "
            "bootharness, and with what `bootharness doctor` finds missing there.",
            "skip",
        ),
        Cause(
            "not-booted",
            "A merged gate has a boot that none of its shards has made: that shard is missing, or "
            "was interrupted.",
            "which shard",
            "Run that shard, gate --shard I/N, and merge it with the others.",
            "skip",
        ),
        Cause(
            "machine-lost",
            "QEMU or gdb went away in the middle of the boot.",
            "the exit status, what it said",
            "Somebody killed it, or the host ran out of memory: run it again.",
            "skip",
        ),
    )
}
