"""A line behind a TCP port that carries its bytes and nothing else, as ser2net's raw ports do."""

import socket

from bootharness.errors import LineLost
from bootharness.hardware.addresses import host_and_port
from bootharness.hardware.descriptors import DescriptorLine

__all__ = ["tcp_line"]

_CONNECT_S = 10.0


def tcp_line(address: str, name: str) -> DescriptorLine:
    """Connect to ``HOST:PORT``. Raises UsageError for what is none, LineLost for who does not
    answer."""
    host, port = host_and_port(address, name)
    try:
        connected = socket.create_connection((host, port), _CONNECT_S)
    except OSError as error:
        raise LineLost(f"{name}: {error.strerror or error}") from error
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    return DescriptorLine(name, connected.fileno(), connected.fileno(), connected.close)
