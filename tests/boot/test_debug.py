"""A boot in gdb, walked through on a terminal as a person would."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pexpect
import pyte
import pytest

from bootharness.host.assembler import assemble_program
from bootharness.host.deadline import Deadline
from bootharness.kernels.source import fetch
from bootharness.routes.loader import ORIGIN, Loader
from tests.boot.test_loaders import foreign_asm
from tests.support.builders import no_carry as write_no_carry
from tests.support.processes import COMMAND, environment, eventually, processes_with, run

PROMPT = r"\(gdb\) "
TOO_LARGE = "selfcheck:17000000"
GOOD = "deb:linux-image-cloud-amd64/bookworm"
# as gdb names what ndisasm names otherwise
GDB_NAMES = {"jc": "jb", "jnc": "jae", "jz": "je", "jnz": "jne"}
WIDTH, HEIGHT = 150, 100
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9]|[=>])|[\r\x0f\x0e]")


def _interruptible() -> None:
    """Undo what a shell does to tests in the background, which have Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A program on a terminal of its own, as wide and as high as a screen."""

    KIND = "xterm"

    def __init__(self, *argv: str, cwd: Path, **more: str) -> None:
        variables = environment(TERM=self.KIND, **more)
        self.child = pexpect.spawn(
            argv[0], list(argv[1:]), cwd=str(cwd), env=variables, dimensions=(HEIGHT, WIDTH),
            encoding="utf-8", codec_errors="replace", timeout=60, preexec_fn=_interruptible,
        )  # fmt: skip

    def prompt(self) -> str:
        """Wait for gdb's prompt and return what came before it."""
        self.child.expect(PROMPT)
        return ESCAPES.sub("", str(self.child.before))

    def ask(self, command: str) -> str:
        """Give gdb a command and return what it says."""
        self.child.sendline(command)
        said = self.prompt()
        return said.partition("\n")[2] if command in said.partition("\n")[0] else said

    def leave(self) -> None:
        self.child.sendline("quit")
        self.child.expect(pexpect.EOF)


class Windows(Terminal):
    """gdb with its windows: what it says is what is then on the screen below them."""

    KIND = "linux"  # which pyte is

    def __init__(self, *argv: str, cwd: Path, **more: str) -> None:
        super().__init__(*argv, cwd=cwd, **more)
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self.stream = pyte.Stream(self.screen)
        self.child.logfile_read = self

    def write(self, text: str) -> None:
        self.stream.feed(text)

    def flush(self) -> None:
        """Nothing waits: what was written is on the screen."""

    def shows(self, pattern: str) -> str:
        """Wait until something is on the screen, and all has been drawn; return the picture."""
        deadline = Deadline.after(60)
        while True:
            with suppress(pexpect.TIMEOUT):
                self.child.expect(r".+", timeout=0.3)
                continue
            picture = self.picture()
            if re.search(pattern, picture):
                return picture
            assert not deadline.expired, picture

    def prompt(self) -> str:
        """Wait until gdb waits, as the last line below the windows shows."""
        return self.shows(r"(?m)^remote Thread(?:.*\n)*\(gdb\)\s*\Z").partition("PC:")[2]

    def ask(self, command: str) -> str:
        """Give gdb a command and return what is on the screen behind it."""
        self.child.sendline(command)
        return self.prompt().rpartition(f"(gdb) {command}")[2].rpartition("(gdb)")[0]

    def picture(self) -> str:
        """What a person sees."""
        return "\n".join(line.rstrip() for line in self.screen.display)


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """A folder for all temporary files; at the end it is empty, and nobody works in it."""
    folder = tmp_path / "t"
    folder.mkdir()
    yield folder
    eventually(lambda: processes_with(str(folder)))
    eventually(folder.iterdir)


@pytest.fixture
def no_carry(tmp_path: Path) -> Loader:
    return Loader.read(write_no_carry(tmp_path))


def debug(tmp_path: Path, *arguments: str, on: type[Terminal] = Terminal) -> Terminal:
    return on(*COMMAND, "debug", *arguments, cwd=tmp_path, TMPDIR=str(tmp_path / "t"))


def decoded(said: str) -> list[tuple[int, str]]:
    """Return address and mnemonic of what gdb has decoded."""
    found = re.findall(r"0x([0-9a-f]+)(?: <[^>]*>)?:\s+(?:data16 )?(\w+)", said)
    return [(int(at, 16), name) for at, name in found]


def by_ndisasm(binary: bytes, count: int, folder: Path) -> list[tuple[int, str]]:
    (folder / "binary").write_bytes(binary)
    said = subprocess.run(
        ["ndisasm", "-b16", "-o0x7c00", folder / "binary"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.split() for line in said.splitlines()][:count]
    return [(int(at, 16), GDB_NAMES.get(name, name)) for at, _, name, *_ in lines]


def the_story(terminal: Terminal, loader: Loader, folder: Path) -> None:
    """Walk from the loader's first instruction to the reset."""
    terminal.ask("set pagination off")
    terminal.ask("set disassembly-flavor intel")
    assert decoded(terminal.ask("x/25i $pc")) == by_ndisasm(loader.binary, 25, folder)
    for label in ("check_edd", "load_command_line", "read_disk"):
        assert re.search(rf"Breakpoint \d+, {label} \(\)", terminal.ask("continue")), label
    assert "block_move () at no-carry.asm" in terminal.ask("until-move 242")
    moves = terminal.ask("moves 2")
    assert re.search(r"^ +241 .* 0x0ff1e00 .* ffff001eff930000\s*$", moves, re.MULTILINE), moves
    assert re.search(
        r"^> +242 .* 0x0001c00 .* ffff001c00930000 .* goes on at 0x1001c00\s*$", moves, re.MULTILINE
    ), moves
    assert "0x020000 -> 0x001c00, 65024 bytes" in terminal.ask("bios")
    terminal.ask("delete")
    assert "has been reset" in terminal.ask("continue")
    assert "stopped it for good" in terminal.ask("continue")
    assert "cr0 0x11" in re.sub(" +", " ", terminal.ask("info registers cr0"))
    assert "242" in terminal.ask("moves")


def test_story_in_plain_gdb(tmp_path: Path, temporary: Path, no_carry: Loader) -> None:
    del temporary
    terminal = debug(tmp_path, TOO_LARGE, "--loader", no_carry.name)
    assert "stage1 () at no-carry.asm" in terminal.prompt()
    the_story(terminal, no_carry, tmp_path)
    terminal.leave()


@pytest.mark.long
def test_story_in_windows(tmp_path: Path, temporary: Path, no_carry: Loader) -> None:
    del temporary
    terminal = debug(tmp_path, TOO_LARGE, "--loader", no_carry.name, "--tui", on=Windows)
    assert isinstance(terminal, Windows)
    terminal.shows(r"h\+> +74 +xor +ax, ax ")
    terminal.shows(r"\beip +0x7c00 ")
    the_story(terminal, no_carry, tmp_path)
    terminal.leave()


@pytest.mark.long
def test_story_in_a_gdb_of_ones_own(tmp_path: Path, temporary: Path, no_carry: Loader) -> None:
    del temporary
    harness = debug(tmp_path, TOO_LARGE, "--loader", no_carry.name, "--attach")
    harness.child.expect(r"cd (\S+) && (gdb [^\r\n]+)")
    folder, command = harness.child.match.groups()
    terminal = Terminal(*shlex.split(command), cwd=Path(folder))
    assert "stage1 () at no-carry.asm" in terminal.prompt()
    the_story(terminal, no_carry, tmp_path)
    terminal.leave()
    harness.child.kill(signal.SIGINT)
    harness.child.expect(pexpect.EOF)
    harness.child.close()
    assert harness.child.exitstatus == 0


def test_decoding_follows_the_cpu(tmp_path: Path, temporary: Path) -> None:
    del temporary
    terminal = debug(tmp_path, GOOD)
    assert "stage1 () at stage1.asm" in terminal.prompt()
    assert "<stage1>:" in terminal.ask("x/i $pc")
    assert "1020:0000, linear 0x010200: real-mode kernel + 0x200" in terminal.ask("until-handoff")
    assert decoded(terminal.ask("x/i $linear")) == [(0x10200, "jmp")]
    # boot.rst: CLD and CLI are the same in every mode, what comes behind is not
    assert "0x100000: protected-mode kernel" in terminal.ask("until-address 0x100000")
    assert re.search(r"lea +0x1e8\(%esi\),%esp", terminal.ask("x/3i $pc"))
    assert "long mode" in terminal.ask("until-address 0x100200")
    assert re.search(r"xor +%eax,%eax\s.*\s.*mov +%eax,%ds", terminal.ask("x/4i $pc"))
    assert "0x100200" in terminal.ask("print $rip")
    terminal.leave()


def test_commands_know_what_gdb_does_not(tmp_path: Path, temporary: Path) -> None:
    del temporary
    terminal = debug(tmp_path, "selfcheck:200000", "--at", "move:1")
    terminal.prompt()
    table = terminal.ask("gdt")
    assert re.search(r"18 destination  ffff00fe10930000  base=0x10fe00 limit=0xffff data,rw", table)
    assert terminal.ask("gdt $es*16+$esi") == table
    assert "about to be made: INT 15h AH=87h block move(0x020000 -> 0x10fe00" in terminal.ask(
        "bios"
    )
    assert "= ok" in terminal.ask("bios next")
    assert "just made: INT 15h AH=87h" in terminal.ask("bios")
    assert "of 200,000 bytes equal the file, the first other at 0x11fc0" in terminal.ask("placed")
    assert "the loader <gdt>" in terminal.ask("seg $es:$si")
    assert "has been made already" in terminal.ask("until-move 0")
    assert "Usage: until-move NUMBER" in terminal.ask("help until-move")
    terminal.ask("until-handoff")
    header = terminal.ask("header")
    assert re.search(
        r"211 +loadflags +0x81 +LOADED_HIGH\|CAN_USE_HEAP +\(the file has 0x01\)", header
    )
    assert re.search(r"206 +version +0x020f", header)
    placed = terminal.ask("placed")
    for what in ("real-mode kernel", "protected-mode kernel", "initrd"):
        assert re.search(rf"{what} .* all [0-9,]+ bytes equal the file", placed), placed
    assert "1021:0000  real-mode kernel + 0x210" in terminal.ask("seg 1020:10")
    terminal.leave()


def test_stop_is_reached_from_the_trace_alone(
    tmp_path: Path, temporary: Path, no_carry: Loader
) -> None:
    """As after a failed run elsewhere: neither kernel nor loader nor disk image is here."""
    run("boot", TOO_LARGE, "--loader", tmp_path / no_carry.name, "--json", tmp_path / "here.json")
    trace = json.loads((tmp_path / "here.json").read_text())
    assert trace["cause"] == "destination-wrapped"
    trace["source"] = trace["kernel"]["source"] = "/builds/1/arch/x86/boot/bzImage"
    trace["loader"]["name"] = "/builds/1/mbr.asm"
    trace["machine"]["qemu"] = "/builds/qemu-system-i386"
    (tmp_path / "trace.json").write_text(json.dumps(trace))
    del temporary
    terminal = debug(tmp_path, "trace.json", "--qemu", "qemu-system-x86_64")
    said = terminal.prompt()
    assert "the kernel /builds/1/arch/x86/boot/bzImage is not here: a stand-in" in said
    assert "the source of the loader /builds/1/mbr.asm is not here" in said
    # it stops before the last move that was right, with labels and a source to look at
    assert re.search(r"block_move \(\) at listing\.asm:\d+\s.*0xcd, 0x15", said)
    assert re.search(r"^> +241 ", terminal.ask("moves"), re.MULTILINE)
    terminal.ask("until-move 242")
    assert "goes on at 0x1001c00" in terminal.ask("moves")
    terminal.leave()


def test_what_was_kept_does_without_us(tmp_path: Path, temporary: Path) -> None:
    terminal = debug(tmp_path, "selfcheck:200000", "--keep", "kept", "--at", "move:1")
    terminal.prompt()
    terminal.leave()
    said = ESCAPES.sub("", str(terminal.child.before))
    qemu, gdb = re.findall(r"^(qemu-system-\S+ .*|gdb .*)$", said, re.MULTILINE)
    kept = tmp_path / "kept"
    eventually(temporary.iterdir)
    assert f"{qemu}\n" in (kept / "command.txt").read_text()
    assert not processes_with(str(kept))
    nothing_of_us = {"PYTHONPATH": "", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        shlex.split(qemu),
        cwd=kept,
        env=nothing_of_us,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as machine:
        eventually(lambda: () if (kept / "gdb.sock").exists() else ("no socket",))
        child = Terminal(*shlex.split(gdb), cwd=kept)
        assert "block_move () at stage1.asm" in child.prompt()
        assert re.search(r"^> +1 ", child.ask("moves"), re.MULTILINE)
        child.leave()
        machine.kill()
    assert not (kept / "__pycache__").exists()


@pytest.mark.long
def test_loader_that_nobody_knows(tmp_path: Path, temporary: Path) -> None:
    """A disk image alone, with a loader that runs in a segment, where gdb does not know where
    it is: a boot before shows where its calls and its kernel are."""
    loader = foreign_asm(tmp_path)
    run("boot", "selfcheck:200000", "--loader", loader, "--keep", tmp_path / "kept")
    del temporary
    terminal = debug(tmp_path, "--disk", "kept/disk.img", "--at", "move:5")
    assert re.search(r"07c0:0053, linear 0x007c53: the loader\s+=> int +\$0x15", terminal.prompt())
    moves = terminal.ask("moves 2")
    assert re.search(r"^> +5  0x030000 -> 0x0128000  32,768 bytes", moves, re.MULTILINE), moves
    assert "07c0:00b8" in terminal.ask("continue")
    assert "07c0:0053" in terminal.ask("continue")
    assert re.search(r"^> +6 ", terminal.ask("moves"), re.MULTILINE)
    assert "9020:0000, linear 0x090200: real-mode kernel" in terminal.ask("until-handoff")
    assert "all 200,000 bytes equal the file" in terminal.ask("placed")
    terminal.leave()


def test_registers_can_be_written(tmp_path: Path, temporary: Path) -> None:
    """The description of the registers has more of them than QEMU, and numbers them otherwise."""
    del temporary
    terminal = debug(tmp_path, GOOD, "--at", "check_edd")
    terminal.prompt()
    before = terminal.ask("monitor info registers")
    terminal.ask("set var $ecx = 0x12345678")
    terminal.ask("set var $gs = 0x2000")
    assert "0x12345678" in terminal.ask("info registers ecx")
    after = re.sub("ECX=12345678", "ECX=00000000", terminal.ask("monitor info registers"))
    assert re.sub("(?m)^GS =2000 00020000.*", "", after) == re.sub("(?m)^GS =0000 .*", "", before)
    terminal.ask("until-address 0x100000")
    terminal.ask("set var $edi = 0x7654321")
    assert "EDI=07654321" in terminal.ask("monitor info registers")
    assert "32-bit code, protected mode, 0x100000" in terminal.ask("mode")
    terminal.leave()


def quit_gdb(terminal: Terminal) -> None:
    terminal.child.sendline("quit")


def end_input(terminal: Terminal) -> None:
    terminal.child.sendeof()


def interrupt_the_machine(terminal: Terminal) -> None:
    terminal.ask("delete")
    terminal.child.sendline("continue")
    temporary = terminal.child.env["TMPDIR"]
    (log,) = Path(temporary).glob("*/serial.log")
    eventually(lambda: () if "init reached" in log.read_text() else ("not there yet",))
    terminal.child.sendintr()
    terminal.prompt()
    end_input(terminal)


def close_the_terminal(terminal: Terminal) -> None:
    terminal.child.close(force=False)


def kill(terminal: Terminal) -> None:
    os.kill(terminal.child.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("leave", "view"),
    [
        (quit_gdb, "plain"),
        (end_input, "plain"),
        (interrupt_the_machine, "plain"),
        (close_the_terminal, "tui"),
        (kill, "tui"),
    ],
)
def test_nothing_is_left(
    tmp_path: Path, temporary: Path, leave: Callable[[Terminal], None], view: str
) -> None:
    terminal = debug(tmp_path, "selfcheck:100000", *(["--tui"] if view == "tui" else []))
    terminal.prompt()
    assert any("gdb" in each for each in processes_with(str(temporary)))
    leave(terminal)
    if not terminal.child.closed:
        terminal.child.expect(pexpect.EOF)


def test_interrupt_ends_attaching(tmp_path: Path, temporary: Path) -> None:
    terminal = debug(tmp_path, "selfcheck:100000", "--attach")
    terminal.child.expect("Ctrl-C here ends the machine")
    assert any("qemu" in each for each in processes_with(str(temporary)))
    terminal.child.sendintr()
    terminal.child.expect(pexpect.EOF)


def test_failing_test_is_opened_in_gdb(tmp_path: Path, temporary: Path, no_carry: Loader) -> None:
    del temporary
    (tmp_path / "test_boot.py").write_text(
        "def test_it(boot_judgement):\n    assert boot_judgement.verdict == 'good'\n"
    )
    terminal = Terminal(
        sys.executable, "-m", "pytest", "--kernel", TOO_LARGE, "--boot-loader", no_carry.name,
        "--boot-debug", "--basetemp", "left", "-p", "no:cacheprovider",
        cwd=tmp_path, TMPDIR=str(tmp_path / "t"),
    )  # fmt: skip
    assert "block_move () at no-carry.asm" in terminal.prompt()
    assert re.search(r"^> +241 ", terminal.ask("moves"), re.MULTILINE)
    terminal.leave()
    said = str(terminal.child.before)
    assert "bootharness debug" in said
    assert "1 failed" in said


PXELINUX = (
    "/usr/lib/PXELINUX/pxelinux.0",
    "/usr/lib/syslinux/modules/bios/ldlinux.c32",
)
OWN_NBP = """
        bits 16
start:  mov si, text
next:   lodsb
        test al, al
        jz done
        mov ah, 0x0e
        int 0x10
        jmp next
done:   cli
        hlt
text:   db "own program", 0
"""


@pytest.mark.long
def test_boot_program_from_a_network(tmp_path: Path, temporary: Path) -> None:
    """From its first instruction to the kernel's, with all that it has placed compared."""
    del temporary
    if not all(map(os.path.exists, PXELINUX)):
        pytest.skip("pxelinux is not installed")
    root = tmp_path / "root"
    (root / "pxelinux.cfg").mkdir(parents=True)
    for each in PXELINUX:
        shutil.copy(each, root)
    shutil.copyfile(fetch("selfcheck:100000").path, root / "vmlinuz")
    (root / "pxelinux.cfg/default").write_text("DEFAULT vmlinuz a=1\n")
    terminal = debug(tmp_path, "--net-root", str(root))
    assert re.search(r"7c00 +ljmp", terminal.prompt())
    placed = terminal.ask("placed")
    assert "0x007c00  all 512 bytes equal the file" in placed
    assert "no setup header in memory" in placed
    assert "real-mode kernel + 0x200," in terminal.ask("until-handoff")
    assert "0x100000  all 100,000 bytes equal the file" in terminal.ask("placed")
    terminal.leave()


@pytest.mark.long
def test_own_boot_program_has_its_symbols(tmp_path: Path, temporary: Path) -> None:
    """Where its ELF file is beside it."""
    del temporary
    (tmp_path / "own.asm").write_text(OWN_NBP)
    program, elf = assemble_program(tmp_path / "own.asm", origin=ORIGIN)
    root = tmp_path / "root"
    root.mkdir()
    (root / "own.0").write_bytes(program.binary)
    shutil.copyfile(elf, root / "own.elf")
    terminal = debug(tmp_path, "--net-root", str(root), "--bootfile", "own.0")
    assert "start () at own.asm:3" in terminal.prompt()
    assert re.search(
        r"Breakpoint \d+, done \(\)|Breakpoint \d+, next \(\)", terminal.ask("continue")
    )
    terminal.leave()


def test_what_the_card_loads_itself_has_no_boot_program(tmp_path: Path) -> None:
    shutil.copyfile(fetch("selfcheck:16000").path, tmp_path / "vmlinuz")
    (tmp_path / "boot.ipxe").write_text("#!ipxe\nkernel vmlinuz\nboot\n")
    done = run("debug", "--net-root", tmp_path)
    assert done.returncode == 129
    assert "the card's ROM itself loads the kernel" in done.stderr


def test_console_has_the_line_and_the_monitor(tmp_path: Path, temporary: Path) -> None:
    del temporary
    arguments = ("console", "selfcheck:100000")
    terminal = Terminal(*COMMAND, *arguments, cwd=tmp_path, TMPDIR=str(tmp_path / "t"))
    terminal.child.expect("Linux version selfcheck")
    terminal.child.expect("init reached")
    terminal.child.send("\x01c")
    terminal.child.expect(r"\(qemu\) ")
    terminal.child.sendline("info status")
    terminal.child.expect("VM status: running")
    terminal.child.send("\x01x")
    terminal.child.expect(pexpect.EOF)
    terminal.child.close()
    assert terminal.child.exitstatus == 0
    log = (tmp_path / "console-1.log").read_text()
    assert "Linux version selfcheck" in log
    assert "VM status: running" in log


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give a KERNEL, a TRACE.json, --disk with an image, or --net-root"),
        (("not-here.json",), "not-here.json: No such file"),
        (("some.json", "--memory", "64"), "--memory: the trace says how it was booted"),
        (("selfcheck:1600", "--kernel", __file__), "--kernel goes with a TRACE.json"),
        (("selfcheck:1600", "--tui"), "--tui needs a terminal"),
        (("selfcheck:1600", "--at", "handof"), "did you mean handoff"),
    ],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...], said: str) -> None:
    done = run("debug", *arguments)
    assert done.returncode == 129
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_console_without_a_terminal_says_so(tmp_path: Path, temporary: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "console", "selfcheck:100000"], stdin=subprocess.DEVNULL, cwd=tmp_path,
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 129
    assert "console needs a terminal" in done.stderr
    assert not [*tmp_path.glob("*.log")]
    assert not [*temporary.iterdir()]
