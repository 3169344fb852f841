"""Why a file cannot be what it is asked for, as its first bytes and its size show."""

from bootharness.formats.bzimage import SetupHeader
from bootharness.formats.forms import form_of, is_bzimage
from bootharness.text import count

__all__ = ["flaw"]

_ELF_32 = b"\x7fELF\1"
_COM32R = b"\xb8\xff\x4c\xcd\x21"
_PARAGRAPH = 16
_TEXTS = ("text", "a script")
_NEVER_SERVED = ("a page of HTML", "a pointer to a file in Git LFS")


def flaw(name: str, role: str, head: bytes, size: int) -> str:
    """Return what is wrong with a file, to be read behind its name; empty where nothing shows.

    ``role`` is what it is for, as `purpose` has it, ``head`` what it begins with.
    """
    if not size:
        return "is empty"
    if is_bzimage(head):
        return _cut_short(head, size) if role in ("kernel", "nbp") else ""
    if name.lower().endswith(".c32"):
        return _wrong_module(head)
    form = form_of(head)
    if form and (form.name.startswith(_NEVER_SERVED) or form.of_no_pc):
        return f"is {form.name}"
    if form and role == "nbp" and form.name in _TEXTS:
        return f"is {form.name} and no boot program; a script of iPXE's begins with #!ipxe"
    return ""


def _cut_short(head: bytes, size: int) -> str:
    header = SetupHeader.parse(head)
    whole = header.real_mode_bytes + header.payload_bytes
    if size + _PARAGRAPH > whole:
        return ""
    return f"is cut short: its header tells of {count(whole, 'byte')}, and it has {size:,}"


def _wrong_module(head: bytes) -> str:
    if head.startswith(_COM32R):
        return "is a module of SYSLINUX 4 or older"
    return "" if head.startswith(_ELF_32) else "is no module of SYSLINUX for a BIOS"
