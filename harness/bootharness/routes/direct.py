"""The route ``direct``: QEMU loads the kernel by itself, with -kernel."""

from collections.abc import Iterator
from contextlib import contextmanager

from bootharness.host.workspace import Workspace
from bootharness.kernels.content import Piece
from bootharness.kernels.image import KernelImage
from bootharness.kernels.initrd import initrd_bytes
from bootharness.machine.device import kernel_device
from bootharness.plan import BootPlan
from bootharness.routes.initrd import Initrd
from bootharness.routes.medium import Medium
from bootharness.routes.route import Route

__all__ = ["DIRECT"]


@contextmanager
def _prepare(kernel: KernelImage, plan: BootPlan, workspace: Workspace) -> Iterator[Medium]:
    initrd, path = initrd_bytes(kernel, plan), workspace.path / "initrd.img"
    path.write_bytes(initrd)
    device = kernel_device(kernel.path, path, plan.cmdline)
    yield Medium(device, kernel, initrd=Initrd(Piece.of(initrd)))


DIRECT = Route(
    name="direct",
    summary="QEMU itself, with its -kernel",
    blame="how QEMU itself loads a kernel",
    prepare=_prepare,
    takes=frozenset({"initrd", "cmdline", "bios"}),
)
