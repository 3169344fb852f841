"""The further ways of a network against any bytes: IPv6, answers of somebody's own, cards' ROMs,
the files and names of a folder, saved machines."""

import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from unittest.mock import patch

from bootharness.errors import FormatError, UsageError
from bootharness.formats.certificate import validity
from bootharness.formats.dhcp6 import SOLICIT, Dhcp6Message, Dhcp6Option, Lease
from bootharness.formats.ethernet import Datagram, mac_bytes
from bootharness.formats.grub_image import configurations_of
from bootharness.formats.ipv6 import Packet, link_local, udp6_frame
from bootharness.formats.pci_rom import pci_roms
from bootharness.machine import saved
from bootharness.network.answers import read_answers
from bootharness.network.boot_rule import BootRule
from bootharness.network.file_tree import FileTree
from bootharness.network.files import FileTable
from bootharness.network.flaw import flaw
from bootharness.network.program import program_kind
from bootharness.network.purpose import purpose
from bootharness.network.tcp import ACK, FIN, SYN, Segment
from bootharness.network.tcp_connection import TcpConnection
from bootharness.network.wire import SERVER6_ADDRESS, Wire
from tests.support.fuzz_files import garbled
from tests.support.fuzz_folder import fuzz_folder
from tests.support.netclient import NetClient
from tests.support.tcp_service import Service

__all__ = ["WAY_TARGETS", "way_seeds"]

_SERVER_MAC, _MAC = mac_bytes("52:55:0a:00:02:01"), mac_bytes("52:54:00:12:34:01")
_GUEST = SERVER6_ADDRESS[:15] + b"\x0f"
_TCP = 6
_MOST_FRAME = 70_000
_GRUB_OBJECTS = struct.pack("<4s4xQQ", b"mimg", 24, 1000)
_MOST_NAME = 1000
_MACHINE = saved.Saved(1.5, "0" * 64, ((1.0, b"frame", (b"answer",)),), (b"frame",), b"", 0.5)


def wire_of_both(data: bytes) -> None:
    """Put frames on a wire with IPv4 and IPv6: in front of each its length, and whether time passes
    before. Others are served all the same."""
    rules = (BootRule("boot.ipxe"),)
    guest = NetClient(Wire(FileTable({"boot.ipxe": b"#!ipxe\n"}), rules, ip="both", https=True))
    guest.wire.serve_http(guest.port, [], lambda *_: Service(b"content" * 1000))
    while data:
        size, later = int.from_bytes(data[:2], "big") & 0x7FF, data[0] >> 7
        guest.now += later
        out = guest.wire.tick(guest.now) if later else []
        for _, frame in out + guest.wire.receive(guest.port, data[2 : 2 + size], guest.now):
            assert len(frame) < _MOST_FRAME
        data = data[2 + size :]
    guest.now += 5
    assert guest.fetch("boot.ipxe") == b"#!ipxe\n"


def tcp_connection(data: bytes) -> None:
    """Send a connection any segments near those that it waits for, 8 bytes each: what goes out is
    what the service says, what is heard what the guest said, and in the end it ends."""
    own, begins, said = 0xFFFFFF00, 0xFFFFFE00, bytes(range(256)) * 40
    guest_said = bytes(range(255, -1, -1)) * 300
    service = Service(said, room=700, stays=bool(data[:1] < b"\x80"))
    made = TcpConnection(_tcp_segment(SYN, own, 0, 700), service, begins, 4)
    came, now = [made.accept(0.0)], 0.0
    for at in range(0, len(data) - 7, 8):
        flags, near, acked, window, size, how = struct.unpack_from(">BbhHBB", data, at)
        now += how / 64
        here = (len(service.heard) + near) if flags & 1 else near
        payload = guest_said[max(here, 0) : max(here, 0) + size] if how & 1 else b""
        number = own + 1 + max(here, 0)
        acked += made.acked if flags & 32 else made.sent
        each = _tcp_segment(
            flags & 0x17 & ~(flags >> 3), number, begins + 1 + acked, window, payload
        )
        came += [*made.take(each, now), *made.due(now), *made.say(now)]
    for frame in came:
        sent = Segment.parse(frame)
        assert sent
        offset = (sent.sequence - begins - 1) & 0xFFFFFFFF
        assert said[offset : offset + sent.size] == sent.payload
    assert guest_said.startswith(service.heard)
    service.stays = False
    for _ in range(400):
        now += 1.1
        end = own + 1 + len(service.heard) + made._guest_ended
        number = begins + 1 + made.sent + made._end_sent
        flags = ACK if made._guest_ended else ACK | FIN
        answer = _tcp_segment(flags, end, number, 700)
        for _ in (*made.take(answer, now), *made.due(now), *made.say(now)):
            pass
    assert made.over
    assert service.closed


def _tcp_segment(
    flags: int, sequence: int, acknowledged: int, window: int, payload: bytes = b""
) -> Segment:
    return Segment(
        _SERVER_MAC, _MAC, bytes(4), bytes(4), 5000, 80, sequence & 0xFFFFFFFF,
        acknowledged & 0xFFFFFFFF, flags, window, b"", payload,
    )  # fmt: skip


def answers(data: bytes) -> None:
    """Read bytes as a table of answers."""
    with tempfile.NamedTemporaryFile() as file, suppress(UsageError):
        file.write(data)
        file.flush()
        assert read_answers(Path(file.name)).rules


def card_rom(data: bytes) -> None:
    """Read bytes as the ROM of a card."""
    for each in pci_roms(data):
        assert str(each)


def certificate(data: bytes) -> None:
    """Read bytes as a certificate in DER."""
    with suppress(FormatError):
        validity(data)


def grub_program(data: bytes) -> None:
    """Look for the configurations of a GRUB in bytes, and in a program that has them built in."""
    for program in (data, b"mimg" + data, b"code" + _GRUB_OBJECTS + data):
        for each in configurations_of(program, "\\EFI"):
            assert len(each) < _MOST_NAME


def boot_files(data: bytes) -> None:
    """Look at bytes as at a file that was asked for, whatever it is called."""
    pe = b"MZ".ljust(0x3C, b"\0") + b"\x40\0\0\0PE\0\0" + data
    for head in (data, pe, b"\x7fELF" + data):
        kind = program_kind(head)
        for name in ("vmlinuz", "menu.c32", "boot.cfg"):
            role = purpose(name, head, named=("vmlinuz",), after_kernel=True)
            flaw(name, role, head, len(head), kind)


@cache
def _tree() -> FileTree:
    folder = fuzz_folder("tree")
    (folder / "sub").mkdir()
    (folder / "sub" / "Vmlinuz").write_bytes(b"kernel")
    (folder / "out").symlink_to("/etc")
    (folder / "round").symlink_to("round")
    return FileTree(folder)


def tree_names(data: bytes) -> None:
    """Ask a folder for any name, by TFTP too: what is found is in it."""
    tree, text = _tree(), data.decode("latin-1")
    for name in (text, f"sub/{text}", f"out/{text}", data.decode("utf-8", "surrogateescape")):
        found = tree.find(name)
        assert found is None or tree.path(found) == tree.root / "sub" / "Vmlinuz"
        assert "kernel" not in tree.why_not(name)
    guest = NetClient(Wire(tree, (BootRule("sub/Vmlinuz"),)))
    guest.udp(69, b"\0\1" + data + b"\0octet\0")
    assert all(event.text.isprintable() for event in guest.wire.events(guest.port))


def saved_machine(data: bytes) -> None:
    """Read what was known of a saved machine."""
    head = BytesIO()
    _MACHINE.write(head)
    with tempfile.TemporaryDirectory() as folder, patch.object(saved, "intact", return_value=True):
        for content in (data, garbled(head.getvalue(), Random(data))):
            path = Path(folder) / "machine"
            path.write_bytes(content)
            if found := saved.SavedMachine.at(path):
                found.file.close()


WAY_TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        wire_of_both,
        tcp_connection,
        answers,
        card_rom,
        certificate,
        grub_program,
        boot_files,
        tree_names,
        saved_machine,
    )
}


def way_seeds() -> dict[str, bytes]:
    """Return something right for every target."""
    asked = Dhcp6Message(
        SOLICIT, b"abc", _MAC,
        {Dhcp6Option.ASSOCIATION: Lease(bytes(16), 7, 0).build(), Dhcp6Option.ARCHITECTURE: b"\0\7",
         Dhcp6Option.USER_CLASS: b"\0\4iPXE", Dhcp6Option.VENDOR_CLASS: b"\0\0\1\x57\0\3abc"},
    )  # fmt: skip
    frames = [
        _udp(link_local(_MAC), 546, 547, asked.build()),
        _udp(_GUEST, 2000, 53, b"\0\1\1\0\0\1\0\0\0\0\0\0\1a\3org\0\0\x1c\0\1"),
        _udp(_GUEST, 2000, 69, b"\0\1boot.ipxe\0octet\0blksize\x001468\0"),
        _packet(58, b"\x87\0\0\0\0\0\0\0" + SERVER6_ADDRESS),
        _packet(58, b"\x85\0\0\0\0\0\0\0"),
        _packet(_TCP, b"\x13\x88\0\x50" + bytes(8) + b"\x60\2\xff\xff\0\0\0\0\2\4\5\xb4"),
    ]
    machine = BytesIO()
    _MACHINE.write(machine)
    return {
        "certificate": bytes.fromhex(
            "302c 302a 0201 01 3000 3000 301e 170d 3235303130313030303030305a"
            "170d 3335303130313030303030305a"
        ),
        "grub_program": (struct.pack("<II", 3, 20) + b"/boot/grub\0\0"
        + struct.pack("<II", 2, 40) + b"configfile $prefix/grub.cfg\0").ljust(1100, b"\0"),
        "boot_files": b"\x64\x86\1\0",
        "tree_names": b"sub/../sub/vmlinuz",
        "saved_machine": machine.getvalue(),
        "tcp_connection": b"".join(
            struct.pack(">BbhHBB", *each)
            for each in ((0x10, 0, 0, 700, 0, 0), (0x11, 0, 0, 9, 99, 1), (0x11, 0, 0, 700, 0, 16))
        ),
        "wire_of_both": b"".join(len(each).to_bytes(2, "big") + each for each in frames),
        "answers": b'[[answer]]\narchitecture = "x86 bios"\nmac = "52:54:00:00:00:01"\n'
        b'bootfile = "a"\noptions = { 66 = "a", 175 = "hex:b00101", 6 = "10.0.2.1" }\n'
        b'[redirects]\n"/a" = "/b"\n',
        "card_rom": b"\x55\xaa\1" + bytes(21) + b"\x1c\0\0\0PCIR\xf4\x1a\x41\x10" + bytes(12)
        + b"\1\0\0\x80\0\0".ljust(600, b"\0"),
    }  # fmt: skip


def _udp(source: bytes, source_port: int, port: int, data: bytes) -> bytes:
    flow = Datagram(_MAC, _SERVER_MAC, source, SERVER6_ADDRESS, source_port, port, b"")
    return udp6_frame(flow, data)


def _packet(protocol: int, data: bytes) -> bytes:
    return Packet(_SERVER_MAC, _MAC, protocol, _GUEST, SERVER6_ADDRESS, data).build()
