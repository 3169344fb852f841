"""A network card of a boot on tape, as it is played: the frames that came to it are on the tape,
and at the other end is nobody."""

from pathlib import Path
from typing import ClassVar

from msgspec import Struct

from bootharness.machine.device import Device, escaped, network_device
from bootharness.machine.tape import SHIFT

__all__ = ["TapedCard"]


class TapedCard(Struct, frozen=True):
    """A card by its kind and address, with its own ROM."""

    frames: ClassVar[bool] = True
    """Whether those that came to it are on the tape."""
    shift: ClassVar[int] = SHIFT
    nic: str
    mac: str

    @property
    def facts(self) -> dict[str, object]:
        """What a recording's manifest says of it."""
        return {"nic": self.nic, "mac": self.mac}

    def played(self, snapshots: Path) -> Device:
        """Return it as what a machine boots from; ``snapshots`` is an image in which QEMU keeps
        those that it goes back to."""
        plugged = network_device(nic=self.nic, mac=self.mac, netdev="hubport,id=net0,hubid=0")
        image = f"file={escaped(snapshots)},format=qcow2,if=none,id=snapshots"
        return Device((*plugged.words, "-drive", image))
