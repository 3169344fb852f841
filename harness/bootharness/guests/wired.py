"""Guests on one wire: the switch of the harness's own, with a name and an address for each.

    guest1  52:54:00:67:75:02  10.0.2.15        guest2  52:54:00:67:75:03  10.0.2.16    and so on

Nothing else is on the wire but the switch's own server, which answers a ping at 10.0.2.1.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.guests.guest import Guest, Ran
from bootharness.kernels.image import KernelImage
from bootharness.machine.device import Device
from bootharness.network.files import FileTable
from bootharness.network.network import Network
from bootharness.network.wire import Wire
from bootharness.plan import BootPlan

__all__ = ["MOST_GUESTS", "run_on_all", "wired_guests"]

MOST_GUESTS = 16
_MAC, _ADDRESS = "52:54:00:67:75:{:02x}", "10.0.2.{}"
_FIRST = 15


@contextmanager
def wired_guests(
    kernel: KernelImage,
    plan: BootPlan,
    count: int,
    write: Callable[[str, bytes], object] | None = None,
) -> Iterator[tuple[Guest, ...]]:
    """Boot guests of one kernel on one wire, side by side, and give them when all are up. What
    commands write goes to ``write``, too, as it comes, with the guest's name.

    Raises UsageError for a plan with another network, and what `Guest` does.
    """
    if plan.guest.networked:
        raise UsageError("--forward, --outside: guests on one wire have no other network")
    numbers = range(1, count + 1)
    hosts = "127.0.0.1 localhost\n" + "".join(
        f"{_ADDRESS.format(_FIRST - 1 + each)} guest{each}\n" for each in numbers
    )
    with Network(Wire(FileTable({}), ())) as network, ExitStack() as stack:
        guests = []
        for number in numbers:
            plug = network.plug()
            mac = _MAC.format(number + 1)
            own = {
                "network": f"{mac} {_ADDRESS.format(_FIRST - 1 + number)}/24\n".encode(),
                "hosts": hosts.encode(),
            }
            parts = partial(_on_wire, fd=plug.guest_end.fileno(), mac=mac)
            name = f"guest{number}"
            said = partial(write, name) if write else None
            guest = Guest(kernel, plan, name=name, own=own, parts=parts, write=said)
            plug.started(guest.machine.qemu.launched)
            guests.append(stack.enter_context(guest))
        yield tuple(guest.ready() for guest in guests)
        network.check()


def run_on_all(guests: tuple[Guest, ...], command: str, timeout_s: float) -> tuple[Ran, ...]:
    """Run a command on each at once, and return how it ended where; none is gone before all have
    ended."""
    with ThreadPoolExecutor(len(guests)) as threads:
        return tuple(threads.map(lambda guest: guest.run(command, timeout_s), guests))


def _on_wire(device: Device, *, fd: int, mac: str) -> Device:
    words = (
        *("-netdev", f"stream,id=wire0,server=off,addr.type=fd,addr.str={fd}"),
        *("-device", f"virtio-net-pci,netdev=wire0,mac={mac},romfile="),
    )
    return replace(device, words=(*device.words, *words), fds=(*device.fds, fd))
