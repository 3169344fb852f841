"""For which machines a boot program is, seen by its headers."""

from bootharness.formats.forms import form_of

__all__ = ["program_kind"]

_PE_POINTER = 0x3C
_UEFI = {0x14C: "ia32 UEFI", 0x8664: "x64 UEFI", 0x1C2: "arm UEFI", 0xAA64: "arm64 UEFI",
         0x5064: "riscv64 UEFI"}  # fmt: skip


def program_kind(head: bytes) -> str:
    """Return what a boot program that begins so runs on: ``PC BIOS``, ``x64 UEFI`` and others.

    It is empty where it is not known, and of what is something else.
    """
    at = int.from_bytes(head[_PE_POINTER : _PE_POINTER + 4], "little")
    if head[:2] == b"MZ" and head[at : at + 4] == b"PE\0\0":
        return _UEFI.get(int.from_bytes(head[at + 4 : at + 6], "little"), "")
    form = form_of(head)
    # who writes a boot program may put a boot sector's signature into it
    other = head[:2] in (b"MZ", b"#!") or (form is not None and form.id != "disk")
    return "PC BIOS" if any(head) and not other else ""
