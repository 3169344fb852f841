"""An initramfs from what a manifest says: in memory, as newc (initramfs buffer format).

/init                  loads the modules and runs the scripts (images/guest-init.sh)
/bin/busybox           the host's, static
/lib/modules/RELEASE   the modules that are wanted, and /etc/bootharness/modules their order
/etc/bootharness/run   the scripts of `autorun`, by number
whatever else is named
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from bootharness.errors import ToolMissing, UsageError
from bootharness.formats.cpio import build
from bootharness.formats.elf_dynamic import dynamic_of
from bootharness.host.assembler import shipped
from bootharness.host.tool import Tool
from bootharness.initramfs.host_file import host_file
from bootharness.initramfs.manifest import OF_MODULES, Line
from bootharness.initramfs.modules import Modules, module_name
from bootharness.initramfs.own_modules import with_own
from bootharness.initramfs.programs import closure, found
from bootharness.initramfs.tree import Tree

__all__ = ["BUSYBOX", "guest_archive"]

BUSYBOX = Tool("busybox", "busybox-static")
"""What a guest has for a shell."""

_BUSYBOX = "bin/busybox"
_OWN = "etc/bootharness"
_FOLDERS = ("proc", "sys", "tmp", "run", "mnt", "root", "dev")


def guest_archive(
    lines: Iterable[Line], modules: Modules | None, own: Mapping[str, bytes] | None = None
) -> bytes:
    """Return an archive, not compressed; ``own`` are files for /init, by their names in its folder.

    Raises UsageError, naming the line, for what is not here or cannot be in it, ToolMissing without
    a static busybox.
    """
    tree, wanted = Tree(), list[Line]()
    scripts = 0
    for folder in _FOLDERS:
        tree.folder(folder)
    tree.device("dev/console", 5, 1)
    lines = list(lines)
    modules = modules and with_own(modules, _own_modules(lines))
    for line in lines:
        if line.word == "kmod" or (line.word == "try-kmod" and _has(modules, line)):
            wanted.append(line)
        try:
            scripts = _add(tree, line, scripts)
        except UsageError as error:
            raise UsageError(f"{line.said_by}: {error}") from error
    if wanted:
        _add_modules(tree, wanted, modules)
    if _BUSYBOX not in tree:
        tree.file(_BUSYBOX, _busybox(), 0o755)
    for each, data in (own or {}).items():
        tree.file(f"{_OWN}/{each}", data)
    tree.file("init", shipped("images/guest-init.sh").read_bytes(), 0o755)
    return build(tree.entries)


def _add(tree: Tree, line: Line, scripts: int) -> int:
    first = line.arguments[0]
    match line.word:
        case "autorun":
            for location in line.arguments:
                path = line.located(location)
                name = f"{_OWN}/run/{scripts:03}-{path.name}"
                tree.file(name, host_file(path), 0o755)
                scripts += 1
        case "bin" | "try-bin":
            _add_programs(tree, line)
        case "file" if len(line.arguments) == 1:
            tree.file(first, b"")
        case "file":
            path = line.located(line.arguments[1])
            tree.file(first, host_file(path), path.stat().st_mode & 0o7777)
        case "filter":
            tree.leave_out(first)
        case "tree":
            tree.of_host(first, line.located(line.arguments[1]))
        case "dir":
            tree.folder(first)
        case "slink":
            tree.link(first, line.arguments[1])
    return scripts


def _add_programs(tree: Tree, line: Line) -> None:
    """Add a program, or those in a folder."""
    name = line.arguments[0]
    folder = line.located(name) if "/" in name else None
    inside = sorted(folder.rglob("*")) if folder and folder.is_dir() else []
    programs = [each for each in inside if each.is_file()]
    if not programs:
        program = found(name, line.folder)
        if program is None and line.word == "bin":
            raise UsageError(f"there is no program {name} here: try-bin would do without")
        programs = [program] if program else []
    for program in programs:
        for each, data in closure(program).items():
            tree.program(each, data)


def _own_modules(lines: Iterable[Line]) -> dict[str, Path]:
    """Return the files that are modules of a person's own, by what the kernel calls them."""
    files = {line.arguments[0]: line.located(line.arguments[0]) for line in lines
             if line.word in OF_MODULES and "/" in line.arguments[0]}  # fmt: skip
    return {module_name(name): path for name, path in files.items() if path.exists()}


def _has(modules: Modules | None, line: Line) -> bool:
    name = line.arguments[0]
    return modules is not None and modules.has(name) and _is_there(line)


def _is_there(line: Line) -> bool:
    """Return whether a module is one by its name alone, or a file that is there."""
    name = line.arguments[0]
    return "/" not in name or line.located(name).exists()


def _add_modules(tree: Tree, wanted: list[Line], modules: Modules | None) -> None:
    if modules is None:
        raise UsageError(
            f"{wanted[0].said_by}: kmod needs the kernel's modules, and none are known"
        )
    names = dict[str, None]()
    for line in wanted:
        try:
            if not _is_there(line):
                raise UsageError(f"{line.located(line.arguments[0])}: there is no such file")
            for path in modules.closure([line.arguments[0]]):
                name = f"lib/modules/{modules.release}/{path.partition('.ko')[0]}.ko"
                if name not in names:
                    tree.file(name, modules.content(path))
                names[name] = None
        except UsageError as error:
            raise UsageError(f"{line.said_by}: {error}") from error
    tree.file(f"{_OWN}/modules", "".join(f"/{name}\n" for name in names).encode())


def _busybox() -> bytes:
    path = found("busybox", Path())
    if path is None:
        raise BUSYBOX.missing()
    data = host_file(path)
    if dynamic_of(data).needed:
        raise ToolMissing(f"{path} is not static, as a guest needs it: apt install busybox-static")
    return data
