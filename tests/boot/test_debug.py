"""A boot in gdb, walked through on a terminal as a person would."""

import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from harness.loader import Loader
from tests.boot.processes import COMMAND, environment, eventually, processes_with
from tests.builders import edited_stage1

PROMPT = r"\(gdb\) "
TOO_LARGE = "selfcheck:17000000"
GOOD = "deb:linux-image-cloud-amd64/bookworm"
# as gdb names what ndisasm names otherwise
GDB_NAMES = {"jc": "jb", "jnc": "jae", "jz": "je", "jnz": "jne"}
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9]|[=>])|[\r\x0f\x0e]")


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *argv: str, cwd: Path, **more: str) -> None:
        variables = environment(TERM="xterm", **more)
        self.child = pexpect.spawn(
            argv[0], list(argv[1:]), cwd=str(cwd), env=variables, dimensions=(50, 150),
            encoding="utf-8", codec_errors="replace", timeout=60,
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
    return edited_stage1(
        tmp_path, lambda text: re.sub(r"(destination_carry:.*\n).*\n", r"\1", text), "no-carry.asm"
    )


def debug(tmp_path: Path, *arguments: str) -> Terminal:
    return Terminal(*COMMAND, "debug", *arguments, cwd=tmp_path, TMPDIR=str(tmp_path / "t"))


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
    assert "stage1 () at no-carry.asm" in terminal.prompt()
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
    the_story(terminal, no_carry, tmp_path)
    terminal.leave()


def test_story_in_windows(tmp_path: Path, temporary: Path, no_carry: Loader) -> None:
    del temporary
    terminal = debug(tmp_path, TOO_LARGE, "--loader", no_carry.name, "--tui")
    the_story(terminal, no_carry, tmp_path)
    terminal.leave()


def test_story_in_a_gdb_of_ones_own(tmp_path: Path, temporary: Path, no_carry: Loader) -> None:
    del temporary
    harness = debug(tmp_path, TOO_LARGE, "--loader", no_carry.name, "--attach")
    harness.child.expect(r"cd (\S+) && (gdb [^\r\n]+)")
    folder, command = harness.child.match.groups()
    terminal = Terminal(*shlex.split(command), cwd=Path(folder))
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
    placed = terminal.ask("placed")
    terminal.leave()
    assert "real-mode kernel" in placed
