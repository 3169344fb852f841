"""Folders of the host for a guest: over 9p, which QEMU serves itself, or by virtiofsd.

QEMU's own virtiofsd (up to QEMU 7.2) serves as root alone, and cannot refuse to write: what is only
to be read it gets in a mount namespace in which the folder is mounted read-only.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from bootharness.errors import ToolMissing
from bootharness.host.tool import Tool
from bootharness.host.workspace import Workspace
from bootharness.machine.device import Device, escaped
from bootharness.plan.share import Share

__all__ = ["why_no_virtiofs", "with_9p", "with_virtiofs"]

_VIRTIOFSD = Tool("/usr/lib/qemu/virtiofsd", "qemu-system-common")
_UNSHARE = Tool("unshare", "util-linux")
_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


def with_9p(device: Device, shares: tuple[Share, ...]) -> Device:
    """Return a device with folders over 9p; their tags are share0 and so on."""
    words: list[str] = []
    for number, share in enumerate(shares):
        readonly = "off" if share.writable else "on"
        words += [
            *("-fsdev", f"local,id=share{number},path={escaped(share.path)},security_model=none,"
                        f"readonly={readonly}"),
            *("-device", f"virtio-9p-pci,fsdev=share{number},mount_tag=share{number}"),
        ]  # fmt: skip
    return replace(
        device,
        words=(*device.words, *words),
        files=(*device.files, *(share.path for share in shares)),
        writes=device.writes or any(share.writable for share in shares),
    )


def with_virtiofs(
    device: Device, shares: tuple[Share, ...], memory_mib: int, workspace: Workspace
) -> Device:
    """Return a device with folders by virtiofsd, which is started, and ends with the workspace.

    Raises ToolMissing where it is not installed, or does not serve whoever we are.
    """
    if why := why_no_virtiofs():
        raise ToolMissing(why)
    words = [
        *("-object", f"memory-backend-memfd,id=shared,size={memory_mib}M,share=on"),
        *("-machine", "memory-backend=shared"),
    ]
    for number, share in enumerate(shares):
        path = workspace.path / f"share{number}.sock"
        _serve(share, path, workspace)
        words += [
            *("-chardev", f"socket,id=share{number},path={path.name}"),
            *("-device", f"vhost-user-fs-pci,chardev=share{number},tag=share{number}"),
        ]
    return replace(device, words=(*device.words, *words))


def why_no_virtiofs() -> str | None:
    """Return why there are no folders by virtiofsd here, None where there are."""
    for tool in (_VIRTIOFSD, _UNSHARE):
        if not tool.here:
            return f"--share: a kernel without 9p has no folder of this host: {tool.missing()}"
    if os.geteuid() != 0:
        return (
            f"--share: a kernel without 9p has no folder of this host: {_VIRTIOFSD.name} serves as "
            "root alone"
        )
    return None


def _serve(share: Share, path: Path, workspace: Workspace) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        # relative to a folder that is short whatever the workspace's name is
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            listening.bind(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
        listening.listen(1)
        with (workspace.path / f"{path.stem}.log").open("wb") as log:
            workspace.start(
                [*_served(share, listening.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listening.fileno()],
            )


def _served(share: Share, fd: int) -> Iterator[str]:
    folder = str(share.path)
    if not share.writable:
        yield from (_UNSHARE.name, "--mount", "--propagation", "private")
        yield from ("/bin/sh", "-c", _READ_ONLY, folder)
    # a comma would end the option
    yield from (_VIRTIOFSD.name, f"--fd={fd}", "-o", f"source={folder.replace(',', chr(92) + ',')}")
