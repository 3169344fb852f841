"""A DHCP server of somebody else on a boot wire, dnsmasq, that knows nothing of booting."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootharness.host.deadline import Deadline

__all__ = ["NETWORK", "other_dhcp"]

NETWORK = "192.168.77"
_POOL = f"{NETWORK}.20,{NETWORK}.29,1h"
_PORT_67 = ":0043 "
_UP_S = 15


@contextmanager
def other_dhcp(folder: Path, interface: str) -> Iterator[None]:
    """Run it until the end of the `with`, once it has its port; this computer is NETWORK.1."""
    subprocess.run(["ip", "address", "add", f"{NETWORK}.1/24", "dev", interface], check=True)
    words = [
        "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", f"--interface={interface}",
        "--bind-interfaces", f"--dhcp-range={_POOL}", f"--dhcp-leasefile={folder}/leases",
        "--user=root", "--no-ping",
    ]  # fmt: skip
    log = folder / "dnsmasq.log"
    with log.open("wb") as said:
        server = subprocess.Popen(words, stdout=said, stderr=said)
    try:
        deadline = Deadline.after(_UP_S)
        while _PORT_67 not in Path("/proc/net/udp").read_text():
            assert server.poll() is None and not deadline.expired, log.read_text()
            try:
                server.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        yield
    finally:
        server.terminate()
        server.wait()
