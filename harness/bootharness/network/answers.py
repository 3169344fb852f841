"""The answers of a boot server that somebody describes, as a table in a file.

[[answer]]                      # the first that fits a client is what it is answered
user-class = "iPXE"
bootfile = "boot.ipxe"

[[answer]]
architecture = "x86-64 uefi"
bootfile = "ipxe.efi"
options = { 66 = "192.168.1.10", 175 = "hex:b00101" }

[redirects]                     # over HTTP
"/old/vmlinuz" = "/new/vmlinuz"
"""

import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.formats.ethernet import mac_bytes
from bootharness.host.toml import read_toml
from bootharness.network.boot_rule import BootRule
from bootharness.plan.dhcp_option import check_fit, dhcp_value
from bootharness.plan.guest_address import check_mac
from bootharness.text import hint

__all__ = ["ARCHITECTURES", "Answers", "read_answers"]

ARCHITECTURES = {
    "x86 bios": 0,
    "x86 uefi": 6,
    "x86-64 uefi": 7,
    "x86 uefi http": 15,
    "x86-64 uefi http": 16,
}
"""IANA's numbers of clients' architectures, for those that a PC has."""
_FILE_BYTES = 1 << 20
_MOST_TABLES = 1000
_MOST_NAME_BYTES = 127
_ARCHITECTURE_MOST = 0xFFFF


class Answers(Struct, frozen=True):
    """What clients are answered, in the order in which it is tried, and which URLs lead to
    others."""

    rules: tuple[BootRule, ...]
    redirects: Mapping[str, str] = {}


def read_answers(path: Path) -> Answers:
    """Read the answers in a file. Raises UsageError, naming file, table and field, for what is
    none."""
    table = read_toml(path, "a table of answers", most=_FILE_BYTES)
    for name in table:
        if name not in ("answer", "redirects"):
            raise UsageError(f"{path}: {name}: {hint(name, ('answer', 'redirects'))}")
    answers = table.get("answer", [])
    if not isinstance(answers, list) or not all(isinstance(each, dict) for each in answers):
        raise UsageError(f"{path}: answer: a list of tables is wanted, each begun by [[answer]]")
    if not answers or len(answers) > _MOST_TABLES:
        raise UsageError(
            f"{path}: it has {len(answers):,} tables [[answer]]: 1 to {_MOST_TABLES:,} are wanted"
        )
    rules = [_rule(each, f"{path}: table {number}") for number, each in enumerate(answers, 1)]
    return Answers(tuple(rules), _redirects(table.get("redirects", {}), path))


def _rule(table: dict[str, Any], where: str) -> BootRule:
    values: dict[str, Any] = {"file": ""}
    for name, value in table.items():
        if name not in _FIELDS:
            raise UsageError(f"{where}: {name}: {hint(name, _FIELDS)}")
        field, read = _FIELDS[name]
        try:
            values[field] = read(value)
        except UsageError as error:
            raise UsageError(f"{where}: {name} {error}") from None
    return BootRule(**values)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{value!r}: a text is wanted")
    return value


def _name(value: Any) -> str:
    if len(_text(value).encode()) > _MOST_NAME_BYTES:
        raise UsageError(f"has {len(value.encode()):,} bytes, and {_MOST_NAME_BYTES} fit")
    return _text(value)


def _architecture(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value <= _ARCHITECTURE_MOST:
            return value
    elif isinstance(value, str) and value in ARCHITECTURES:
        return ARCHITECTURES[value]
    known = ", ".join(f'"{each}"' for each in ARCHITECTURES)
    raise UsageError(f"{value!r}: a number is wanted, or one of {known}")


def _mac(value: Any) -> bytes:
    check_mac(_text(value))
    return mac_bytes(value)


def _address(value: Any) -> bytes:
    try:
        return ipaddress.IPv4Address(_text(value)).packed
    except ValueError:
        raise UsageError(f"{value!r}: an IPv4 address is wanted") from None


def _options(value: Any) -> dict[int, bytes]:
    if not isinstance(value, dict):
        raise UsageError('has to be a table, as { 66 = "boot.example.org" }')
    options = {}
    for number, text in value.items():
        if not number.isascii() or not number.isdecimal():
            raise UsageError(f"{number!r}: the number of an option is wanted")
        if not isinstance(text, str):
            raise UsageError(f"{number} = {text!r}: a text is wanted")
        options[int(number)] = dhcp_value(int(number), text)
    check_fit(options)
    return options


def _file_name(value: Any) -> str:
    return _text(value).lstrip("/")


_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "architecture": ("architecture", _architecture),
    "user-class": ("user_class", _text),
    "vendor-class": ("vendor_class", _text),
    "mac": ("mac", _mac),
    "after": ("after", _file_name),
    "bootfile": ("file", _name),
    "next-server": ("next_server", _address),
    "options": ("options", _options),
}


def _redirects(value: Any, path: Path) -> dict[str, str]:
    if not isinstance(value, dict):
        raise UsageError(f"{path}: redirects: a table is wanted")
    redirects = {}
    for name, target in value.items():
        if not isinstance(target, str) or not target.isprintable() or not target.isascii():
            raise UsageError(f"{path}: redirects: {name} = {target!r}: a URL or a path is wanted")
        redirects["/" + name.lstrip("/")] = target
    return redirects
