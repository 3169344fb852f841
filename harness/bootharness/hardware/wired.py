"""What a machine boots from by its card: the harness's own network, on an interface of this
computer."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.formats.ethernet import ip_bytes
from bootharness.hardware.beside import at_address, check_free
from bootharness.hardware.interface import Interface
from bootharness.hardware.machines import HardwareMachine
from bootharness.host.workspace import Workspace
from bootharness.network.boot_rule import BootRule
from bootharness.network.files import FileTable
from bootharness.plan import BootPlan
from bootharness.routes.net import network_for, plugged_in
from bootharness.routes.net_connection import Connection
from bootharness.routes.net_image import Card, NetImage
from bootharness.trace.network_facts import NetworkFacts

__all__ = ["Wired", "program_image", "wired"]


class Wired(Struct, frozen=True):
    """A machine's wire while something is served on it."""

    connection: Connection
    interface: Interface

    def facts(self) -> NetworkFacts:
        """Return what was seen there."""
        return replace(self.connection.facts(), nic=self.interface.name)


def program_image(name: str, program: bytes, more: dict[str, bytes] | None = None) -> NetImage:
    """Return what serves a boot program of ours, and the files that it fetches itself."""
    return NetImage(
        name,
        Card("bios", "e1000", http=False),
        FileTable({name: program, **(more or {})}),
        (BootRule(name),),
        {},
        {"nbp": name},
    )


@contextmanager
def wired(
    machine: HardwareMachine, image: NetImage, plan: BootPlan, keep: Path | None
) -> Iterator[Wired]:
    """Serve an image on the machine's wire. Raises LaunchFailed where that cannot be had,
    UsageError for the address of a proxy that somebody has."""
    assert machine.wire and machine.mac
    proxy = None
    if machine.proxy:
        image, proxy = at_address(image, machine.proxy), ip_bytes(machine.proxy)
    card = replace(image.card, mac=machine.mac.lower().replace("-", ":"))
    image = replace(image, card=card)
    with (
        Workspace() as workspace,
        network_for(image, plan, proxy=proxy) as network,
        plugged_in(network, image, workspace) as medium,
    ):
        assert medium.wire
        if keep:
            medium.wire.capture(keep / "wire.pcap")
        end = socket.socket(fileno=os.dup(medium.device.fds[0]))
        with Interface(machine.wire, machine.mac, end) as interface:
            if machine.proxy:
                check_free(machine.wire, machine.proxy)
            yield Wired(medium.wire, interface)
