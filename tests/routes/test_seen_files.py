"""What came of somebody's boot files: which of them was handed over as the initrd."""

import math
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.kernels.source import fetch
from bootharness.network.arrived import Arrived
from bootharness.network.file_tree import FileTree
from bootharness.routes.seen_files import SeenFiles
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile

KIND = NetEventKind
INITRD = b"070701" + bytes(1000)


@pytest.mark.parametrize(
    ("outcome", "came", "found"),
    [
        ("served", len(INITRD), True),
        ("open", len(INITRD), True),  # only its last acknowledgement is missing
        ("open", len(INITRD) - 1, False),
        ("aborted", len(INITRD), False),
    ],
)
def test_an_initrd_that_came_whole_is_known(
    tmp_path: Path, outcome: str, came: int, *, found: bool
) -> None:
    arrived = Arrived(tmp_path)
    file = arrived.begin("initrd")
    file.add(INITRD[:came])
    file.done = True
    header = replace(fetch("selfcheck:16").header, ramdisk_size=len(INITRD))
    told = NetFile("initrd", "tftp", "", len(INITRD), "", 1.0, 2.0, 500, outcome, role="initrd")
    initrd = SeenFiles(arrived).initrd([told], header)
    assert (initrd is not None) is found
    if initrd:
        assert initrd.content.read() == INITRD


PAGE = b"<html>login</html>"
MODULE = b"\x7fELF\2" + bytes(9000)
NO_MODULE, IS_PAGE = "is no module of SYSLINUX for a BIOS", "is a page of HTML"
PXE = b"\xfa" + b"http://syslinux.zytor.com/ PXELINUX" + bytes(3000)


@pytest.mark.parametrize(
    ("name", "content", "changes", "wrong"),
    [
        ("vmlinuz", PAGE, {"outcome": "served", "promised_bytes": 18}, IS_PAGE),
        ("vmlinuz", PAGE, {"outcome": "served"}, IS_PAGE),
        ("vmlinuz", PAGE, {"outcome": "served", "part": "512-529"}, ""),
        ("vmlinuz", PAGE, {"outcome": "open", "promised_bytes": 18}, IS_PAGE),
        ("vmlinuz", PAGE, {"outcome": "open", "file_bytes": 900}, ""),
        ("vmlinuz", PAGE, {"outcome": "aborted", "promised_bytes": 900, "file_bytes": 900}, ""),
        ("vmlinuz", b"", {"outcome": "aborted", "promised_bytes": 0}, "is empty"),
        ("vmlinuz", b"", {"outcome": "aborted"}, ""),
        ("a.c32", MODULE, {"outcome": "aborted", "promised_bytes": 99_999}, NO_MODULE),
        ("a.c32", MODULE[:4000], {"outcome": "aborted", "promised_bytes": 99_999}, ""),
        ("a.c32", MODULE, {"outcome": "aborted"}, ""),
        ("a.c32", MODULE, {"outcome": "ended", "promised_bytes": 99_999}, ""),
    ],
)
def test_what_servers_sent_is_wrong_once_enough_of_it_came(
    tmp_path: Path, name: str, content: bytes, changes: dict[str, object], wrong: str
) -> None:
    arrived, told = Arrived(tmp_path), []
    for each, data in (("pxelinux.0", PXE), (name, content)):
        file = arrived.begin(each)
        file.add(data)
        file.done = True
        told.append(NetFile(each, "tftp", "", len(data), "", 1.0, 2.0, len(data), "served"))
    known = SeenFiles(arrived).roles([told[0], replace(told[1], **changes)], ())
    assert known[0].flaw == ""
    assert known[1].flaw.startswith(wrong)
    assert bool(known[1].flaw) is bool(wrong)


BY_HTTP_BOOT, BY_PXE = "architecture 16, HTTPClient", "architecture 7, PXEClient"


@pytest.mark.parametrize(
    ("name", "outcome", "asked", "wrong"),
    [
        (
            "grub.0",
            "aborted",
            [BY_HTTP_BOOT],
            "is not called .efi, .iso, .img, as all is that a UEFI",
        ),
        ("GRUB.EFI?a=b.0", "aborted", [BY_HTTP_BOOT], ""),
        ("grub.0", "served", [BY_HTTP_BOOT], ""),
        ("grub.0", "aborted", [BY_PXE], ""),
        ("grub.0", "aborted", [BY_HTTP_BOOT, "architecture 16, HTTPClient, iPXE"], ""),
        ("grub.0", "aborted", [], ""),
        ("[x/grub.0", "aborted", [BY_HTTP_BOOT], "is not called .efi"),
    ],
)
def test_a_name_that_a_uefi_does_not_take_over_http_is_told(
    tmp_path: Path, name: str, outcome: str, asked: list[str], wrong: str
) -> None:
    told = NetFile(name, "http", "", 40_000, "", 2.0, 3.0, 1200, outcome, 40_000)
    url = f"http://192.168.77.2/{name}"
    events = [NetEvent(1.0 + at, KIND.DISCOVER, "", text=text) for at, text in enumerate(asked)]
    events += [NetEvent(1.5, KIND.ACK, "", url), NetEvent(9.0, KIND.DISCOVER, "", text=BY_PXE)]
    [known] = SeenFiles(Arrived(tmp_path)).roles([told], events)
    assert known.flaw.startswith(wrong)
    assert bool(known.flaw) is bool(wrong)


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        (b"#!ipxe\nsleep 5\nchain a || sleep 40\n", 45.0),
        (b"#!ipxe\nsleep ${delay}\n", math.inf),
        (b"#!ipxe\nset w 4\nset w:int32 6\nset v ${w}\nsleep ${v}\n", 6.0),
        (b"#!ipxe\nset w ${v}\nset v ${w}\nsleep ${v}\n", math.inf),
        (b"#!ipxe\nset t 5000\nisset ${t} || set t 7000\nchoose --timeout ${t} x ||\n", 7.0),
        (b"#!ipxe\nsync --timeout 3000\n", 3.0),
        (b"#!ipxe\nchain a ||\nprompt --timeout 6000 Press a key ||\nsleep 2\n", 8.0),
        (b"#!ipxe\nchoose -t 2500 -d linux chosen && goto ${chosen}\n", 2.5),
        (b"#!ipxe\nprompt Press a key\nset t --timeout 6000\n", 0.0),
        (b"#!ipxe\necho asleep 9\n:sleep 7x\nshell\n", 0.0),
        (b"sleep 5\n", 0.0),
    ],
)
def test_for_how_long_a_script_may_sleep_is_in_it(
    tmp_path: Path, script: bytes, seconds: float
) -> None:
    (tmp_path / "boot.ipxe").write_bytes(script)
    told = NetFile("boot.ipxe", "tftp", "", len(script), "", 1.0, 2.0, 9, "served", role="script")
    seen = SeenFiles(FileTree(tmp_path))
    assert seen.sleep_s([told]) == seconds
    assert seen.sleep_s([replace(told, role="kernel")]) == 0


@pytest.mark.parametrize(
    ("ip", "by"), [("10.0.2.77", "boot.ipxe"), ("10.0.2.7", ""), ("0.0.2.77", "")]
)
def test_who_names_an_address_that_nobody_has_is_found(tmp_path: Path, ip: str, by: str) -> None:
    (tmp_path / "boot.ipxe").write_bytes(b"#!ipxe\nchain http://10.0.2.77:80/x\n")
    told = NetFile("boot.ipxe", "tftp", "", 9, "", 1.0, 2.0, 9, "served", role="script")
    asked = NetEvent(3.0, NetEventKind.UNANSWERED_ARP, "", text=f"who has {ip}?")
    seen = SeenFiles(FileTree(tmp_path))
    assert seen.with_who_named([asked], [told]) == (replace(asked, file=by),)
