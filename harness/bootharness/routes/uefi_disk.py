"""The routes from a disk of a UEFI to a kernel: what is on its EFI system partition."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import FormatError, UsageError
from bootharness.formats.uki import unified
from bootharness.host.tool import Tool
from bootharness.host.workspace import Workspace
from bootharness.kernels.content import Piece
from bootharness.kernels.image import KernelImage
from bootharness.kernels.initrd import initrd_bytes
from bootharness.machine.uefi import UEFI_TOOLS, flash_in
from bootharness.plan import BootPlan
from bootharness.routes.disk import DiskImage
from bootharness.routes.esp import MTOOLS, write_esp
from bootharness.routes.initrd import Initrd
from bootharness.routes.loader import Loader
from bootharness.routes.medium import Medium
from bootharness.routes.route import OF_A_UEFI, Route
from bootharness.routes.uefi_kernel import unfit_for_uefi
from bootharness.trace.milestones import UEFI_MILESTONES

__all__ = ["UEFI_KERNELS"]

_FALLBACK = "EFI/BOOT/BOOTX64.EFI"
"""What a UEFI starts of a disk of which it has no boot entry (UEFI specification 2.10, 3.5.1.1)."""
_SYSTEMD = Tool("/usr/lib/systemd/boot/efi/systemd-bootx64.efi", "systemd-boot-efi")
_STUB = Tool("/usr/lib/systemd/boot/efi/linuxx64.efi.stub", "systemd-boot-efi")
_GRUB = Tool("/usr/lib/grub/x86_64-efi/monolithic/grubx64.efi", "grub-efi-amd64-bin")
_SHIM = Tool("/usr/lib/shim/shimx64.efi.signed", "shim-signed")
_SIGNED_GRUB = Tool("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "grub-efi-amd64-signed")
_SERIAL = "serial --unit=0 --speed=115200\nterminal_output serial\n"
# what keeps the words of a command line as they are
_QUOTE, _QUOTED = "'", "'\\''"

_Texts = Callable[[str], Mapping[str, str]]


class _Way(Struct, frozen=True):
    """One boot manager: its program, where it belongs, and its configuration: files by name, made
    of the command line."""

    name: str
    summary: str
    program: Tool | None
    """None is the kernel itself."""
    texts: _Texts
    twin: str = ""
    entry: str = ""
    """The kernel's boot entry, to go before its command line, where the firmware starts it."""
    beside: Mapping[str, Tool] = {}
    """Further programs, by their places."""
    alone: bool = False
    """Whether kernel and initrd are parts of the program."""

    @property
    def programs(self) -> tuple[Tool, ...]:
        """All that is on the partition besides the kernel."""
        return (*([self.program] if self.program else []), *self.beside.values())


def _systemd_boot(cmdline: str) -> Mapping[str, str]:
    entry = f"title Linux\nlinux /vmlinuz\ninitrd /initrd\noptions {cmdline}\n"
    return {"loader/loader.conf": "timeout 0\n", "loader/entries/linux.conf": entry}


def _grub(cmdline: str) -> Mapping[str, str]:
    words = " ".join(f"'{word.replace(_QUOTE, _QUOTED)}'" for word in cmdline.split())
    config = (
        f"{_SERIAL}search --no-floppy --file --set=root /vmlinuz\n"
        f"linux /vmlinuz {words}\ninitrd /initrd\nboot\n"
    )
    return {"EFI/debian/grub.cfg": config}


def _nothing(_cmdline: str) -> Mapping[str, str]:
    return {}


_WAYS = (
    _Way(
        "uefi-stub",
        "the kernel as a UEFI's own boot program, with its command line in a boot entry",
        None,
        _nothing,
        twin="mbr",
        entry="\\EFI\\BOOT\\BOOTX64.EFI initrd=\\initrd",
    ),
    _Way("uefi-systemd-boot", "systemd-boot on a disk, started by a UEFI", _SYSTEMD, _systemd_boot),
    _Way("uefi-grub", "GRUB on a disk, started by a UEFI", _GRUB, _grub, twin="grub"),
    _Way(
        "uefi-shim",
        "shim and GRUB, both signed, on a disk, started by a UEFI",
        _SHIM,
        _grub,
        beside={"EFI/BOOT/grubx64.efi": _SIGNED_GRUB},
    ),
    _Way("uefi-uki", "a unified kernel image, started by a UEFI", _STUB, _nothing, alone=True),
)


@contextmanager
def _prepare(
    way: _Way, kernel: KernelImage, plan: BootPlan, workspace: Workspace
) -> Iterator[Medium]:
    initrd, path = initrd_bytes(kernel, plan), workspace.path / "disk.img"
    folder = workspace.path / "esp"
    folder.mkdir()
    write_esp(path, _files(way, kernel, initrd, plan.cmdline, folder))
    loader = Loader(
        way.name, _read(way.program) if way.program else kernel.read_real_mode(), manager=True
    )
    disk = DiskImage(path, loader, kernel, None, plan.cmdline, initrd=Initrd(Piece.of(initrd)))
    machine = plan.machine
    if way.entry and not machine.boot_entries:
        machine = replace(machine, boot_entries=(f"{way.entry} {plan.cmdline}",))
    with Medium.of_disk(disk, plan, flash=flash_in(workspace.path, machine)) as medium:
        yield medium


def _files(
    way: _Way, kernel: KernelImage, initrd: bytes, cmdline: str, folder: Path
) -> dict[str, Path]:
    """Return what belongs on the partition: names there, and files, which are made in ``folder``
    where they are not there."""
    if "\n" in cmdline:
        raise UsageError(f"the command line {cmdline!r} cannot go into a configuration")
    program = _read(way.program) if way.program else _read_kernel(kernel)
    if way.alone and way.program:
        sections = {".cmdline": cmdline.encode(), ".linux": _read_kernel(kernel), ".initrd": initrd}
        try:
            program = unified(program, sections)
        except FormatError as error:
            raise UsageError(f"{way.program.name}: {error}") from error
    contents = {name: text.encode() for name, text in way.texts(cmdline).items()}
    contents[_FALLBACK] = program
    contents |= {name: _read(tool) for name, tool in way.beside.items()}
    if not way.alone:
        contents["initrd"] = initrd
    made = {}
    for number, (name, content) in enumerate(contents.items()):
        made[name] = folder / str(number)
        made[name].write_bytes(content)
    if way.alone or not way.program:
        return made
    return {**made, "vmlinuz": kernel.path.absolute()}


def _read_kernel(kernel: KernelImage) -> bytes:
    return kernel.content.read(0, kernel.file_bytes)


def _read(program: Tool) -> bytes:
    try:
        return Path(program.name).read_bytes()
    except OSError:
        raise program.missing() from None


def _foresee(kernel: KernelImage, _plan: BootPlan) -> str | None:
    return unfit_for_uefi(kernel)


UEFI_KERNELS = tuple(
    Route(
        name=way.name,
        summary=way.summary,
        blame=way.summary.partition(" on ")[0].partition(",")[0],
        prepare=partial(_prepare, way),
        takes=frozenset({"initrd", "cmdline", "disk_interface", "disk_faults", "cold", *OF_A_UEFI}),
        firmware="uefi",
        twin=way.twin,
        milestones=UEFI_MILESTONES,
        foresee=_foresee,
        tools=(*UEFI_TOOLS, *MTOOLS, *way.programs),
        programs=tuple(Path(tool.name) for tool in (*UEFI_TOOLS, *way.programs)),
    )
    for way in _WAYS
)
