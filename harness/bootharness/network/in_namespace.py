"""Make a network namespace with cables to the harness, and run a server in it.

Started as the first process of namespaces of its own, with a socket to the harness as standard
input: it sends our ends of the cables over that, and how the server fares. All in the namespace
ends with it, and it ends with the harness, for then the socket is closed. It runs without the
harness, in a Python that imports as little as possible.

    python in_namespace.py SPECIFICATION
"""

import array
import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from typing import Any

CABLE = "bootharness"
"""Our end of a cable, with its number; the server's has the name that its configuration wants."""
_FORWARDS = "/proc/sys/net/ipv4/ip_forward"
_ETH_P_ALL = 3
_SOL_PACKET, _IGNORE_OUTGOING = 263, 23
_SIOCETHTOOL = 0x8946
# checksums and segmentation that are left to a card: here there is none that would do it
_OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)
_BIND, _READ_ONLY, _RECURSIVE = 4096, 1, 0x8000
_MOUNT_SETATTR, _AT_FDCWD = 442, -100
_BUFFER_BYTES = 4 << 20
_LOG_BYTES = 1 << 20
_LAST_BYTES = 1 << 17
_LOOK_MS = 20


def ip(lines: list[str]) -> None:
    """Run the command ip with lines of words. Raises RuntimeError with what it says."""
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines).encode(),
                          capture_output=True, check=False)  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip().splitlines()[0])


def cables(names: list[str], addresses: list[list[str]], gateway: str) -> list[socket.socket]:
    """Return our ends of cables to the first interfaces, one for each that has addresses.

    The other interfaces are there too, with nothing plugged in. Whatever is on no network of
    theirs is reached by way of the gateway, if there is one.
    """
    # nobody else can have an address of ours, and what comes for the server is not for our end
    _over_ipv6("default/accept_dad", "0")
    _over_ipv6("all/accept_dad", "0")
    lines = ["link set lo up"]
    for at, name in enumerate(names):
        end = f"{CABLE}{at}" if at < len(addresses) else f"none{at}"
        lines += [f"link add {name} type veth peer name {end}"]
    ip(lines)
    for at in range(len(addresses)):
        _over_ipv6(f"{CABLE}{at}/disable_ipv6", "1")
    ours = [f"{CABLE}{at}" for at in range(len(addresses))]
    lines = [f"link set {name} up" for name in (*ours, *names)]
    for name, own in zip(names, addresses, strict=False):
        lines += [f"address add {each} dev {name}{' nodad' * (':' in each)}" for each in own]
    ip([*lines, *([f"route add default via {gateway}"] if gateway else [])])
    return [_end(f"{CABLE}{at}", names[at]) for at in range(len(addresses))]


def _write(path: str, value: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123 - without pathlib
        file.write(value)


def _over_ipv6(which: str, value: str) -> None:
    """Set what this Linux lets us set; IPv4 does without."""
    with contextlib.suppress(OSError):
        _write(f"/proc/sys/net/ipv6/conf/{which}", value)


def _end(ours: str, theirs: str) -> socket.socket:
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    end.bind((ours, 0))
    end.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    for offload in _OFFLOADS:
        off = array.array("B", struct.pack("II", offload, 0))
        asked = struct.pack("16sP16x", theirs.encode(), off.buffer_info()[0])
        try:
            fcntl.ioctl(end, _SIOCETHTOOL, asked)
        except OSError:
            if offload == _OFFLOADS[0]:
                raise
    return end


def seal(writes: str) -> None:
    """Let nothing be written in this namespace but in a folder, if Linux can do that (5.12)."""
    import ctypes

    class Attributes(ctypes.Structure):
        _fields_ = (("set", ctypes.c_uint64), ("clear", ctypes.c_uint64),
                    ("propagation", ctypes.c_uint64), ("user", ctypes.c_uint64))  # fmt: skip

    def change(path: str, attributes: Attributes) -> None:
        system.syscall(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(path), _RECURSIVE,
                       ctypes.byref(attributes), ctypes.sizeof(attributes))  # fmt: skip

    system = ctypes.CDLL(None, use_errno=True)
    folder = os.fsencode(writes)
    if system.mount(folder, folder, None, _BIND, None):
        return
    change("/", Attributes(set=_READ_ONLY))
    change(writes, Attributes(clear=_READ_ONLY))


def serves() -> bool:
    """Return whether anybody in the namespace waits for packets but us."""
    for name, least in (
        ("udp", 1),
        ("udp6", 1),
        ("tcp", 1),
        ("tcp6", 1),
        ("raw", 1),
        ("packet", 2),
    ):
        try:
            with open(f"/proc/net/{name}") as table:  # noqa: PTH123 - without pathlib
                if len(table.readlines()) > least:
                    return True
        except OSError:
            return name == "udp"  # nothing can be told here
    return False


class Log:
    """A file of what a server says: of a talkative one the beginning is overwritten."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._size = 0
        self.last = b""

    def take(self, source: int) -> bool:
        """Copy what is there to be read, and return whether there may be more."""
        data = os.read(source, 1 << 16)
        if self._size + len(data) > _LOG_BYTES:
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
            self._size = 0
        self._size += len(data)
        self.last = (self.last + data)[-_LAST_BYTES:]
        os.write(self._fd, data)
        return bool(data)


def run(specification: dict[str, Any], harness: socket.socket) -> None:
    """Check the configuration, start the server and tell how it fares, until one of us ends."""
    if specification["writes"]:
        seal(specification["writes"])  # before anything is open to be written
    log = Log(specification["log"])
    for words in specification["checks"]:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False,
                              cwd=specification["folder"])  # fmt: skip
        if done.returncode:
            read, write = os.pipe()
            os.write(write, done.stdout[-4096:])
            log.take(read)
            harness.send(b"refused\n")
            return
    import select

    said, write = os.pipe()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    server = subprocess.Popen(specification["argv"], stdin=subprocess.DEVNULL, stdout=write,
                              stderr=write, cwd=specification["folder"])  # fmt: skip
    os.close(write)
    poll = select.poll()
    for fd in (harness.fileno(), said, woken):
        poll.register(fd, select.POLLIN)
    ready, wanted = False, specification["started"].encode()
    give_up = time.monotonic() + specification["start_s"]
    while True:
        events = dict(poll.poll(None if ready else _LOOK_MS))
        if harness.fileno() in events:
            return
        if said in events and not log.take(said):
            poll.unregister(said)
        if woken in events:
            os.read(woken, 64)
        ended = reaped(server.pid)
        if ended is not None:
            while said in dict(poll.poll(0)) and log.take(said):
                pass
            harness.send(f"ended {ended}\n".encode())
            harness.recv(1)
            return
        serving = wanted in log.last if wanted else serves()
        if not ready and (serving or time.monotonic() > give_up):
            ready = True
            harness.send(b"ready\n" if time.monotonic() <= give_up else b"silent\n")


def reaped(server: int) -> "int | None":
    """Take the status of whoever has ended, and return the server's if it was among them."""
    status = None
    while True:
        try:
            pid, each = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if not pid:
            return status
        if pid == server:
            status = os.waitstatus_to_exitcode(each)


def main() -> None:
    """Make the namespace, send the cables, and run the server."""
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
    specification = json.loads(sys.argv[1])
    os.environ.update(specification["environment"])
    # what is told of processes is to be of this namespace; not everywhere that may be done
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # fmt: skip
    with socket.socket(fileno=os.dup(0)) as harness:
        try:
            ends = cables(specification["interfaces"], specification["addresses"],
                          specification["gateway"])  # fmt: skip
            if specification["forwards"]:
                _write(_FORWARDS, "1")
        except (OSError, RuntimeError) as error:
            harness.send(f"unmade {error}\n".encode())
            return
        numbers = array.array("i", [end.fileno() for end in ends])
        harness.sendmsg([b"cable\n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
        for end in ends:
            end.close()
        run(specification, harness)


if __name__ == "__main__":
    main()
