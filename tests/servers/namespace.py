"""Run dnsmasq on a bridge in a network namespace of its own, and hand the guests' taps out.

Started inside the namespace, with a socket as standard input; what it makes there is gone
when the last process in it is. Runs without the harness.

    python namespace.py TAPS COMMAND...
"""

import array
import fcntl
import os
import socket
import struct
import subprocess
import sys

_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_BRIDGE = "br0"
# the second is where our own wire has HTTP, and the files say so
_ADDRESSES = ("192.168.99.1/24", "10.0.2.100/32", "fd00:99::1/64")


def ip(*words: str) -> None:
    """Run the command ip."""
    subprocess.run(["ip", *words], check=True, stdout=subprocess.DEVNULL)


def tap(name: str) -> int:
    """Make a tap on the bridge and return its file descriptor."""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    ip("link", "set", name, "master", _BRIDGE, "up")
    return fd


def main() -> None:
    """Make the bridge and the taps, send the taps, and become the command."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    ip("link", "add", _BRIDGE, "type", "bridge", "forward_delay", "0")
    for address in _ADDRESSES:
        ip("address", "add", address, "dev", _BRIDGE, *(["nodad"] if ":" in address else []))
    ip("link", "set", _BRIDGE, "up")
    taps = [tap(f"tap{number}") for number in range(int(sys.argv[1]))]
    with socket.socket(fileno=0) as harness:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", taps))
        harness.sendmsg([b"\0"], [rights])
        for fd in taps:
            os.close(fd)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
