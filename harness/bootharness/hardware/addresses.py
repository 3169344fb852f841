"""Addresses as people write them in machines.toml."""

import re

from bootharness.errors import UsageError

__all__ = ["host_and_port", "without_password"]

_HOST_PORT = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\s/]+):(?P<port>\d{1,5})")
_PASSWORD = re.compile(r"(?<=[:/])[^:@/\s]*:[^@/\s]*@")


def host_and_port(address: str, name: str) -> tuple[str, int]:
    """Return what ``HOST:PORT`` says; an IPv6 address stands in brackets. Raises UsageError."""
    found = _HOST_PORT.fullmatch(address)
    if found is None or not 0 < int(found["port"]) <= 0xFFFF:
        scheme = name.partition(":")[0]
        raise UsageError(f"{name}: it is {scheme}:HOST:PORT, and a port is 1 to 65535")
    return found["host"].strip("[]"), int(found["port"])


def without_password(address: str) -> str:
    """Return an address as it may be shown."""
    return _PASSWORD.sub("…@", address)
