"""One debug run: the machine of a boot with gdb, until the person leaves."""

import shlex
from pathlib import Path

from bootharness.debug.prepare import Prepared
from bootharness.debug.scene import DISK, GDB
from bootharness.debug.terminal import in_terminal, until_interrupted
from bootharness.host.workspace import Workspace
from bootharness.machine.argv import GDB_SOCKET
from bootharness.machine.machine import Machine
from bootharness.machine.qemu import Qemu

__all__ = ["debug"]

_COMMANDS = "command.txt"


def debug(prepared: Prepared, workspace: Workspace, view: str, keep: Path | None = None) -> None:
    """Start the machine, its CPU stopped before its first instruction, and gdb with it.

    ``view`` is ``plain``, ``tui``, ``emacs``, or ``attach`` for a gdb that somebody else
    starts; ``keep`` is a folder for all that gdb needs. Raises CouldNotFindOut when one of
    the programs cannot be run.
    """
    folder, scene, image = workspace.path, prepared.scene, prepared.image
    if not (folder / DISK).exists():
        (folder / DISK).symlink_to(image.absolute())
    with Qemu(prepared.config, image, workspace, gdb=True) as qemu, Machine(qemu) as machine:
        wide = machine.qmp.execute("query-target")["arch"] == "x86_64"
        scene.write(folder, wide=wide)
        if keep:
            if not (keep / DISK).exists():
                (keep / DISK).symlink_to(image.absolute())
            scene.write(keep, wide=wide)
            (keep / _COMMANDS).write_text(f"{scene.commands(prepared.config)}\n")
        if view == "attach":
            until_interrupted(machine, _invitation(folder))
        else:
            in_terminal(machine, folder, view)
    if keep:
        print(f"kept in {keep}; there, without bootharness:\n{scene.commands(prepared.config)}")


def _invitation(folder: Path) -> str:
    return (
        "The machine waits before its first instruction. In another terminal:\n\n"
        f"  cd {shlex.quote(str(folder))} && {shlex.join(GDB)}\n\n"
        f"or in a client of your own:\n\n"
        f"  set tdesc filename {folder}/target-16.xml\n"
        f"  symbol-file {folder}/loader.elf\n"
        f"  target remote {folder}/{GDB_SOCKET}\n\n"
        "Ctrl-C here ends the machine."
    )
