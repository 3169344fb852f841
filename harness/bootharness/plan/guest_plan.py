"""What is to be in a guest, what it has of this computer, and what is to be run in it."""

from pathlib import Path
from typing import Annotated

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.plan.allowed import check_values
from bootharness.plan.option import Option
from bootharness.plan.share import Forward, Share, check_forward, check_share

__all__ = ["GuestPlan"]


def _check_run(command: str) -> None:
    if not command.strip() or "\0" in command:
        raise UsageError(f"{command!r}: a command is wanted, as a shell takes it")


class GuestPlan(Struct, frozen=True):
    """What an initramfs of the harness's own is to have, and do; none of it without a wish."""

    run: Annotated[
        str | None,
        Option(
            "--run",
            "Run COMMAND by a shell when userspace is up, with busybox and what --bin, --module "
            "and --manifest name: good where it ends with 0, left out with 125, else bad.",
            title="run",
            metavar="COMMAND",
            by_route=True,
            check=_check_run,
        ),
    ] = None
    manifests: Annotated[
        tuple[str, ...],
        Option(
            "--manifest",
            "What is to be in the guest, in Rapido's words; may be repeated.",
            kind=Path,
            metavar="FILE",
            by_route=True,
            repeated=True,
        ),
    ] = ()
    programs: Annotated[
        tuple[str, ...],
        Option(
            "--bin",
            "A program of this host for the guest, with its libraries; may be repeated.",
            metavar="NAME",
            by_route=True,
            repeated=True,
        ),
    ] = ()
    modules: Annotated[
        tuple[str, ...],
        Option(
            "--module",
            "A module of the kernel for the guest, or a file of your own, as ./mine.ko, with all "
            "that it needs; may be repeated.",
            metavar="NAME",
            by_route=True,
            repeated=True,
        ),
    ] = ()
    module_folder: Annotated[
        str | None,
        Option(
            "--modules",
            "Where the modules are; else in the kernel's package, its tree, or /lib/modules.",
            title="modules",
            metavar="FOLDER",
            by_route=True,
        ),
    ] = None
    shares: Annotated[
        tuple[str, ...],
        Option(
            "--share",
            "A folder of this host that the guest has as /mnt/NAME, the folder's own name without "
            "one; read-only without :rw; may be repeated.",
            metavar="[NAME=]FOLDER[:rw]",
            by_route=True,
            repeated=True,
            check=check_share,
        ),
    ] = ()
    forwards: Annotated[
        tuple[str, ...],
        Option(
            "--forward",
            "A port of this host, on 127.0.0.1, that leads to one of the guest, as tcp:2222:22; "
            "may be repeated.",
            metavar="tcp:HERE:THERE",
            by_route=True,
            repeated=True,
            check=check_forward,
        ),
    ] = ()
    outside: Annotated[
        bool,
        Option(
            "--outside",
            "Let the guest reach the network that this host is in; it does not without.",
            kind=bool,
            by_route=True,
        ),
    ] = False

    def __post_init__(self) -> None:
        check_values(self)

    @property
    def wanted(self) -> bool:
        """Whether there is to be such a guest at all."""
        return self != GuestPlan(module_folder=self.module_folder)

    @property
    def networked(self) -> bool:
        """Whether it has a network of QEMU's."""
        return bool(self.forwards) or self.outside

    @property
    def shared(self) -> tuple[Share, ...]:
        """The folders that it has of this host."""
        return tuple(map(Share.parse, self.shares))

    @property
    def forwarded(self) -> tuple[Forward, ...]:
        """The ports that lead to it."""
        return tuple(map(Forward.parse, self.forwards))

    def check(self) -> None:
        """Raise UsageError for folders that are not here or have the same name, and for a port
        that is given twice."""
        names, ports = set(), set()
        for share in self.shared:
            if not share.path.is_dir():
                raise UsageError(f"--share {share.path}: there is no such folder")
            if share.name in names:
                raise UsageError(f"--share: two folders would be /mnt/{share.name}: name one")
            names.add(share.name)
        for forward in self.forwarded:
            if (forward.protocol, forward.here) in ports:
                raise UsageError(f"--forward: port {forward.here} can lead to one place only")
            ports.add((forward.protocol, forward.here))
