"""Which addresses servers get that are to be on one network."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from itertools import islice
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.network.server_setup import ServerSetup
from bootharness.plan.net_server import NetServer

__all__ = ["Place", "addresses_of", "places_of"]

_NETWORK = "192.168.99.0/24"
"""Where no configuration has one."""
_BITS = 24
_TRIED = 4096
_Address = TypeVar("_Address", IPv4Address, IPv6Address)


class Place(Struct, frozen=True):
    """Where a server is: its own addresses, of a relay also those on the network ``behind`` it, and
    of whoever is there the relay's as the ``gateway``."""

    addresses: tuple[str, ...]
    behind: tuple[str, ...] = ()
    gateway: str = ""

    @property
    def address(self) -> str:
        """The first of its addresses, without the bits of its network."""
        return self.addresses[0].partition("/")[0] if self.addresses else ""


def places_of(servers: Sequence[NetServer], setups: Sequence[ServerSetup]) -> list[Place]:
    """Return where each server is, with the address in front by which it is known.

    With a relay those are behind it that are not on its network.

    Raises UsageError for addresses that cannot be, and for a relay that has nobody behind it.
    """
    over_ipv6 = _over_ipv6(servers, setups)
    first6 = [
        ":" in (each.address or "") or bool(setup.networks6 and not setup.networks)
        for each, setup in zip(servers, setups, strict=True)
    ]
    servers = [replace(each, address=None) if ":" in (each.address or "") else each
               for each in servers]  # fmt: skip
    return [
        replace(place, addresses=(*own, *place.addresses) if first else (*place.addresses, *own))
        for place, own, first in zip(_places(servers, setups), over_ipv6, first6, strict=True)
    ]


def _over_ipv6(
    servers: Sequence[NetServer], setups: Sequence[ServerSetup]
) -> list[tuple[str, ...]]:
    """Return each server's addresses over IPv6, none where no server is said to have any."""
    given = [each.address if ":" in (each.address or "") else None for each in servers]
    networks = [IPv6Interface(each).network for each in given if each]
    networks += [IPv6Network(each) for setup in setups for each in setup.networks6]
    if not networks:
        return [() for _ in servers]
    taken = {str(IPv6Interface(each).ip) for each in given if each}
    pools = _pools(IPv6Address, [pool for setup in setups for pool in setup.taken6])
    found: list[tuple[str, ...]] = []
    for own, setup in zip(given, setups, strict=True):
        network = IPv6Network(setup.networks6[0]) if setup.networks6 else networks[0]
        hosts = (
            each
            for each in islice(network.hosts(), _TRIED)
            if str(each) not in taken and not any(low <= each <= high for low, high in pools)
        )
        address = own or f"{next(hosts, network[1])}/{network.prefixlen}"
        taken.add(address.partition("/")[0])
        found.append((address,))
    return found


def _places(servers: Sequence[NetServer], setups: Sequence[ServerSetup]) -> list[Place]:
    relays = [each for each in servers if each.is_relay]
    if not relays:
        return [Place(each) for each in addresses_of(servers, setups)]
    if len(relays) > 1:
        raise UsageError(f"--net-server {relays[1]}: there is {relays[0]}, and one relay is all")
    at = servers.index(relays[0])
    asked = _asked_by(relays[0], servers, setups)
    addresses = addresses_of(asked, setups)
    near = IPv4Interface(str(relays[0].address)).network
    behind = [
        each
        for number, each in enumerate(addresses)
        if number != at and not any(IPv4Interface(one).ip in near for one in each)
    ]
    if not behind:
        raise UsageError(
            f"--net-server {relays[0]}: all servers are on the guest's network {near}, and none "
            "behind the relay: say where one is, as dnsmasq@10.0.0.5/24:FILE"
        )
    networks = {IPv4Interface(each[0]).network for each in behind}
    there = next((each for each in networks if IPv4Address(relays[0].what) in each), None)
    far = there or IPv4Interface(behind[0][0]).network
    taken = {each.partition("/")[0]: relays[0] for own in addresses for each in own}
    own = _free([], [str(far)], taken | {relays[0].what: relays[0]})
    gateway = own[0].partition("/")[0]
    return [
        Place(each, own) if number == at else Place(each, gateway=gateway if each in behind else "")
        for number, each in enumerate(addresses)
    ]


def _asked_by(
    relay: NetServer, servers: Sequence[NetServer], setups: Sequence[ServerSetup]
) -> list[NetServer]:
    """Return the servers, one with a configuration and no address having that which a relay asks,
    if nobody else has it."""
    given = [each for each in servers if each.address]
    if any(str(each.address).partition("/")[0] == relay.what for each in given):
        return list(servers)
    found = [
        each for each, setup in zip(servers, setups, strict=True)
        if each.has_file and not each.address and not setup.own
    ]  # fmt: skip
    at = f"{relay.what}/{_BITS}"
    return [replace(each, address=at) if each in found[:1] else each for each in servers]


def addresses_of(
    servers: Sequence[NetServer], setups: Sequence[ServerSetup]
) -> list[tuple[str, ...]]:
    """Return each server's own addresses, each with the bits of its network.

    What is said goes before what a configuration tells, and that before what is free. Raises
    UsageError for an address that two are to have.
    """
    networks = [each for setup in setups for each in setup.networks] or [_NETWORK]
    given: list[tuple[str, ...]] = [(each.address,) if each.address else () for each in servers]
    taken: dict[str, NetServer] = {}
    for server in servers:
        if server.address:
            address = server.address.partition("/")[0]
            if address in taken:
                raise UsageError(f"--net-server {server}: {taken[address]} has {address} too")
            taken[address] = server
    for told in (True, False):
        for at, (server, setup) in enumerate(zip(servers, setups, strict=True)):
            if given[at]:
                continue
            own = setup.networks or tuple(networks[:1])
            found = _told(setup, own, taken) if told else _free(setups, own, taken)
            given[at] = found
            taken |= {each.partition("/")[0]: server for each in found}
    return given


def _told(
    setup: ServerSetup, networks: Sequence[str], taken: dict[str, NetServer]
) -> tuple[str, ...]:
    likely = [each for each in setup.addresses if each not in taken]
    found = []
    for address in setup.own or likely[:1]:
        inside = [each for each in networks if IPv4Address(address) in IPv4Network(each)]
        bits = IPv4Network(inside[0]).prefixlen if inside else _BITS
        found.append(f"{address}/{bits}")
    return tuple(found)


def _free(
    setups: Sequence[ServerSetup], networks: Sequence[str], taken: dict[str, NetServer]
) -> tuple[str, ...]:
    pools = _pools(IPv4Address, [pool for setup in setups for pool in setup.taken])
    found = []
    for text in networks:
        network = IPv4Network(text)
        for host in islice(network.hosts(), _TRIED):
            if str(host) in taken or any(first <= host <= last for first, last in pools):
                continue
            found.append(f"{host}/{network.prefixlen}")
            break
        else:
            raise UsageError(
                f"{text}: no address is free for the server: say one, as dnsmasq@ADDRESS/BITS:FILE"
            )
    return tuple(found[:1])


def _pools(
    kind: Callable[[str], _Address], texts: Iterable[str]
) -> list[tuple[_Address, _Address]]:
    """Return the first and the last address of each pool, leaving out what is none."""
    pools = []
    for text in texts:
        first, _, last = text.partition("-")
        try:
            pools.append((kind(first), kind(last)))
        except ValueError:
            continue
    return pools
