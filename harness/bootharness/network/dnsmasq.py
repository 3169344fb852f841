"""dnsmasq with somebody's own configuration."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from msgspec import Struct, field

from bootharness.errors import UsageError
from bootharness.host.tool import Tool
from bootharness.network.server_setup import ServerSetup, is_installed

__all__ = ["DNSMASQ", "as_who", "dnsmasq_setup"]

DNSMASQ = Tool("dnsmasq", "dnsmasq-base")
# where a process lies, what it writes, and who it is: that is not of this boot
_OURS = (
    "dhcp-leasefile", "dhcp-lease-file", "pid-file", "log-facility", "user", "group", "log-dhcp",
    "no-daemon", "keep-in-foreground", "log-async",
)  # fmt: skip
_DEPTH, _FILES, _BYTES = 4, 200, 1 << 20
_WHO = re.compile(r"^dnsmasq[a-z-]*(\[\d+\])?: ")
_NETMASK = "255.255.255.0"
_BITS6, _MOST_BITS6 = 64, 126
_NETWORK6 = "fd00:99::/64"
"""What an interface has where ranges are made of that."""
_ROUTER = ("option:router", "3")
_TFTP_SERVER = ("option:tftp-server", "66", "option:server-ip-address", "150")


class _Read(Struct):
    """A configuration with all that it includes, as copies without what is ours to say."""

    folder: Path
    lines: list[tuple[str, str]] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)

    def copy(self, path: Path, depth: int = 0) -> Path:
        """Copy a file, and return the copy. Raises UsageError for one that cannot be read."""
        copy = self.folder / f"dnsmasq-{len(self.copies)}.conf"
        self.copies[str(copy)] = str(path)
        try:
            with path.open(errors="surrogateescape") as file:
                text = file.read(_BYTES)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
        if "\0" in text:
            raise UsageError(f"{path}: not a configuration: there is a NUL in it")
        if depth > _DEPTH or len(self.copies) > _FILES:
            raise UsageError(f"{path}: more files include each other than dnsmasq's would")
        lines = [self._line(line, depth) for line in text.split("\n")]
        copy.write_text("\n".join(lines) + "\n", errors="surrogateescape")
        return copy

    def _line(self, line: str, depth: int) -> str:
        said = (
            line.partition("#")[0] if line.lstrip().startswith("#") else re.split(r"\s#", line)[0]
        )
        name, _, value = (part.strip() for part in said.partition("="))
        if name in _OURS:
            return f"# {line}"
        if name == "conf-file" and value and Path(value).is_file():
            return f"conf-file={self.copy(Path(value), depth + 1)}"
        if name == "conf-dir" and value:
            # copies follow at the end of the first, for here there is one line for one line
            self.lines.append((name, value))
            return f"# {line}"
        if name:
            self.lines.append((name, value))
        return line

    def values(self, *names: str) -> Iterator[list[str]]:
        """Yield the parts of what is said by these names, without tags."""
        for name, value in self.lines:
            if name in names:
                parts = [part.strip() for part in value.split(",")]
                yield [each for each in parts if not each.startswith(("tag:", "set:", "net:"))]


def dnsmasq_setup(file: str, folder: Path) -> ServerSetup:
    """Return how dnsmasq is run with a configuration; its lease file is in ``folder``.

    Raises ToolMissing where it is not installed, UsageError for a file that cannot be read.
    """
    if not is_installed(DNSMASQ):
        raise DNSMASQ.missing()
    read = _Read(folder)
    first = read.copy(Path(file))
    for kind, value in list(read.lines):
        if kind == "conf-dir":
            for each in _files_of(value):
                copy = read.copy(each, 1)
                with first.open("a") as end:
                    end.write(f"conf-file={copy}\n")
    leases = folder / f"{first.stem}.leases"

    def plain(said: str) -> str:
        for copy, original in read.copies.items():
            said = said.replace(copy, original)
        return _WHO.sub("", said)

    networks = tuple(_networks(read))
    return ServerSetup(
        name="dnsmasq",
        argv=(
            *("dnsmasq", "--keep-in-foreground", *as_who(), f"--conf-file={first}"),
            *("--log-facility=-", "--log-dhcp", f"--dhcp-leasefile={leases}", "--pid-file="),
        ),
        checks=(("dnsmasq", "--test", f"--conf-file={first}"),),
        interfaces=_interfaces(read),
        networks=networks,
        own=tuple(_own(read)),
        addresses=tuple(_addresses(read, networks)),
        taken=tuple(_pools(read)),
        networks6=tuple(str(network) for network, _ in _ranges6(read)),
        taken6=tuple(pool for _, pool in _ranges6(read) if pool),
        started="started, version",
        writes=folder,
        plain=plain,
    )


def as_who() -> tuple[str, ...]:
    """Return as whom it runs: nobody but root's own may be had, and without root nobody else."""
    return ("--user=root",) if os.geteuid() == 0 else ("--user=", "--group=")


def _files_of(value: str) -> list[Path]:
    """Return the files of a folder that are a part of the configuration."""
    folder, *patterns = (part.strip() for part in value.split(","))
    wanted = [each[1:] for each in patterns if each.startswith("*")]
    unwanted = [each for each in patterns if not each.startswith("*")]
    try:
        found = sorted(Path(folder).iterdir())[:_FILES]
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error
    return [
        each
        for each in found
        if each.is_file()
        and not each.name.startswith((".", "#"))
        and not each.name.endswith("~")
        and not any(each.name.endswith(end) for end in unwanted)
        and (not wanted or any(each.name.endswith(end) for end in wanted))
    ]


def _interfaces(read: _Read) -> tuple[str, ...]:
    named = [each[0].replace("*", "0") for each in read.values("interface") if each and each[0]]
    named += [
        part.partition(":")[2]
        for parts in read.values("dhcp-range")
        for part in parts
        if part.startswith(("interface:", "constructor:"))
    ]
    names = [each for each in dict.fromkeys(named) if each != "lo" and ":" not in each]
    return tuple(names) or ("eth0",)


def _ip(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None


def _ranges(read: _Read) -> Iterator[list[str]]:
    for parts in read.values("dhcp-range"):
        kept = [each for each in parts if not each.startswith("interface:")]
        # an old spelling of a tag stands in front without saying so
        if kept and _ip(kept[0]) is None and len(kept) > 1:
            kept = kept[1:]
        if kept and _ip(kept[0]):
            yield kept


def _networks(read: _Read) -> Iterator[str]:
    for parts in _ranges(read):
        said = [each for each in parts[2:] if each.startswith("255.")]
        for mask in (*said, _NETMASK):
            with suppress(ValueError):
                yield str(IPv4Network(f"{parts[0]}/{mask}", strict=False))
                break


def _pools(read: _Read) -> Iterator[str]:
    for parts in _ranges(read):
        if len(parts) > 1 and _ip(parts[1]):
            yield f"{parts[0]}-{parts[1]}"


def _ranges6(read: _Read) -> Iterator[tuple[IPv6Network, str]]:
    """Yield the networks that it is about over IPv6, each with what it gives to others there."""
    for parts in read.values("dhcp-range"):
        ends = [ip for each in parts if (ip := _ip6(each))]
        if not ends:
            continue
        said = [int(each) for each in parts if each.isascii() and each.isdigit()]
        bits = next((each for each in said if 1 <= each <= _MOST_BITS6), _BITS6)
        if any(each.startswith("constructor:") for each in parts):
            yield IPv6Network(_NETWORK6), ""
            continue
        yield (
            IPv6Network((ends[0], bits), strict=False),
            f"{ends[0]}-{ends[1]}" if len(ends) > 1 else "",
        )


def _ip6(text: str) -> IPv6Address | None:
    try:
        return IPv6Address(text)
    except AddressValueError:
        return None


def _own(read: _Read) -> Iterator[str]:
    """Yield the addresses that it has to have, for it listens there."""
    for parts in read.values("listen-address"):
        yield from (each for each in parts if (ip := _ip(each)) and not ip.is_loopback)


def _addresses(read: _Read, networks: tuple[str, ...]) -> Iterator[str]:
    """Yield what may be the server's own address, the likeliest first."""
    told = []
    if any(name == "enable-tftp" for name, _ in read.lines):
        told += [each[-1] for each in read.values("dhcp-boot", "pxe-service") if len(each) > 2]
        told += _options(read, _TFTP_SERVER)
    for each in (*told, *_options(read, _ROUTER)):
        ip = _ip(each)
        if ip and any(ip in IPv4Network(network) for network in networks):
            yield each


def _options(read: _Read, names: tuple[str, ...]) -> list[str]:
    said = read.values("dhcp-option", "dhcp-option-force")
    return [each[1] for each in said if len(each) > 1 and each[0] in names]
