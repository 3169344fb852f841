"""The addresses on the wire."""

__all__ = ["HTTP_HOST", "SERVER_HOST"]

SERVER_HOST = "10.0.2.1"
"""DHCP, TFTP, ping."""
HTTP_HOST = "10.0.2.100"
"""HTTP, behind the uplink."""
