"""What a guest says, and what a person types, against any text.

A guest's words may be anything, are read by many expressions, and must not take them long. Each
byte from 128 on stands for a piece of what is looked for.
"""

from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from time import process_time

from msgspec.structs import replace

from bootharness.bisection.build_log import why_failed
from bootharness.bisection.kconfig import config_text, declared, read_config
from bootharness.bisection.ranges import kernel_range
from bootharness.diagnosis import judge
from bootharness.errors import CouldNotFindOut, UsageError
from bootharness.gate.version import version_name, version_place
from bootharness.plan import BootPlan
from bootharness.plan.fault import Fault
from bootharness.plan.goal import check_until
from bootharness.plan.pattern import MOST_CHARACTERS, check_pattern
from bootharness.plan.prompt import KEYS, Prompt
from bootharness.report.terminal import print_result
from bootharness.runs.compiler import compiler_of, console_compiler
from bootharness.runs.picture import picture
from bootharness.runs.warnings import console_warnings
from bootharness.trace.boot_managers import complaint_of, last_lines, waits, waits_for_ever
from bootharness.trace.boot_trace import Ending
from bootharness.trace.heard import Heard
from bootharness.trace.lines import LINE_BYTES, Lines
from bootharness.trace.machine_facts import CpuSample, PostMortem
from bootharness.trace.signs import complaint, program_errors
from bootharness.watch.lookout import Lookout
from tests.support.fuzz_files import TRACE
from tests.support.fuzz_folder import fuzz_folder

__all__ = ["WORD_TARGETS", "word_seeds"]

# what a screen and a half of text takes of one expression that looks at everything twice
_SOON_S = 5.0
_PIECES = (
    "Linux version 6.1.0 (gcc (Debian 12.2.0-14) 12.2.0) #1 SMP\n", "[    0.000000] ",
    "Kernel panic - not syncing: ", "---[ end Kernel panic", "Command line: console=ttyS0",
    "Initramfs unpacking failed: ", "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable",
    "ALERT! ", " does not exist", "/dev/vda1", "error: ", "Warning: ", "ERROR: ", ":: ",
    "Failed to mount ", " as root file system", "requires a manual fsck", "No init found. ",
    "boot: ", "grub> ", "grub rescue>", "Press any key", "Automatic boot in 5", "not found",
    "failed",
    "Loading ", "... ", "L 99 99 99", "LILO - ", "PANIC: ", "https://", "Invalid or corrupt kernel",
    "X64 Exception Type - 0E", "Find image based on IP", "Rebooting in 5 seconds", "vga=791",
    "\r", "\n", "\r\n", "\b", "\b" * 300, " " * 300, "\t" * 100, "\x1b[", "\x1b[2J", "\x1b[5;5H",
    "\x1b[0m",
    "\x1b[" + "9" * 30, "\0", "\ufffd", "a" * 500, "a " * 300, "[" * 200, "(" * 200, "." * 200,
    "1.2.3-rc4", "6.", "-", "=>", "<enter>", "<", ">", "(a+)+", "|", "\\", "{9999}", "(?i)", "^",
    "$",
    "grow:", "selfcheck:", "..", "10", "_", ":", ",", "=", "rate=", "seconds=", "loss:", "stall:",
    "file=vmlinuz", "inf", "nan", "1e400", "9" * 4400, "CONFIG_A=y\n", "# CONFIG_B is not set\n",
    "config A\n\tbool\n", "menu \"x\"\n", "source \"Kconfig\"\n", "if A\n", "endif\n",
    "depends on A\n",
)  # fmt: skip


def _text(data: bytes) -> str:
    return "".join(
        chr(each) if each < 128 else _PIECES[(each - 128) % len(_PIECES)] for each in data[:400]
    )


def guest_words(data: bytes) -> None:
    """Judge boots whose serial line, screen or firmware says it, and take all we take from it."""
    text, began = _text(data), process_time()
    cpu = CpuSample(9.0, 0x7C00, 0, 0x7C00, "real", halted=False, interrupts=True)
    seen = PostMortem("running", cpu, "", 16, 0x7C00, "ebfe", text)
    for ending in ("timeout", "panic", "boot-manager", "idle"):
        for trace in (
            replace(TRACE, serial=text, until="login:", ending=Ending(ending, 9.0, text[:200])),
            replace(TRACE, post_mortem=seen, boot_screen=text, handoff=None, kernel=None,
                    ending=Ending(ending, 9.0), heard=Heard(release="6.1", on="screen")),
        ):  # fmt: skip
            judgement = judge(trace)
            assert "\x1b" not in judgement.summary
            print_result(trace, judgement, output=StringIO())
            picture(trace, judgement)
    compiler_of(console_compiler(text))
    for reads in (console_warnings, complaint, program_errors, complaint_of, waits,
                  waits_for_ever, last_lines):  # fmt: skip
        reads(text)
    took = process_time() - began
    assert took < _SOON_S, took


def guest_lines(data: bytes) -> None:
    """Find lines in pieces as in the whole, and patterns in lines alone."""
    text = _text(data).encode()
    cut = (data[0] if data else 0) % (len(text) + 1)
    whole, pieces = Lines(), Lines()
    lines = list(whole.feed(text))
    if len(text) < LINE_BYTES:
        assert [*pieces.feed(text[:cut]), *pieces.feed(text[cut:])] == lines
        assert pieces.open == whole.open
    lookout = Lookout.of(BootPlan(until="ab+", fail_on=("[1-9]+",), send=("boot:=>x", "o=>y")))
    found = [*lookout.heard(text[:cut], 1.0), *lookout.heard(text[cut:], 2.0)]
    found += lookout.rested(9.0)
    found += lookout.shown(_text(data), 9.5)
    for each in found:
        assert 0 <= each.at <= len(text)
        assert "\n" not in each.sighting.line
    assert len([each for each in found if each.prompt]) <= 2


def typed(data: bytes) -> None:
    """Take what a person types: patterns, goals, prompts, faults, sizes, releases."""
    text = _text(data)[:5000]
    with suppress(UsageError):
        check_until(text)
    with suppress(UsageError):
        check_pattern(text)
        assert len(text) <= MOST_CHARACTERS
    for prompt in (text, f"boot:=>{text}"):
        with suppress(UsageError):
            parsed = Prompt.parse(prompt)
            assert all(len(key) == 1 or key in KEYS or key[:5] == "ctrl-" for key in parsed.keys)
    for fault in (text, f"loss:{text}", f"stall:{text}"):
        with suppress(UsageError):
            told = Fault.parse(fault)
            assert Fault.parse(str(told)) == told
    for source in (text, f"selfcheck:{text}", f"grow:16..{text}"):
        with suppress(UsageError, CouldNotFindOut):
            kernel_range([source])
    if (place := version_place(text)) is not None:
        version_name(place[0])


def build_words(data: bytes) -> None:
    """Read what a build has said, and a kernel's configuration and its Kconfig."""
    path = fuzz_folder("words") / "Kconfig"
    path.write_bytes(_text(data).encode())
    why_failed(path)
    with suppress(UsageError):
        config_text(read_config(path))
    with suppress(UsageError):
        declared(fuzz_folder("words"))


WORD_TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (guest_words, guest_lines, typed, build_words)
}


def word_seeds() -> dict[str, bytes]:
    """Return something right for every target."""
    return {
        "guest_words": b"\x80\x81\x83\n\x85root=/dev/x\n",
        "guest_lines": b"abb\nboot: 12\x1b[H",
        "typed": b"login:=>root<enter>",
        "build_words": b"CONFIG_A=y\nmake: error: x\n",
    }
