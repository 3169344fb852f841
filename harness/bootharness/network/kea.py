"""Kea's DHCP servers, for IPv4 and IPv6, with somebody's own configuration."""

import json
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.host.tool import Tool
from bootharness.network.server_setup import ServerSetup, is_installed

__all__ = ["KEA", "KEA6", "kea_setup", "plain_json"]

KEA = Tool("kea-dhcp4", "kea-dhcp4-server", version=("-v",))
KEA6 = Tool("kea-dhcp6", "kea-dhcp6-server", version=("-v",))
_BYTES, _DEPTH = 4 << 20, 8
_TOKENS = re.compile(
    r'"(?:\\.|[^"\\])*"|//[^\n]*|#[^\n]*|/\*.*?\*/|<\?include\s+"([^"]*)"\s*\?>|,(?=\s*[}\]])',
    re.DOTALL,
)
_TIME = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \w+ +\[[^]]*\] ")


def kea_setup(file: str, folder: Path) -> ServerSetup:
    """Return how Kea is run with a configuration; it keeps its leases in memory.

    Raises ToolMissing where it is not installed, UsageError for a file that cannot be read.
    """
    path = Path(file)
    config = _read(path)
    is_ipv6 = isinstance(config, dict) and "Dhcp6" in config and "Dhcp4" not in config
    tool, part = (KEA6, "Dhcp6") if is_ipv6 else (KEA, "Dhcp4")
    if not is_installed(tool):
        raise tool.missing()
    own = folder / f"{tool.name}.conf"

    def plain(said: str) -> str:
        return _TIME.sub("", said.replace(str(own), file))

    environment = {"KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": "none"}
    environment |= {"KEA_DHCP_DATA_DIR": str(folder), "KEA_LOG_CHECK_DIR": str(folder)}
    dhcp = config.get(part) if isinstance(config, dict) else None
    if not isinstance(dhcp, dict):
        # Kea itself has the better words for what is wrong with it
        return ServerSetup(
            name=tool.name,
            argv=(tool.name, "-c", str(path.absolute())),
            checks=((tool.name, "-t", str(path.absolute())), ("false",)),
            environment=environment,
            plain=plain,
        )
    own.write_text(json.dumps({part: _kept_apart(dhcp, tool.name, folder)}, indent=1))
    interfaces = _interfaces(dhcp)
    setup = ServerSetup(
        name=tool.name,
        argv=(tool.name, "-c", str(own)),
        checks=((tool.name, "-t", str(path.absolute())), (tool.name, "-t", str(own))),
        interfaces=tuple(dict.fromkeys(name for name, _ in interfaces)) or ("eth0",),
        environment=environment,
        started=f"{part.upper()}_STARTED",
        writes=folder,
        plain=plain,
    )
    kind = IPv6Network if is_ipv6 else IPv4Network
    subnets = [each for each in _subnets(dhcp) if isinstance(_network(each), kind)]
    networks, pools = tuple(str(_network(each)) for each in subnets), tuple(_pools(subnets))
    if is_ipv6:
        return replace(setup, networks6=networks, taken6=pools)
    return replace(
        setup,
        networks=networks,
        own=tuple(address for _, address in interfaces if address),
        addresses=tuple(dict.fromkeys(_addresses(dhcp, subnets))),
        taken=pools,
    )


def _kept_apart(dhcp: dict[str, Any], name: str, folder: Path) -> dict[str, Any]:
    """Return a configuration that keeps nothing but in a folder, and takes no orders."""
    output = {"output": "stdout", "flush": True}
    return {
        **{key: value for key, value in dhcp.items() if not key.startswith("control-socket")},
        "lease-database": {"type": "memfile", "persist": False},
        **({"data-directory": str(folder)} if name == KEA6.name else {}),
        "loggers": [{"name": name, "severity": "INFO", "output_options": [output]}],
    }


def _read(path: Path) -> Any:
    try:
        return json.loads(plain_json(path))
    except ValueError:
        return None


def plain_json(path: Path, depth: int = 0) -> str:
    """Return a configuration without what Kea takes and JSON has not: comments, files that are
    included, a comma behind the last. Raises UsageError for a file that cannot be read."""
    try:
        with path.open(errors="replace") as file:
            text = file.read(_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if "\0" in text:
        raise UsageError(f"{path}: not a configuration: there is a NUL in it")

    def plain(found: re.Match[str]) -> str:
        if found[0].startswith('"'):
            return found[0]
        if found[1] is not None and depth < _DEPTH:
            return plain_json(Path(found[1]), depth + 1)
        return " "

    # a comma is only behind the last once the comments are gone
    return _TOKENS.sub(plain, _TOKENS.sub(plain, text))


def _interfaces(dhcp: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the names of the interfaces, with the address of each where there is one."""
    about = dhcp.get("interfaces-config")
    found = []
    for each in _list(about, "interfaces"):
        name, _, address = str(each).partition("/")
        address = address if _ip(address) else ""
        found.append(("eth0" if name == "*" else name, address))
    return found


def _subnets(dhcp: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for place in (dhcp, *_list(dhcp, "shared-networks")):
        for name in ("subnet4", "subnet6"):
            yield from (each for each in _list(place, name) if isinstance(each, dict))


def _list(place: Any, name: str) -> list[Any]:
    """Return a list that a part of a configuration has, empty where it has none."""
    found = place.get(name) if isinstance(place, dict) else None
    return found if isinstance(found, list) else []


def _ip(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def _network(subnet: dict[str, Any]) -> IPv4Network | IPv6Network | None:
    kind = IPv6Network if ":" in str(subnet.get("subnet")) else IPv4Network
    try:
        return kind(str(subnet.get("subnet")), strict=False)
    except ValueError:
        return None


def _pools(subnets: list[dict[str, Any]]) -> Iterator[str]:
    for subnet in subnets:
        for pool in _list(subnet, "pools"):
            text = str(pool.get("pool")) if isinstance(pool, dict) else ""
            if "-" in text:
                yield "-".join(part.strip() for part in text.split("-", 1))


def _addresses(dhcp: dict[str, Any], subnets: list[dict[str, Any]]) -> Iterator[str]:
    networks = [network for each in subnets if (network := _network(each))]
    for place in (dhcp, *subnets):
        said = [place.get("server-identifier")]
        for option in _list(place, "option-data"):
            if isinstance(option, dict) and option.get("name") in (
                "dhcp-server-identifier",
                "routers",
            ):
                said.append(str(option.get("data")).partition(",")[0].strip())
        for each in said:
            ip = _ip(str(each))
            if ip and any(ip in network for network in networks):
                yield str(ip)
