"""What a guest has of its host, by what its kernel is known to have drivers for."""

from pathlib import Path

import pytest

from bootharness.errors import GuestUnfit, UsageError
from bootharness.initramfs.guest import archive_of, share_type
from bootharness.kernels.source import fetch
from bootharness.plan import GuestPlan
from bootharness.plan.share import Forward, Share

KERNEL = "selfcheck:4096"


def folder(path: Path, *builtin: str) -> str:
    (path / "modules.dep").write_text("kernel/other.ko:\n")
    (path / "modules.builtin").write_text("".join(f"kernel/{each}.ko\n" for each in builtin))
    return str(path)


@pytest.mark.parametrize(
    ("builtin", "wanted"),
    [
        (("virtio_pci", "9p", "9pnet_virtio", "virtiofs"), "9p"),
        (("virtio_pci", "9p", "virtiofs"), "virtiofs"),
    ],
)
def test_share_is_what_the_kernel_has(
    tmp_path: Path, builtin: tuple[str, ...], wanted: str
) -> None:
    guest = GuestPlan(module_folder=folder(tmp_path, *builtin), shares=("/usr",))
    assert share_type(fetch(KERNEL), guest) == wanted


def test_share_of_a_kernel_whose_modules_nobody_knows_is_tried() -> None:
    assert share_type(fetch(KERNEL), GuestPlan(shares=("/usr",))) == "9p"


def test_what_a_kernel_has_no_driver_for_is_told_before_it_boots(tmp_path: Path) -> None:
    known = folder(tmp_path, "virtio_pci", "9p")
    kernel = fetch(KERNEL)
    with pytest.raises(GuestUnfit, match="has no 9pnet_virtio, for 9p, nor virtiofs, for virtiofs"):
        archive_of(kernel, GuestPlan(module_folder=known, shares=("/usr",)))
    with pytest.raises(GuestUnfit, match=r"no network card of its guest: .* has no virtio_net"):
        archive_of(kernel, GuestPlan(module_folder=known), {"network": b""})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/a/b", Share(Path("/a/b"), "b")),
        ("/a/b:rw", Share(Path("/a/b"), "b", writable=True)),
        ("c=/a/b=c:rw", Share(Path("/a/b=c"), "c", writable=True)),
    ],
)
def test_share_as_people_write_it(text: str, wanted: Share) -> None:
    assert Share.parse(text) == wanted


@pytest.mark.parametrize("text", ["/", "", ":rw", "a b=/x", "=/x"])
def test_share_without_a_name_that_can_be_one(text: str) -> None:
    with pytest.raises(UsageError):
        Share.parse(text)


@pytest.mark.parametrize("text", ["tcp:1", "tcp:0:1", "tcp:1:65536", "tcp:1:1,x=y", "icmp:1:1", ""])
def test_no_port(text: str) -> None:
    with pytest.raises(UsageError):
        Forward.parse(text)


def test_port_as_people_write_it() -> None:
    assert Forward.parse("udp:5353:53") == Forward("udp", 5353, 53)
