"""machines.toml: the real machines that a person has, one table for each."""

import ipaddress
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import fields

from bootharness.errors import UsageError
from bootharness.hardware.heard_line import FIRMWARE
from bootharness.hardware.lines import check_line
from bootharness.hardware.plugs import check_plug
from bootharness.hardware.recorder_forms import divisor
from bootharness.hardware.tty_line import speed_of
from bootharness.host.toml import read_toml
from bootharness.text import hint, plainly

__all__ = [
    "MACHINES_FILE", "HardwareMachine", "machine_named", "machines_file", "named", "read_machines",
]  # fmt: skip

MACHINES_FILE = "machines.toml"
_FILE_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")
_MAC = re.compile(r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}")
_FIRST_GROUP = 224
_INTERFACE = re.compile(r"[^\s/]{1,15}")
_Seconds = Annotated[float, Meta(ge=0, le=600)]


class HardwareMachine(Struct, frozen=True, forbid_unknown_fields=True):
    """One machine: how to hear it, how to switch it, and how it boots. Where its plug measures, it
    is off when it draws no more than ``off_watts``.

    ``wire`` is the interface of this computer on which it boots from the network by its card
    ``mac``; where others give the addresses there, ``proxy`` is one that nobody has, under which
    boot files are served. ``banner`` is a pattern in what its firmware says first, and ``recorder``
    how the recorder gets in front of a disk: by the wire, or ``mbr`` where it is on the disk
    already.
    """

    name: str
    line: str
    plug: str
    baud: Annotated[int, Meta(ge=50, le=4_000_000)] = 115_200
    off_seconds: _Seconds = 2.0
    off_watts: Annotated[float, Meta(ge=0, le=1000)] = 1.0
    timeout_seconds: Annotated[float, Meta(gt=0, le=3600)] = 120.0
    silent_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    start_seconds: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    wire: str | None = None
    mac: str | None = None
    proxy: str | None = None
    recorder: Literal["pxe", "mbr", "none"] = "none"
    banner: str = FIRMWARE
    ssh_config: str | None = None

    def __post_init__(self) -> None:
        _checked("line", check_line, self.line)
        _checked("plug", check_plug, self.plug)
        if self.mac is not None and not _is_card(self.mac):
            raise UsageError(f"mac: {self.mac!r} is no card's address, as 00:0d:b9:4a:5c:10")
        if self.wire is not None and not _INTERFACE.fullmatch(self.wire):
            raise UsageError(f"wire: {self.wire!r} is no interface of this computer, as eth1")
        if (self.wire is None) != (self.mac is None):
            raise UsageError("wire and mac: a boot wire needs both, the interface and the card")
        if self.proxy is not None:
            if self.wire is None:
                raise UsageError("proxy: it is an address on the boot wire: give wire and mac")
            _checked("proxy", _host_address, self.proxy)
        if self.recorder == "pxe" and self.wire is None:
            raise UsageError('recorder: "pxe" comes by the boot wire: give wire and mac')
        if self.line.startswith("/dev/"):
            _checked("baud", speed_of, self.baud)
        if self.recorder != "none":
            _checked("baud", divisor, self.baud)
        try:
            if re.search(self.banner, ""):
                raise UsageError(f"banner: {self.banner!r} fits no words at all, and so any line")
        except re.error as error:
            raise UsageError(f"banner: {self.banner!r} is no pattern: {error}") from error


def _checked(field: str, check: Callable[[Any], object], value: Any) -> None:
    try:
        check(value)
    except UsageError as error:
        raise UsageError(f"{field}: {error}") from error


def _host_address(text: str) -> None:
    """Raise UsageError for what is no address of a host, over IPv4."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        address = ipaddress.IPv4Address(0)
    if address.packed[0] in (0, 127) or address.packed[0] >= _FIRST_GROUP:
        raise UsageError(f"{text!r} is no IPv4 address of that network, as 192.168.1.250")


def _is_card(mac: str) -> bool:
    """Whether that is the address of one card, and not of a group or of none."""
    if not _MAC.fullmatch(mac):
        return False
    octets = bytes.fromhex(mac.replace(":", "").replace("-", ""))
    return any(octets) and not octets[0] & 1


def machines_file(given: Path | None) -> Path:
    """Return the file that is given, or else that of BOOTHARNESS_MACHINES, of this folder, or the
    person's own. Raises UsageError where there is none."""
    if given:
        return given
    if named_by := os.environ.get("BOOTHARNESS_MACHINES"):
        return Path(named_by)
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
    places = (Path(MACHINES_FILE), config / "bootharness" / MACHINES_FILE)
    found = next((each for each in places if each.is_file()), None)
    if found is None:
        raise UsageError(
            f"there is no {MACHINES_FILE} here, nor {places[1]}: docs/hardware.md shows one"
        )
    return found


def read_machines(path: Path) -> dict[str, HardwareMachine]:
    """Return the machines of a file by their names. Raises UsageError, naming file, table and
    field."""
    try:
        table = read_toml(path, "a list of machines", most=_FILE_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if not table:
        raise UsageError(f"{path}: it has no machine: docs/hardware.md shows one")
    return {name: _machine(path, name, value) for name, value in table.items()}


def named(machines: dict[str, HardwareMachine], name: str, path: Path) -> HardwareMachine:
    """Return a machine. Raises UsageError for a name that the file has not."""
    if name not in machines:
        raise UsageError(f"{path}: there is no machine {name!r}: {hint(name, machines)}")
    return machines[name]


def machine_named(name: str) -> HardwareMachine:
    """Return a machine of the usual file. Raises UsageError for one that it has not."""
    path = machines_file(None)
    return named(read_machines(path), name, path)


def _machine(path: Path, name: str, value: Any) -> HardwareMachine:
    where = f"{path}: [{name}]"
    if not _NAME.fullmatch(name) or name == "qemu":
        raise UsageError(f"{where}: a machine's name is of letters, digits, _ - . and not qemu")
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {name}: a machine is a table, [NAME], with line and plug in it")
    known = [each.name for each in fields(HardwareMachine) if each.name != "name"]
    for field in value:
        if field not in known:
            raise UsageError(f"{where} {field}: there is no such field: {hint(field, known)}")
    try:
        made = msgspec.convert({**value, "name": name}, HardwareMachine)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where} {plainly(error)}") from error
    except UsageError as error:
        raise UsageError(f"{where} {error}") from error
    if made.ssh_config and not Path(made.ssh_config).is_absolute():
        made = msgspec.structs.replace(
            made, ssh_config=str(path.absolute().parent / made.ssh_config)
        )
    return made
