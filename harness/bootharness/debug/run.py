"""One debug run: the machine of a boot with gdb, until the person leaves."""

import shlex
import shutil
from pathlib import Path

from bootharness.debug.prepare import Prepared
from bootharness.debug.scene import DISK, GDB, NOT_REACHED
from bootharness.debug.terminal import in_terminal, until_interrupted
from bootharness.errors import UsageError
from bootharness.host.workspace import Workspace
from bootharness.machine.argv import GDB_SOCKET
from bootharness.machine.machine import Machine
from bootharness.machine.qemu import Qemu
from bootharness.text import printable

__all__ = ["debug"]

_COMMANDS = "command.txt"


def debug(prepared: Prepared, workspace: Workspace, view: str, keep: Path | None = None) -> None:
    """Start the machine, its CPU stopped before its first instruction, and gdb with it.

    ``view`` is ``plain``, ``tui``, ``emacs``, or ``attach`` for a gdb that somebody else
    starts; ``keep`` is a folder for all that gdb needs. Raises CouldNotFindOut when one of
    the programs cannot be run, and UsageError, once gdb is left, where it did not come to the first
    stop.
    """
    folder, scene = workspace.path, prepared.scene
    for place in (keep, folder) if keep else (folder,):
        _put_disk(prepared.image, place, ours=folder)
    device, tape = prepared.device, None
    if reel := prepared.reel:
        device, tape = reel.thread(workspace), reel.tape(workspace)
    tracer = "both" if tape else "gdb"
    with (
        Qemu(prepared.config, device, workspace, tracer=tracer, tape=tape) as qemu,
        Machine(qemu) as machine,
    ):
        if prepared.medium:
            prepared.medium.started(qemu.launched)
        wide = machine.qmp.execute("query-target")["arch"] == "x86_64"
        scene.write(folder, wide=wide)
        if keep:
            scene.write(keep, wide=wide)
            if not prepared.medium:
                (keep / _COMMANDS).write_text(f"{scene.commands(prepared.config)}\n")
        if view == "attach":
            until_interrupted(machine, _invitation(folder))
        else:
            in_terminal(machine, folder, view)
            if (why := folder / NOT_REACHED).exists():
                said = printable(why.read_text(errors="replace"))
                raise UsageError(f"--at {scene.place.name}: {said}")
    if keep and prepared.medium:
        print(f"kept in {keep}; the network is there only with bootharness")
    elif keep:
        print(f"kept in {keep}; there, without bootharness:\n{scene.commands(prepared.config)}")


def _put_disk(image: Path, place: Path, *, ours: Path) -> None:
    """Have a disk image in a folder: one that was made for this moves there, and a link to it is
    left where it was."""
    disk = place / DISK
    if disk.exists():
        return
    if image.parent == ours and not image.is_symlink():
        shutil.move(image, disk)
        image.symlink_to(disk.absolute())
    else:
        disk.symlink_to(image.absolute())


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
