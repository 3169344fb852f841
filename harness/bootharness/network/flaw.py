"""Why a file cannot be what it is asked for, as its first bytes and its size show."""

import re
import zlib
from collections.abc import Iterable

from bootharness.formats.bzimage import SetupHeader, is_uefi_program
from bootharness.formats.forms import form_of, is_bzimage
from bootharness.formats.url import Url
from bootharness.text import count

__all__ = ["TAKEN_OVER_HTTP", "flaw", "name_for_http", "no_kernel"]

# EDK2 goes by the name where the server's Content-Type does not tell, and no usual server's does
TAKEN_OVER_HTTP = (".efi", ".iso", ".img")

# by what SYSLINUX runs on, as `program_kind` has it
_MODULES = {"PC BIOS": (b"\x7fELF\1", "a BIOS"), "ia32 UEFI": (b"\x7fELF\1", "a UEFI of 32 bits"),
            "x64 UEFI": (b"\x7fELF\2", "a UEFI of 64 bits")}  # fmt: skip
_MODULE_NAMES = (".c32", ".e32", ".e64")
_COM32R = b"\xb8\xff\x4c\xcd\x21"
_PARAGRAPH = 16
_TEXTS = ("text", "a script")
_UTF_8_MARK, _UTF_16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_KERNEL_NAME = re.compile(r"(?:vmlinuz|bzimage|kernel|linux)(?!\S*initr)[^/]*$", re.IGNORECASE)
_INITRD_NAME = re.compile(r"initr[^/]*$", re.IGNORECASE)
_NO_KERNELS = ("compressed", "a cpio archive", "a tar archive", "a SquashFS image",
               "a Debian package", "an RPM package")  # fmt: skip
_ELF64 = b"\x7fELF\2"
"""What no boot program loads as a kernel; of 32 bits iPXE runs what is linked for it."""
_GZIP, _GZIP_WINDOW = b"\x1f\x8b", 31
_LABEL = re.compile(rb"^[ \t]*:([\w.-]+)", re.MULTILINE)
_GOTO = re.compile(rb"^[^#\r\n]*?\bgoto[ \t]+([\w.-]+)[ \t\r]*$", re.MULTILINE)
_GOES = re.compile(rb"goto[ \t]+([\w.-]+)", re.IGNORECASE)
_ASKS_NOBODY = re.compile(rb"(?:(?:echo|sleep|set|clear|inc)\b[^|&]*|#.*)?", re.IGNORECASE)
_LOADS = (
    rb"^[ \t]*(?:kernel|linux|linux16|linuxefi|chain|chainloader)[ \t][^\r\n]{0,200}?(?<![\w.-])"
)
_NO_STUB = "has no EFI stub, as without CONFIG_EFI_STUB"
_NEVER_SERVED = ("a page of HTML", "a pointer to a file in Git LFS")


def flaw(name: str, role: str, head: bytes, size: int, asked_by: str = "") -> str:
    """Return what is wrong with a file, to be read behind its name; empty where nothing shows.

    ``role`` is what it is for, as `purpose` has it, ``head`` what it begins with, ``asked_by``
    what the boot program runs on that asked for it, as `program_kind` has it.
    """
    if not size:
        return "is empty"
    base_name = name.rpartition("/")[2]
    if is_bzimage(head):
        if _INITRD_NAME.match(base_name):
            return "is a kernel of Linux and no initrd"
        if role not in ("kernel", "nbp"):
            return ""
        no_stub = asked_by.endswith("UEFI") and not is_uefi_program(head)
        return _cut_short(head, size) or (_NO_STUB if no_stub else "")
    if base_name.lower().endswith(".efi") and not is_uefi_program(head):
        form = form_of(head)
        return f"is {form.name} and no program of a UEFI" if form else "is no program of a UEFI"
    if name.lower().endswith(_MODULE_NAMES):
        return _wrong_module(head, asked_by)
    if role in ("nbp", "script") and (marked := _marked(head)):
        return marked
    if role == "script" and head.startswith(b"#!ipxe") and len(head) == size:
        return _label_missing(head) or _goes_round(head)
    form = form_of(head)
    if form and form.name.startswith(_NO_KERNELS) and _KERNEL_NAME.match(base_name):
        return f"is {form.name}"
    if role == "initrd" and _packed_again(head):
        return "is compressed twice, gzip within gzip"
    if form and (form.name.startswith(_NEVER_SERVED) or form.of_no_pc):
        return f"is {form.name}"
    if form and role == "nbp" and form.id not in ("efi", "disk"):
        script = "; a script of iPXE's begins with #!ipxe" if form.name in _TEXTS else ""
        return f"is {form.name} and no boot program{script}"
    boots = role == "nbp" or (not role and _KERNEL_NAME.match(base_name))
    return _zeros(head) if boots and form is None else ""


def name_for_http(name: str) -> str:
    """Return what is wrong with the name of a file that a UEFI's HTTP boot took no more of than its
    beginning, to be read behind it; empty where that is not why."""
    if Url.of(name).path.lower().endswith(TAKEN_OVER_HTTP):
        return ""
    return f"is not called {', '.join(TAKEN_OVER_HTTP)}, as all is that a UEFI takes over HTTP"


def no_kernel(name: str, head: bytes, scripts: Iterable[bytes]) -> str:
    """Return what is wrong with a file that is packed or linked for no boot program, if one of the
    ``scripts`` loads it as a kernel, to be read behind its name; empty where nothing shows."""
    form = form_of(head)
    if form and (form.name.startswith(_NO_KERNELS) or head.startswith(_ELF64)):
        wrong = f"is no bzImage but {form.name}"
    elif form or not head or not (wrong := _zeros(head)):
        return ""
    base_name = re.escape(name.rpartition("/")[2].encode())
    as_kernel = re.compile(_LOADS + base_name + rb"(?![\w.-])", re.IGNORECASE | re.MULTILINE)
    named = any(as_kernel.search(each) for each in scripts)
    return wrong if named else ""


def _zeros(head: bytes) -> str:
    """Say of a file that it begins with nothing; of a CD that is not all that it begins with."""
    return (
        "" if any(head) else f"begins with {count(len(head), 'zero')}, and nothing that boots does"
    )


def _packed_again(head: bytes) -> bool:
    """Whether there is gzip within gzip: a kernel unpacks an initrd once."""
    try:
        inner = zlib.decompressobj(_GZIP_WINDOW).decompress(head, len(_GZIP))
    except zlib.error:
        return False
    return inner == _GZIP


def _marked(head: bytes) -> str:
    """Say of a text that its first bytes are not those that one sees."""
    if head.startswith(_UTF_8_MARK) and form_of(head[len(_UTF_8_MARK) :]):
        return (
            "begins with a byte order mark, as editors on Windows write it, so that its first line "
            "is not what it looks like"
        )
    if head.startswith(_UTF_16_MARKS) and b"\0" in head[2:4]:
        return "is text in UTF-16, which no boot program reads"
    return ""


def _label_missing(script: bytes) -> str:
    """Say of a whole script of iPXE's where it goes to, if that is nowhere and nothing is done
    instead."""
    labels = {each.lower() for each in _LABEL.findall(script)}
    gone = [each for each in _GOTO.findall(script) if each.lower() not in labels]
    return f"goes to {gone[0].decode()}, a label that is not in it" if gone else ""


def _goes_round(script: bytes) -> str:
    """Say of a whole script of iPXE's where it goes round for ever, if it asks nobody there and
    loads nothing."""
    passed: set[bytes] = set()
    for line in map(bytes.strip, script.splitlines()):
        if label := _LABEL.match(line):
            passed.add(label[1].lower())
        elif (goes := _GOES.fullmatch(line)) and goes[1].lower() in passed:
            return f"goes round for ever: nothing between a label and `{line.decode()}` ends it"
        elif not _ASKS_NOBODY.fullmatch(line):
            passed.clear()
    return ""


def _cut_short(head: bytes, size: int) -> str:
    header = SetupHeader.parse(head)
    whole = header.real_mode_bytes + header.payload_bytes
    if size + _PARAGRAPH > whole:
        return ""
    return f"is cut short: its header tells of {count(whole, 'byte')}, and it has {size:,}"


def _wrong_module(head: bytes, asked_by: str) -> str:
    if head.startswith(_COM32R):
        return "is a module of SYSLINUX 4 or older"
    elf, of = _MODULES.get(asked_by, (b"", ""))
    return "" if head.startswith(elf) else f"is no module of SYSLINUX for {of}"
