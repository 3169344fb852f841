"""Which addresses servers get that are to be on one network."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import islice

from bootharness.errors import UsageError
from bootharness.network.server_setup import ServerSetup
from bootharness.plan.net_server import NetServer

__all__ = ["addresses_of"]

_NETWORK = "192.168.99.0/24"
"""Where no configuration has one."""
_BITS = 24
_TRIED = 4096


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
    pools = []
    for setup in setups:
        for pool in setup.taken:
            first, _, last = pool.partition("-")
            try:
                pools.append((IPv4Address(first), IPv4Address(last)))
            except ValueError:
                continue
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
