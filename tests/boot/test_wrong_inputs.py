"""Wrong inputs that people have met: one sentence names each, and the next step."""

import gzip
import shutil
from pathlib import Path

import pytest

from tests.support.builders import bzimage
from tests.support.processes import run

USAGE, UNKNOWN, BAD = 129, 125, 1


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what people give by mistake."""
    folder = tmp_path_factory.mktemp("given")
    kernel = bzimage(bytes(range(256)) * 100)
    (folder / "bzImage").write_bytes(kernel)
    (folder / "disk.img").write_bytes(bytes(510) + b"\x55\xaa" + bytes(512 * 100))
    (folder / "disk.qcow2").write_bytes(b"QFI\xfb" + bytes(2000))
    shutil.copy("/bin/sh", folder / "vmlinux")
    (folder / "Image").write_bytes(b"MZ".ljust(56, b"\0") + b"ARM\x64" + bytes(2000))
    (folder / "initrd.img").write_bytes(b"070701" + bytes(2000))
    (folder / "initrd.gz").write_bytes(gzip.compress(b"070701" + bytes(2000)))
    (folder / "stage.asm").write_text("bits 16\norg 0x7c00\n")
    (folder / "empty").touch()
    (folder / "notes").write_text("to do\n")
    (folder / "list.toml").write_text('kernels = "bzImage"\n')
    (folder / "typo.toml").write_text('kernels = ["selfcheck:16"]\nmemroy = [64]\n')
    (folder / "nobody.toml").write_text(
        'kernels = ["selfcheck:16"]\n[[expect]]\nkernel = "other*"\nresult = "bad"\n'
    )
    (folder / "cause.toml").write_text(
        'kernels = ["selfcheck:16"]\n[[expect]]\nresult = "destination-wraped"\n'
    )
    (folder / "gate.json").write_text('{"cells": []}\n')
    return folder


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        ("bot", USAGE, "bot: no such command: did you mean boot?"),
        ("boot --untill init x", USAGE, "no such option: --untill: did you mean --until?"),
        ("boot --memory x k", USAGE, "--memory takes a whole number of MiB from 2 up, not 'x'"),
        ("boot --timeout x k", USAGE, "--timeout takes a number of seconds from 0.1 up, not 'x'"),
        ("headroom --memory 9999 k", USAGE, "whole number of MiB from 4 to 3,072, not 9999"),
        ("hardware recorder install a b --baud x", USAGE, "--baud takes a whole number, not 'x'"),
        ("bisect a b --confidence 1", USAGE, "takes a number from 0.5, below 1, not 1.0"),
        ("boot bzImage --disk disk.img", USAGE, "a KERNEL, bzImage, and --disk disk.img: give one"),
        ("boot --disk bzImage", USAGE, "a Linux kernel, not a disk image: leave --disk out"),
        (
            "boot vmlinux",
            UNKNOWN,
            "vmlinux: an ELF file, as a vmlinux is: give the bzImage, arch/x86",
        ),
        ("boot Image", UNKNOWN, "Image: a Linux Image for arm64: a PC cannot boot it"),
        ("boot initrd.img", UNKNOWN, "as an initrd is: give it with --initrd, and a kernel"),
        ("boot initrd.gz", UNKNOWN, "compressed with gzip, and in it a cpio archive"),
        ("boot stage.asm", UNKNOWN, "a program in assembly language: give it with --loader"),
        ("boot empty", UNKNOWN, "empty: give a kernel that was built to its end"),
        ("boot notes", UNKNOWN, "notes: text: give a bzImage"),
        (
            "boot disk.qcow2",
            UNKNOWN,
            "disk.qcow2: QEMU's driver qcow2 does not read it: ",
        ),
        (
            "boot selfcheck:16 disk.img",
            UNKNOWN,
            "disk.img: a disk image: boot it with --route disk",
        ),
        ("boot --disk notes", USAGE, "notes: not a disk image: it has no sector to boot from"),
        ("boot --disk initrd.gz", UNKNOWN, "not a disk image, but compressed with gzip, and in it"),
        ("boot bzImage --and-disk disk.img", USAGE, "--and-disk disk.img: the route mbr makes no"),
        ("boot disk.img --as stick", USAGE, "'stick' is not one of 'auto', 'disk', 'cdrom'"),
        ("boot bzImage --initrd bzImage", USAGE, "--initrd bzImage: a Linux kernel, not an initrd"),
        ("boot bzImage --initrd disk.qcow2", USAGE, "disk.qcow2: a qcow2 image, not an initrd"),
        ("boot bzImage --loader bzImage", USAGE, "bzImage: a Linux kernel, not a loader: give it"),
        ("boot deb:linux-image-arm64:arm64", USAGE, "a PC boots amd64 or i386, not arm64"),
        ("boot bzImage --route pxelinx", USAGE, "route 'pxelinx': did you mean pxelinux?"),
        ("boot bzImage --nic e1000", USAGE, "--nic e1000: the route mbr makes no use of it"),
        (
            "boot bzImage --net ipxe --net-fault dro",
            USAGE,
            "network fault 'dro': did you mean drop?",
        ),
        ("boot bzImage --machine-type nope", USAGE, "has no such machine; `qemu-system-"),
        ("boot bzImage --qemu /bin/false", UNKNOWN, "launch-failed: false: QEMU does not answer"),
        ("console bzImage", USAGE, "console needs a terminal; `bootharness boot --verbose` does"),
        ("debug gate.json", USAGE, "gate.json: not a trace of a boot, as `boot --json` writes it"),
        ("debug bzImage --at moov:3", USAGE, "--at moov:3: neither a place"),
        ("explain destination", USAGE, "did you mean destination-wrapped"),
        ("explain nonsense-cause", USAGE, "no such cause: `bootharness explain` lists all"),
        ("gate vmlinux --history h.db", BAD, "not-a-kernel: vmlinux: an ELF file"),
        (
            "gate --matrix list.toml",
            USAGE,
            "list.toml: kernels: a list is wanted, and this is a text",
        ),
        ("gate --matrix typo.toml", USAGE, "typo.toml: memroy: did you mean memory_mib?"),
        (
            "gate --matrix nobody.toml",
            USAGE,
            "no boot of this gate is of a kernel that matches 'other*'",
        ),
        ("gate --matrix cause.toml", USAGE, "did you mean destination-wrapped?"),
        ("gate selfcheck:16 --route mbr,drect", USAGE, "route 'drect': did you mean direct?"),
        ("history none* --history none.db", USAGE, "none.db: there is no history yet"),
        ("factors gate.json", USAGE, "not what boot, gate or bisect --json writes"),
        ("bisect selfcheck:16", USAGE, "a good one and a bad one"),
        ("limit notes", USAGE, "notes: a flat binary has no symbols"),
        ("headroom notes", UNKNOWN, "notes: text: give a bzImage"),
        ("completion tcsh", USAGE, "'tcsh' is not one of"),
    ],
)
def test_wrong_input_is_one_sentence(
    files: Path, monkeypatch: pytest.MonkeyPatch, command: str, status: int, words: str
) -> None:
    monkeypatch.chdir(files)
    done = run(*command.split())
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == status, said
    assert words in said
    assert "Traceback" not in said
    if status == USAGE:
        assert done.stdout == ""
        assert done.stderr.startswith("bootharness: ")
        assert len(done.stderr.splitlines()) == 1
