"""The addresses on the wire."""

__all__ = ["HTTP_HOST", "RIVAL_HOST", "SERVER_HOST"]

SERVER_HOST = "10.0.2.1"
"""DHCP, TFTP, ping."""
HTTP_HOST = "10.0.2.100"
"""HTTP, behind the uplink."""
RIVAL_HOST = "10.0.2.3"
"""Another DHCP server, where a fault is that there is one."""
