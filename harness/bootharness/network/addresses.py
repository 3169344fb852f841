"""The addresses on the wire."""

__all__ = ["HTTP_HOST", "SERVER6_HOST", "SERVER_HOST"]

SERVER_HOST = "10.0.2.1"
"""DHCP, DNS, TFTP, HTTP, ping; and the router, so that what is asked of any other address behind it
comes here as well."""
HTTP_HOST = "10.0.2.100"
"""HTTP too: the address under which slirp has it."""
SERVER6_HOST = "fd00:2::1"
"""The same over IPv6."""
