"""Completion: what is offered, and that shells take what is printed for them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.support.processes import COMMAND, environment


def offered(line: str) -> list[str]:
    """Return what may stand where a line ends, as bash is told."""
    words = line.split(" ")
    done = subprocess.run(
        COMMAND,
        env=environment(
            _BOOTHARNESS_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)
        ),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return [each.partition(",")[2] for each in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("bootharness bo", ["boot"]),
        ("bootharness boot --ro", ["--route"]),
        ("bootharness boot --route px", ["pxelinux"]),
        ("bootharness gate --route mbr,dir", ["mbr,direct"]),
        ("bootharness gate di", ["diff"]),
        ("bootharness gate de", ["deb:"]),
        ("bootharness boot --until pro", ["protected-mode"]),
        ("bootharness boot --firmware bios,uefi-", ["bios,uefi-secure"]),
        ("bootharness boot --net-fault stal", ["stall:"]),
        ("bootharness boot --disk-fault va", ["vanish:"]),
        ("bootharness boot --disk-fault error:lba=7,t", ["error:lba=7,times="]),
        ("bootharness boot --net-fault stall:file=vmlinuz,bl", ["stall:file=vmlinuz,block="]),
        ("bootharness explain destination-w", ["destination-wrapped"]),
        ("bootharness factors --cause a20", ["a20-closed"]),
        ("bootharness debug --at last", ["last-good-move"]),
        ("bootharness bisect to", ["toolchains"]),
        ("bootharness bisect co", ["config"]),
        ("bootharness bisect config --tree", ["--tree"]),
        ("bootharness bisect git --im", ["--image"]),
        ("bootharness boot de", ["deb:"]),
        ("bootharness boot ./build", ["./build"]),
        ("bootharness completion z", ["zsh"]),
    ],
)
def test_what_may_come_next_is_offered(line: str, names: list[str]) -> None:
    assert offered(line) == names


def test_real_machines_are_offered_beside_qemu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "machines.toml"
    monkeypatch.setenv("BOOTHARNESS_MACHINES", str(file))
    assert offered("bootharness boot --host ") == ["qemu"]
    file.write_text('[apu2]\nline = "tcp:127.0.0.1:9"\nplug = "tasmota:http://127.0.0.1:9/"\n')
    assert offered("bootharness boot --host ") == ["qemu", "apu2"]
    assert offered("bootharness bisect --host a") == ["apu2"]
    assert offered("bootharness hardware boot a") == ["apu2"]


LOAD = {
    "bash": ("--norc --noprofile", 'eval "$(bootharness completion bash)"'),
    "zsh": ("-f", 'autoload -U compinit; compinit -u; eval "$(bootharness completion zsh)"'),
    "fish": ("--no-config", "bootharness completion fish | source"),
}


@pytest.mark.parametrize("shell", LOAD)
def test_shell_completes_a_cause(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    options, load = LOAD[shell]
    command = tmp_path / "bootharness"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bootharness "$@"\n')
    command.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    at_home = environment(PATH=path, HOME=str(tmp_path), TERM="dumb", PS1="> ")
    typing = pexpect.spawn(
        shell, options.split(), env=at_home, encoding="utf-8", timeout=30, dimensions=(40, 150)
    )
    try:
        typing.sendline(f"{load}; echo loa''ded")
        typing.expect("loaded")
        typing.send("bootharness explain destination-w\t")
        typing.expect("destination-wrapped")
    finally:
        typing.close(force=True)
