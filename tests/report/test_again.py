"""The command that boots the same again."""

import shlex
from dataclasses import replace
from pathlib import Path

from bootharness.cli.boot import command
from bootharness.plan import BootPlan, MachineConfig, NetPlan
from bootharness.report.again import again
from bootharness.trace.booted import LoaderFacts
from tests.support.traces import loading_trace

STAGE1 = LoaderFacts("stage1", "0" * 64, {})
TRACE = loading_trace(16, [], loader=STAGE1)
PLAIN = "bootharness boot kernel --until init"


def options(line: str) -> dict[str, object]:
    """What the command makes of it, without the defaults."""
    words = shlex.split(line)[2:]
    given = command.make_context("boot", list(words)).params
    usual = command.make_context("boot", ["kernel"]).params
    return {name: value for name, value in given.items() if value != usual[name]}


def test_defaults_are_left_out() -> None:
    assert again(TRACE, BootPlan()) == PLAIN
    assert again(TRACE, BootPlan(), "--keep", "a b") == f"{PLAIN} --keep 'a b'"


def test_everything_that_was_chosen(tmp_path: Path) -> None:
    initrd, loader = tmp_path / "my initrd", tmp_path / "loader.asm"
    initrd.touch()
    loader.touch()
    machine = MachineConfig("qemu-system-i386", "q35", 64, "nvme", "tcg")
    plan = BootPlan("setup", "both", "a=1 b='2'", initrd, machine, 7.5)
    line = again(replace(TRACE, loader=replace(STAGE1, name=str(loader))), plan)
    assert options(line) == {
        "loader": loader, "until": "setup", "tracer": "both", "cmdline": "a=1 b='2'",
        "initrd": initrd, "qemu": "qemu-system-i386", "machine_type": "q35", "memory": 64,
        "disk_interface": "nvme", "accelerator": "tcg", "timeout": 7.5,
    }  # fmt: skip


def test_network() -> None:
    trace = replace(TRACE, loader=None)
    plan = BootPlan(net=NetPlan("pxelinux", "e1000", ("drop:block=3", "dup")))
    assert options(again(trace, plan)) == {
        "until": "init", "net": "pxelinux", "nic": "e1000", "faults": ("drop:block=3", "dup"),
    }  # fmt: skip
    assert "--nic" not in again(trace, BootPlan(net=NetPlan("ipxe")))


def test_disk_that_somebody_brought_or_whose_loader_is_in_no_file(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.touch()
    assert TRACE.disk
    facts = replace(TRACE.disk, path=str(disk))
    for loader in (None, replace(STAGE1, name="made up")):
        line = again(replace(TRACE, loader=loader, disk=facts), BootPlan(until="banner"))
        assert line == f"bootharness boot --disk {disk} --until banner"
