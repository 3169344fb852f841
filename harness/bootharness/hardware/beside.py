"""A boot server beside others, on a network of theirs: the address that it has there."""

import select
import socket

from msgspec.structs import replace

from bootharness.errors import FormatError, UsageError
from bootharness.formats.ethernet import ARP, ArpMessage, ip_bytes, mac_text, parse_arp
from bootharness.host.deadline import Deadline
from bootharness.network.boot_rule import BootRule
from bootharness.network.files import FileTable
from bootharness.routes.net_image import NetImage
from bootharness.routes.net_paths import HTTP_URL

__all__ = ["at_address", "check_free"]

_NOBODY = bytes(4)
_TIMES, _ANSWERED_S = 3, 0.3
_FRAME_BYTES = 2048


def at_address(image: NetImage, host: str) -> NetImage:
    """Return an image whose files and rules name a server by another address than the wire's."""
    files = image.files
    assert isinstance(files, FileTable)
    script, url = image.roles.get("script"), f"http://{host}/"
    if script:
        text = files.contents[script].replace(HTTP_URL.encode(), url.encode())
        files = FileTable({**files.contents, script: text})
    rules = tuple(_at_url(each, url) for each in image.rules)
    return replace(image, files=files, rules=rules)


def _at_url(rule: BootRule, url: str) -> BootRule:
    return replace(rule, file=rule.file.replace(HTTP_URL, url))


def check_free(interface: str, host: str) -> None:
    """Raise UsageError where somebody has an address already, by probing for it (RFC 5227, 2.1).

    Raises OSError where the interface cannot be had.
    """
    where = f"proxy: {host} must be an address that nobody has"
    if _is_ours(host):
        raise UsageError(f"{where}, and this computer has it")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP)) as raw:
        raw.bind((interface, ARP))
        own = raw.getsockname()[4][:6]
        probe = ArpMessage(1, own, _NOBODY, bytes(6), ip_bytes(host)).build()
        for _ in range(_TIMES):
            raw.send(probe)
            if holder := _answered(raw, ip_bytes(host)):
                raise UsageError(f"{where}, and the card {mac_text(holder)} on {interface} has it")


def _is_ours(host: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.bind((host, 0))
        except OSError:
            return False
    return True


def _answered(raw: socket.socket, address: bytes) -> bytes | None:
    """Return whose an address is, None where nobody says so in time."""
    deadline = Deadline.after(_ANSWERED_S)
    while select.select([raw], [], [], deadline.remaining)[0]:
        try:
            said = parse_arp(raw.recv(_FRAME_BYTES))
        except FormatError:
            continue
        if said.sender_ip == address:
            return said.sender_mac
    return None
