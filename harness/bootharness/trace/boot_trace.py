"""Everything seen in one boot. A trace is judged and drawn without QEMU and without the files."""

import re
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.loading import Destinations
from bootharness.formats.screen_text import screen_text
from bootharness.plan.goal import is_pattern
from bootharness.trace.adverse import Adverse
from bootharness.trace.arrivals import Arrival
from bootharness.trace.backwards import Recorded
from bootharness.trace.block_moves import BlockMove, block_moves, placements
from bootharness.trace.booted import DiskFacts, KernelFacts, LoaderFacts
from bootharness.trace.disk_facts import FaultyDiskFacts
from bootharness.trace.efi_disk import EfiDisk
from bootharness.trace.efi_program import EfiProgram
from bootharness.trace.handoff import Comparison, Handoff
from bootharness.trace.heard import Heard
from bootharness.trace.host import QEMU, Host
from bootharness.trace.machine_facts import CpuSample, MachineFacts, PostMortem, QmpEvent
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetworkFacts
from bootharness.trace.proof import Proof
from bootharness.trace.sighting import Closest, Sighting
from bootharness.trace.signed_file import SignedFile
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_handoff import UefiHandoff

__all__ = [
    "BY_THE_BIOS",
    "CRASH_REPORTED",
    "PANIC_REPORTED",
    "RESET_BY",
    "BootTrace",
    "Ending",
]

PANIC_REPORTED = "the guest reported a panic"
CRASH_REPORTED = "the guest reported a crash, and goes on to a crash kernel"
"""How a boot ended for which a guest has used the pvpanic port and said nothing else."""
RESET_BY = {
    0x64: "by the keyboard controller",
    0x92: "by port 0x92",
    0xCF9: "by port 0xcf9",
}
"""Who resets the machine when it is asked for on a port."""
_RUN_SAID = re.compile(
    r"^bootharness: begin (\w+)\r?\n(.*?)(?:\r?\nbootharness: exit \1 |\Z)",
    re.MULTILINE | re.DOTALL,
)
BY_THE_BIOS = "by the BIOS, to which something had jumped,"


class Ending(Struct, frozen=True):
    """How the boot stopped."""

    kind: str
    """One of: ``reached`` (as far as wanted), ``foreseen`` (it could not come to anything, so it
    was not tried; ``detail`` is why), ``memory-differs`` (the handoff with a kernel that is not
    the file), ``guest-reset``, ``guest-shutdown``, ``guest-suspended``, ``boot-failed``
    (INT 18h), ``bootstrap`` (INT 19h by the guest), ``network`` (it cannot come to anything any
    more, as the wire shows; ``detail`` is the cause), ``boot-program`` (what came from the
    network gives up; ``detail`` is what it says), ``disk`` (a read that its faulty disk never
    answers), ``firmware-crash`` (a UEFI tells of an exception, its own or that of what it has
    started; ``detail`` is which), ``panic``, ``failed-on`` (a pattern came that makes it bad;
    ``detail`` is its line), ``complaint`` (the
    kernel says that it cannot run), ``boot-manager`` (one that rests at a prompt), ``halted`` (HLT
    with interrupts off), ``loop``, ``waits-for-key``, ``idle``, ``timeout``, ``skipped`` (we could
    not find out; then ``cause`` says why)."""
    seconds: float
    """Since launch."""
    detail: str = ""
    """What there is to add, in words."""
    cause: str | None = None
    """Why we could not find out, None for what the guest did."""


class BootTrace(Struct, frozen=True, dict=True):
    """All evidence of one boot."""

    source: str
    """What the person calls the kernel or the disk image."""
    until: str
    """How far it had to come: to ``setup``, ``protected-mode``, ``banner`` or ``init``; until
    ``shutdown``, when the guest switches off; until a pattern is on the ``screen``; or else a
    pattern on the serial line."""
    ending: Ending
    """How it stopped."""
    route: str = "mbr"
    """What brought the kernel."""
    kernel: KernelFacts | None = None
    """The kernel build, None where a disk image brings one that nobody has named."""
    loader: LoaderFacts | None = None
    """The loader, None where that is not known."""
    disk: DiskFacts | None = None
    """What lies where on the disk, None without one."""
    machine: MachineFacts | None = None
    """The machine that it ran on, None where none was started."""
    host: Host = QEMU
    """Where it ran, and what can be seen there."""
    tracer: str = "recorder"
    """Who saw the BIOS calls: ``recorder``, ``gdb``, ``both``, ``emulator``, or ``none``."""
    milestones: tuple[Milestone, ...] = ()
    """The named points that it reached, in their order."""
    bios_calls: tuple[BiosCall, ...] = ()
    """Every BIOS call, in order."""
    gdb_calls: tuple[BiosCall, ...] = ()
    """The loader's calls as gdb saw them, when both tracers watched."""
    uefi_calls: tuple[UefiCall, ...] = ()
    """What was asked of a UEFI, in order."""
    uefi_handoff: UefiHandoff | None = None
    """The machine as a kernel had ended the boot services of a UEFI, None where nobody saw that."""
    signed_files: tuple[SignedFile, ...] = ()
    """How what a UEFI with Secure Boot read from a disk is signed, where the boot was not good."""
    efi_programs: tuple[EfiProgram, ...] = ()
    """What a UEFI was to start from a disk, where no kernel came of that, or a damaged one."""
    efi_disk: EfiDisk | None = None
    """What the disk has for a UEFI, where that has started nothing of it."""
    until_screen: str | None = None
    """The pattern, or the picture's file, that had to come on the screen, None where there was
    none."""
    fail_on: tuple[str, ...] = ()
    """The patterns, and the pictures' files, that make it bad."""
    run: str | None = None
    """The command that was to be run in the guest, to whose end it had to come, None where there
    was none."""
    at_most_s: float | None = None
    """How many of its own seconds the guest had for it, None where nobody counted."""
    guest_s: float | None = None
    """How many of its own seconds it took the guest, a thousand million instructions to one; None
    where nobody counted."""
    marker: Sighting | None = None
    """Where the pattern was found that it had to come to, None where it was not."""
    closest: Closest | None = None
    """How close the screen came to the picture that it had to come to, None where that was found or
    there was none."""
    failed_on: Sighting | None = None
    """Where a pattern, or a picture, was found first that makes it bad, None where none was."""
    send: tuple[str, ...] = ()
    """What was to be typed, each ``PATTERN=>TEXT``."""
    sent: tuple[Sighting, ...] = ()
    """Where their patterns were found, and so what was typed, in order."""
    handoff: Handoff | None = None
    """The machine as the kernel was entered, None where nobody saw that."""
    heard: Heard | None = None
    """What was heard of the kernel."""
    manager: str = ""
    """What the boot manager calls itself on the screen, empty where none was at work or it does not
    say."""
    boot_screen: str = ""
    """The text on the VGA screen when it was read last before a kernel ran, empty where there was
    no need to."""
    serial: str = ""
    """All that came over the serial line, as text."""
    serial_arrivals: tuple[Arrival, ...] = ()
    """When lines of it came, as far as the harness read them at once; of a guest that wrote all the
    time some hundred moments. Empty where nobody noted that."""
    bios_log: str = ""
    """What the BIOS said of itself on its debug port."""
    calls_left_out: int = 0
    """How many calls are missing from the middle of `bios_calls`, of a guest that made too many."""
    foreign_bytes: int = 0
    """How much the guest wrote itself to the recorder's port."""
    a20_wrapped: bool = False
    """Whether a predicted CPU went above 1 MiB with the A20 gate closed."""
    a20_left_closed: bool = False
    """Whether it was closed at the last BIOS call of a real machine, as its recorder tells."""
    adverse: tuple[Adverse, ...] = ()
    """What other BIOSes would make of it, of a predicted boot."""
    events: tuple[QmpEvent, ...] = ()
    """What QEMU reported."""
    samples: tuple[CpuSample, ...] = ()
    """Where the CPU was whenever the harness looked."""
    timings: dict[str, float] = field(default_factory=dict)
    """What the harness spent its time on, in seconds by name."""
    cmdline: str | None = None
    """The command line that was asked for, None where nobody could ask for one."""
    network: NetworkFacts | None = None
    """The network that it came from, None where it came from elsewhere."""
    faulty_disk: FaultyDiskFacts | None = None
    """The disk that it came from where that was made to fail, None elsewhere."""
    post_mortem: PostMortem | None = None
    """The machine as the boot has left it, None where nobody looked."""
    recorded: Recorded | None = None
    """What its recording has told, None where none was kept."""

    def __repr__(self) -> str:
        return f"<BootTrace of {self.source} by {self.route}: {self.ending.kind}>"

    def with_missing(self, *sentences: str) -> "BootTrace":
        """Return the trace with more of what the post-mortem could not have."""
        seen = self.post_mortem
        if seen is None or not sentences:
            return self
        return replace(self, post_mortem=replace(seen, missing=(*seen.missing, *sentences)))

    def instead_of(self, before: "BootTrace") -> "BootTrace":
        """Return the trace with a note of the machine that was chosen wrongly before."""
        if self.machine is None or before.machine is None:
            return self
        return replace(self, machine=replace(self.machine, instead_of=before.machine.qemu))

    @property
    def timed(self) -> bool:
        """Whether its times mean something: a predictor has no clock."""
        return self.tracer != "emulator"

    @property
    def ended_after(self) -> str:
        """When the boot ended, to go into a sentence: `` 0.51 s after launch``."""
        return f" {self.ending.seconds:.2f} s after launch" if self.timed else ""

    @property
    def run_status(self) -> int | None:
        """The exit status of the command that was run in the guest, None where it has none."""
        if self.run is None or self.marker is None:
            return None
        said = self.marker.line.rpartition(" ")[2]
        return int(said) if said.isdecimal() else None

    @property
    def run_said(self) -> str:
        """What the command has written, as far as it came."""
        found = _RUN_SAID.search(self.serial)
        return found[2] if found else ""

    @property
    def goal(self) -> str:
        """What it had to come to, to go into a sentence: a milestone, or a pattern in quotes."""
        if self.run is not None:
            return f"the end of {self.run!r}"
        if self.until_screen is not None:
            return repr(self.until_screen)
        return repr(self.until) if is_pattern(self.until) else self.until

    def milestone(self, name: str) -> Milestone | None:
        """Return a milestone, None when the boot did not reach it."""
        return next((point for point in self.milestones if point.name == name), None)

    def reached(self, name: str) -> bool:
        """Return whether the boot reached a milestone."""
        return self.milestone(name) is not None

    @property
    def kernel_spoke(self) -> bool:
        """Whether a kernel, or what it runs, was heard: with its banner, or by other words."""
        heard = self.heard
        return self.reached("banner") or bool(heard and (heard.release or heard.on))

    @property
    def kernel_runs(self) -> bool:
        """Whether a kernel was heard, or the CPU was seen where only a kernel's can be."""
        return self.kernel_spoke or any(sample.in_kernel for sample in self.samples)

    @property
    def seen_in_kernel(self) -> tuple[CpuSample, ...]:
        """The samples of the CPU in which nobody else can have had it.

        No boot program of a BIOS has its memory in pages: who has, behind a kernel that came over
        the network, is that, wherever it has put itself.
        """
        files = self.network.files if self.network and self.network.firmware == "bios" else ()
        came = any(each.role == "kernel" and each.outcome == "served" for each in files)
        return tuple(
            each
            for each in self.samples
            if each.in_kernel or each.in_userspace or (came and each.mode in ("paged", "long"))
        )

    @property
    def last_milestone(self) -> str:
        """How far it had come, to go into a sentence: ``the last milestone was banner``."""
        if not self.milestones:
            return "no milestone was reached"
        return f"the last milestone was {self.milestones[-1].name}"

    @property
    def loader_calls(self) -> tuple[BiosCall, ...]:
        """The calls that the loader made: neither the BIOS's own nor the kernel's."""
        before = self.bios_calls[: self.handoff.calls] if self.handoff else self.bios_calls
        return tuple(call for call in before if not call.from_bios)

    @cached_property
    def block_moves(self) -> tuple[BlockMove, ...]:
        """Every INT 15h AH=87h, in order."""
        bios = (self.machine and self.machine.bios) or "seabios"
        handed_off = self.handoff is not None
        return tuple(block_moves(self.bios_calls, handed_off=handed_off, bios=bios))

    @property
    def brought(self) -> bool:
        """Whether somebody brought all that was booted, and a kernel is whatever ran of it."""
        facts = self.network
        from_others = facts is not None and facts.brought
        return from_others or (self.disk is not None and self.loader is None)

    @property
    def managed(self) -> bool:
        """Whether a boot manager was at work, which finds its kernel by itself."""
        if self.disk is None and self.loader is None and self.network is None:
            # a real machine boots what is on its disk, of which nobody has said what it is
            return self.tracer == "recorder" and not self.host.can_show("registers")
        return self.brought or (self.loader is not None and self.loader.manager)

    @property
    def loads_itself(self) -> bool:
        """Whether the kernel's own boot sector loads it, as on a floppy of memtest86+: what the
        boot protocol wants of a loader is wanted of nobody then."""
        if self.loader is not None or self.disk is None:
            return False
        return self.disk.kernel_lba == 0 or bool(self.handoff and self.handoff.in_boot_sector)

    @property
    def names_kernel(self) -> bool:
        """Whether its kernel is the one of this boot: it was asked for, or entered."""
        asked = not self.brought
        return asked or self.handed_off or bool(self.heard and self.heard.release)

    @property
    def a20_closed(self) -> bool:
        """Whether the A20 gate was closed when it mattered, or as the boot ended."""
        registers = self.post_mortem.registers if self.post_mortem else ""
        return self.a20_wrapped or "A20=0" in registers

    @property
    def load_address(self) -> int | None:
        """Where the protected-mode kernel belongs, linear: where the loader says that it has put
        it, or where a bzImage goes."""
        if self.kernel is None:
            return None
        seen = self.handoff.header if self.handoff else None
        return self.kernel.header.loaded_at(seen)

    @property
    def starts(self) -> tuple[int, ...]:
        """Where something begins in memory that is placed: the payload, then the initrd."""
        starts = []
        if self.kernel:
            starts.append(self.load_address or 0)
        if self.disk and self.disk.initrd_bytes and self.disk.initrd_address:
            starts.append(self.disk.initrd_address)
        return tuple(starts)

    @property
    def destinations(self) -> Iterator[tuple[BlockMove, int]]:
        """Each block move with the linear address that it should have gone to."""
        starts = self.starts
        payload_end = starts[0] + self.kernel.payload_bytes if self.kernel else None
        rule = Destinations(starts, payload_end)
        for move in self.block_moves:
            yield move, rule.wanted(move.destination, move.bytes)

    @property
    def placed_bytes(self) -> int:
        """How much of the protected-mode kernel was moved to where it belongs."""
        if self.kernel is None:
            return 0
        return max((done for _, done in placements(self.block_moves, self.kernel)), default=0)

    @property
    def handed_off(self) -> bool:
        """Whether a kernel was seen being entered, or a UEFI's boot services ending for one."""
        return self.handoff is not None or self.uefi_handoff is not None

    @property
    def placed_payload(self) -> Comparison | None:
        """The kernel in memory against its file, None where it was not compared."""
        handoff = self.handoff or self.uefi_handoff
        return handoff.payload if handoff else None

    @property
    def placed_initrd(self) -> Comparison | None:
        """The initrd in memory against its file, None where it was not compared."""
        handoff = self.handoff or self.uefi_handoff
        return handoff.initrd if handoff else None

    @property
    def _not_compared_by_uefi(self) -> str:
        """Why nothing is known of what a UEFI has brought into memory."""
        handoff = self.uefi_handoff
        if handoff is None:
            return "nobody saw the boot services end"
        if self.kernel is None:
            return "the file of the kernel is not known"
        if self.kernel.header.payload_length:
            return "the kernel was not found in memory as boot services ended"
        return "the kernel's header does not say where in it what is compressed is"

    @property
    def proof(self) -> Proof:
        """What was proven of the kernel's loading."""
        payload, why = self.placed_payload, None
        if payload is None:
            why = "nobody saw the kernel being entered"
            if self.machine and self.machine.firmware == "uefi":
                why = self._not_compared_by_uefi
            elif self.managed and not self.handoff and self.reached("banner"):
                why = "the kernel was entered past its setup code, where nobody looks"
            elif self.handoff and self.kernel is None:
                why = "the file of the kernel is not known"
            elif self.handoff and self.handoff.header is None:
                why = "what was entered has no setup header"
            elif self.handoff and self.disk and self.disk.filed:
                why = "its file system has the kernel in pieces that are not known"
            elif self.handoff:
                why = "what was entered has no setup header"
        elif not payload.compared_bytes:
            why = "the kernel's header does not say how large it is, for syssize is 0"
        initrd = True if self.network else None
        if self.disk and self.loader:
            initrd = self.disk.initrd_bytes is not None
        heard = self.heard or Heard()
        return Proof(
            self.handed_off,
            payload.compared_bytes if payload else 0,
            why,
            initrd,
            banner=heard.release or "",
            heard_on=heard.on,
            userspace=self.reached("init") and self.ending.kind == "reached",
            pieces=payload.pieces if payload else 0,
        )

    @property
    def screen(self) -> str:
        """What was written through INT 10h: by the BIOS, the loader and the setup code."""
        return screen_text(self.bios_calls)
