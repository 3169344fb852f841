"""UEFI device paths as text (UEFI specification 2.10, 10.3 and 10.6)."""

import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

__all__ = ["device_path_text", "path_and_rest"]

_NODE = struct.Struct("<BBH")
_END_TYPE = 0x7F
_MOST_NODES = 64
_HARDWARE, _ACPI, _MESSAGING, _MEDIA = 1, 2, 3, 4
_PNP = 0x41D0
_FORMS = {1: "MBR", 2: "GPT"}
_ROOTS = {0x0A03: "PciRoot", 0x0A08: "PcieRoot", 0x0604: "Floppy"}


def path_and_rest(data: bytes) -> tuple[str, bytes]:
    """Return the text of the device path that bytes begin with, and what comes behind it."""
    nodes, at = _nodes(data)
    return "/".join(nodes), data[at:]


def device_path_text(data: bytes) -> str:
    """Return the text of a device path, one that is cut short or damaged as far as it goes."""
    return path_and_rest(data)[0]


def _nodes(data: bytes) -> tuple[list[str], int]:
    found: list[str] = []
    at = 0
    while len(data) - at >= _NODE.size and len(found) < _MOST_NODES:
        kind, sub, size = _NODE.unpack_from(data, at)
        if size < _NODE.size or at + size > len(data):
            return found, len(data)
        body = data[at + _NODE.size : at + size]
        at += size
        if kind == _END_TYPE:
            break
        found.append(_text(kind, sub, body))
    return found, at


def _text(kind: int, sub: int, body: bytes) -> str:
    told = _KNOWN.get((kind, sub))
    try:
        return told(body) if told else f"Path({kind},{sub})"
    except (struct.error, ValueError):
        return f"Path({kind},{sub})"


def _acpi(body: bytes) -> str:
    hid, uid = struct.unpack_from("<II", body)
    name = _ROOTS.get(hid >> 16) if hid & 0xFFFF == _PNP else None
    return f"{name}({uid:#x})" if name else f"Acpi({hid:#010x},{uid:#x})"


def _numbers(name: str, layout: str, *shown: int) -> Callable[[bytes], str]:
    def text(body: bytes) -> str:
        values = struct.unpack_from(layout, body)
        return f"{name}({','.join(f'{values[index]:#x}' for index in shown)})"

    return text


def _partition(body: bytes) -> str:
    number, start, size, form = struct.unpack_from("<IQQ16xB", body)
    return f"HD({number},{_FORMS.get(form, form)},{start:#x},{size:#x})"


def _file(body: bytes) -> str:
    return body.decode("utf-16-le", "replace").partition("\0")[0]


def _guid(name: str) -> Callable[[bytes], str]:
    def text(body: bytes) -> str:
        one, two, three = struct.unpack_from("<IHH", body)
        rest = body[8:16].hex().upper()
        return f"{name}({one:08X}-{two:04X}-{three:04X}-{rest[:4]}-{rest[4:]})"

    return text


def _mac(body: bytes) -> str:
    return f"MAC({body[:6].hex()})"


def _ipv4(body: bytes) -> str:
    return f"IPv4({IPv4Address(body[4:8])})"


def _ipv6(body: bytes) -> str:
    return f"IPv6({IPv6Address(body[16:32])})"


def _uri(body: bytes) -> str:
    return f"Uri({body.decode('ascii', 'replace')})"


_KNOWN: dict[tuple[int, int], Callable[[bytes], str]] = {
    (_HARDWARE, 1): _numbers("Pci", "<BB", 1, 0),
    (_ACPI, 1): _acpi,
    (_MESSAGING, 1): _numbers("Ata", "<BBH", 0, 1, 2),
    (_MESSAGING, 2): _numbers("Scsi", "<HH", 0, 1),
    (_MESSAGING, 5): _numbers("USB", "<BB", 0, 1),
    (_MESSAGING, 11): _mac,
    (_MESSAGING, 12): _ipv4,
    (_MESSAGING, 13): _ipv6,
    (_MESSAGING, 17): _numbers("Unit", "<B", 0),
    (_MESSAGING, 18): _numbers("Sata", "<HHH", 0, 1, 2),
    (_MESSAGING, 23): _numbers("NVMe", "<I", 0),
    (_MESSAGING, 24): _uri,
    (_MEDIA, 1): _partition,
    (_MEDIA, 2): _numbers("CDROM", "<I", 0),
    (_MEDIA, 3): _guid("VenMedia"),
    (_MEDIA, 4): _file,
    (_MEDIA, 6): _guid("FvFile"),
    (_MEDIA, 7): _guid("Fv"),
    (_MESSAGING, 10): _guid("VenMsg"),
    (_HARDWARE, 4): _guid("VenHw"),
    (_HARDWARE, 3): _numbers("MemoryMapped", "<IQQ", 1, 2),
    (_MEDIA, 8): _numbers("Offset", "<IQQ", 1, 2),
}
