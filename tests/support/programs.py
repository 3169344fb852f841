"""Programs in place of QEMU and gdb: the real ones, with a small change."""

import shutil
from pathlib import Path

__all__ = ["GDB", "QEMU", "program", "qemu_with_first_disk", "qemu_with_read_errors"]

QEMU = "qemu-system-x86_64"
GDB = "gdb"


def program(folder: Path, name: str, script: str) -> str:
    """Write a shell script of a program's name and return its path.

    ``$real`` in it is the program that it stands for, and ``$0.pid`` a file that it may write,
    whoever it runs as.
    """
    pid = folder / f"{name}.pid"
    pid.touch()
    pid.chmod(0o666)
    path = folder / name
    path.write_text(f"#!/bin/sh\nreal={shutil.which(name)}\n{script}\n")
    path.chmod(0o755)
    return str(path)


def qemu_with_first_disk(folder: Path, mbr: bytes) -> str:
    """Return a QEMU whose first disk has this MBR; the harness's disk comes second."""
    disk = folder / "first.img"
    disk.write_bytes(mbr + bytes(1 << 20))
    return program(
        folder,
        QEMU,
        f"""for word; do
            case $word in *,bootindex=0) word=${{word%0}}1;; esac
            set -- "$@" "$word"
            shift
        done
        set -- "$@" -device ide-hd,drive=first,bus=ahci.1,bootindex=0
        first=file={disk},format=raw,if=none,snapshot=on
        case $* in *,rr=*)  # of another disk it is not on the tape when its requests are done
            set -- "$@" -drive "$first,id=image"
            first=driver=blkreplay,image=image,if=none;;
        esac
        exec $real "$@" -drive "$first,id=first\"""",
    )


def qemu_with_read_errors(folder: Path, lba: int, times: int | None) -> str:
    """Return a QEMU whose disk cannot read a sector, so many times or ever (None)."""
    once = "off" if times is None else "on"
    rule = f'[inject-error]\nevent = "none"\niotype = "read"\nsector = "{lba}"\nonce = "{once}"\n'
    rules = folder / "blkdebug"
    rules.write_text(rule * (times or 1))
    return program(
        folder,
        QEMU,
        f"""for word; do
            case $word in file=*) word=file=blkdebug:{rules}:${{word#file=}};; esac
            set -- "$@" "$word"
            shift
        done
        exec $real "$@\"""",
    )
