"""The commands: `help user-defined` lists them, `help NAME` says more."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import gdb

from . import going, kernel
from .guest import Buffer, called, memory, register, service
from .log import calls, images, lies_at, name_of

_SHOWN = 20
_GET_MEMORY_MAP, _GET_VARIABLE, _GET_NEXT_NAME = 0x38, 0x48, 0x50
_KINDS = ("reserved", "loader code", "loader data", "boot code", "boot data", "runtime code",
          "runtime data", "free", "unusable", "ACPI tables", "ACPI NVS", "MMIO", "MMIO ports",
          "PAL", "persistent")  # fmt: skip
_PAGE = 4096
_ERROR = 1 << 63
_MOST_VARIABLES, _NAME_BYTES, _VALUE_BYTES, _SHOWN_BYTES = 500, 0x800, 0x2000, 16
_HDRS_AT = 0x202


class Efi(gdb.Command):
    """Show what a UEFI was asked for, and what it has.

    efi                    the last call
    efi calls [COUNT]      the calls so far, 20 without a COUNT
    efi images             the images that were loaded, and where they lie
    efi map                the memory map, as the firmware gives it now
    efi variables          the variables, as the firmware gives them now
    efi symbols FILE [IMAGE]   take an ELF file's symbols for an image, or the one that runs
    efi symbols vmlinux    the kernel's, wherever KASLR has put it"""

    def __init__(self) -> None:
        super().__init__("efi", gdb.COMMAND_USER)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run it and print its lines."""
        del from_tty
        words = gdb.string_to_argv(argument)
        known: dict[str, Callable[..., Iterator[str]]] = {
            "calls": _calls, "images": _images, "map": _map, "variables": _variables,
            "symbols": _symbols,
        }  # fmt: skip
        what, *more = words or ["calls", "1"]
        if what not in known:
            raise gdb.GdbError(f"Either `efi' or `efi {', '.join(known)}'.")
        try:
            for line in known[what](*more):
                print(line)
        except TypeError:
            raise gdb.GdbError("See `help efi'.") from None
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"{error}.") from None


class UntilImage(gdb.Command):
    """Run until an image is entered, at its first instruction.

    NAME is a file's, as \\vmlinuz, or the end of it; the case does not matter.
    Usage: until-image NAME"""

    def __init__(self) -> None:
        super().__init__("until-image", gdb.COMMAND_USER)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run it."""
        del from_tty
        print(going.until_image(argument.strip()))


class UntilExit(gdb.Command):
    """Run until the boot services have ended: what ends them goes on then.

    Usage: until-exit-boot-services"""

    def __init__(self) -> None:
        super().__init__("until-exit-boot-services", gdb.COMMAND_USER)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run it."""
        del argument, from_tty
        print(going.until_exit())


class UntilKernel(gdb.Command):
    """Run until the kernel runs where it has put itself, and `efi symbols vmlinux' finds it.

    Usage: until-kernel"""

    def __init__(self) -> None:
        super().__init__("until-kernel", gdb.COMMAND_USER)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run it."""
        del argument, from_tty
        print(kernel.until_kernel())


def _calls(count: str = str(_SHOWN)) -> Iterator[str]:
    every = calls()
    if not count.isdecimal():
        raise gdb.GdbError("`efi calls' takes a number.")
    first = max(len(every) - int(count), 0)
    if not every:
        yield "Nothing was asked of the UEFI so far."
    elif first and int(count) > 1:
        yield f"  ... {first:,} before"
    for number, call in enumerate(every[first:], first):
        said = repr(call["text"]) if call["text"] else ""
        size = f"{call['bytes']:,} bytes at {call['address']:#x}" if call["bytes"] else ""
        by = lies_at(every, call["caller"])
        words = (call["service"], call["path"], said, size, call["error"], f"by {by}" if by else "")
        yield f"  {number:4}  {'  '.join(filter(None, words))}"


def _images() -> Iterator[str]:
    every = calls()
    begun = {call["subject"] for call in every if call["service"] == "StartImage"}
    gone = {call["subject"] for call in every if call["service"] in ("image returned", "Exit")}
    for image in images(every):
        subject = image["subject"]
        state = "came back" if subject in gone else "started" if subject in begun else "loaded"
        here = " <- here" if 0 <= register("rip") - image["address"] < image["bytes"] else ""
        yield f"  {image['address']:#011x} {image['bytes']:11,} bytes  {state:9}  " + (
            f"{name_of(image)}{here}"
        )


def _map() -> Iterator[str]:
    function = service(going.system_table(), "boot", _GET_MEMORY_MAP)
    buffer = Buffer()
    head = buffer.write(0, struct.pack("<QQQQ", buffer.bytes - 0x40, 0, 0, 0))
    status = called(
        function, head, buffer.start + 0x40, head + 8, head + 16, head + 24, buffer=buffer
    )
    if status:
        raise gdb.GdbError(f"GetMemoryMap returned {status:#x}.")
    size, _, step, _ = struct.unpack("<QQQQ", memory(head, 32))
    content = memory(buffer.start + 0x40, size)
    for at in range(0, size, step):
        kind, start, _, pages = struct.unpack_from("<I4xQQQ", content, at)
        name = _KINDS[kind] if kind < len(_KINDS) else f"type {kind:#x}"
        yield f"  {start:#011x} to {start + pages * _PAGE - 1:#011x}  {pages:8,} pages  {name}"


def _variables() -> Iterator[str]:
    table = going.system_table()
    following = service(table, "runtime", _GET_NEXT_NAME)
    reading = service(table, "runtime", _GET_VARIABLE)
    buffer = Buffer()
    guid, name = buffer.start + 0x10, buffer.start + 0x20
    value = name + _NAME_BYTES
    buffer.write(0, bytes(0x40))
    for _ in range(_MOST_VARIABLES):
        buffer.write(0, struct.pack("<Q", _NAME_BYTES))
        if called(following, buffer.start, name, guid, buffer=buffer) & _ERROR:
            return
        text = memory(name, _NAME_BYTES).decode("utf-16-le", "replace").partition("\0")[0]
        size = buffer.write(0, struct.pack("<QQ", _VALUE_BYTES, 0))
        status = called(reading, name, guid, size + 8, size, value, buffer=buffer)
        (count,) = struct.unpack("<Q", memory(size, 8))
        shown = memory(value, min(count, _SHOWN_BYTES)).hex(" ") if not status & _ERROR else "?"
        more = " ..." if count > _SHOWN_BYTES else ""
        yield f"  {text:<28} {count:6,} bytes  {shown}{more}"


def _symbols(file: str, image: str = "") -> Iterator[str]:
    if kernel.is_kernel(file):
        moved = kernel.moved_by(file)
        gdb.execute(f"add-symbol-file {file} -o {moved:#x}", to_string=True)
        yield f"symbols of {file} for the kernel, moved by {moved:#x}"
        return
    every = images(calls())
    here = [each for each in every
            if (each["address"] <= register("rip") < each["address"] + each["bytes"]
                if not image else name_of(each).lower().endswith(image.lower()))]  # fmt: skip
    if not here:
        raise gdb.GdbError(f"No image {image or 'that runs'} is known: see `efi images'.")
    base = here[-1]["address"]
    offset = base
    if memory(base + _HDRS_AT, 4) == b"HdrS":  # a kernel's decompressor is linked to 0
        offset += _section(base, b".text")
    gdb.execute(f"add-symbol-file {file} -o {offset:#x}", to_string=True)
    yield f"symbols of {file} for {name_of(here[-1])}, moved by {offset:#x}"


def _section(base: int, name: bytes) -> int:
    """Return where a section of a PE image begins, behind the image's start."""
    (pe,) = struct.unpack("<I", memory(base + 0x3C, 4))
    count, optional = struct.unpack("<H12xH", memory(base + pe + 6, 16))
    for each in range(count):
        entry = memory(base + pe + 24 + optional + 40 * each, 16)
        if entry[:8].rstrip(b"\0") == name:
            found: int = struct.unpack_from("<I", entry, 12)[0]
            return found
    return 0


OURS = (Efi, UntilImage, UntilExit, UntilKernel)
