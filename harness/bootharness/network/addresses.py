"""The addresses on the wire."""

__all__ = ["HTTP_HOST", "PROXY_HOST", "RIVAL_HOST", "SERVER6_HOST", "SERVER_HOST"]

SERVER_HOST = "10.0.2.1"
"""DHCP, DNS, TFTP, HTTP, ping; and the router, so that what is asked of any other address behind it
comes here as well."""
HTTP_HOST = "10.0.2.100"
"""HTTP too: the address under which slirp has it."""
SERVER6_HOST = "fd00:2::1"
"""The same over IPv6."""
RIVAL_HOST = "10.0.2.3"
"""Another DHCP server, where a fault is that there is one."""
PROXY_HOST = "10.0.2.4"
"""Another that only names a boot file, as a proxy, where a fault is that there is one."""
