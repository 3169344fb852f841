"""Who asks at an event of a network boot: the card's own program, or what it has loaded."""

import pytest

from bootharness.diagnosis.patience import client_at
from bootharness.diagnosis.wire_words import program_of
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts

KIND = NetEventKind
ASKS = NetEvent(5.0, KIND.DISCOVER, "")


def client(nbp: str | None, firmware: str, *events: tuple[float, NetEventKind, str]) -> str:
    """Return the name of who asks at 5 s, after such events."""
    roles = {"script": "boot.cfg", **({"nbp": nbp} if nbp else {})}
    happened = tuple(NetEvent(seconds, kind, "", file) for seconds, kind, file in events)
    facts = NetworkFacts("path", firmware, "virtio", "wire", "", roles, (), (*happened, ASKS))
    return client_at(facts, ASKS).name


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
@pytest.mark.parametrize(
    ("nbp", "name"),
    [
        ("pxelinux.0", "PXELINUX"),
        ("undionly.kpxe", "iPXE"),
        ("snponly.efi", "iPXE"),
        ("boot/ipxe.efi", "iPXE"),
        ("grubx64.efi", "GRUB"),
        ("bootx64.efi", "the boot program"),
    ],
)
def test_boot_program_asks_once_it_has_come(nbp: str, name: str, firmware: str) -> None:
    own = "the UEFI's PXE" if firmware == "uefi" else "iPXE"
    served = (5.0, KIND.FILE_SERVED, nbp)
    assert client(nbp, firmware, served) == name
    assert client(nbp, firmware, (1.0, KIND.FILE_SERVED, "boot.cfg"), served) == name
    for before in (
        (5.1, KIND.FILE_SERVED, nbp),
        (4.0, KIND.FILE_REQUESTED, nbp),
        (4.0, KIND.FILE_SERVED, "boot.cfg"),
    ):
        assert client(nbp, firmware, before) == own
    assert client(nbp, firmware) == own


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_card_that_loads_no_boot_program_asks_itself(firmware: str) -> None:
    assert client(None, firmware, (1.0, KIND.FILE_SERVED, "boot.cfg")) == "iPXE"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("architecture 16, HTTPClient", "the UEFI's HTTP boot"),
        ("architecture 7, PXEClient", "the UEFI's PXE"),
        ("architecture 7, PXEClient, iPXE", "iPXE"),
    ],
)
def test_firmware_that_loads_from_a_folder_is_called_what_it_says_it_is(
    said: str, name: str
) -> None:
    asks = NetEvent(5.0, KIND.DISCOVER, "", text=said)
    facts = NetworkFacts("path", "uefi", "virtio", "wire", "", {}, (), (asks,), root="folder")
    assert client_at(facts, asks).name == name
    assert program_of(facts) == ("the card's iPXE" if name == "iPXE" else name)
