"""What a file of somebody's is for, seen by what it begins with and by its name."""

from collections.abc import Iterable

from bootharness.formats.forms import LOOK_BYTES, MEDIA, form_of, is_bzimage

__all__ = ["HEAD_BYTES", "purpose"]

HEAD_BYTES = LOOK_BYTES
"""How much of a file is looked at."""

_MODULES = (".c32", ".e32", ".e64", ".mod", ".lst", ".pf2", ".mo", ".bss")
_CONFIGURATIONS = (".cfg", ".ipxe", ".conf", ".menu")
_PXELINUX = "pxelinux.cfg/"
_PROGRAMS = (".0", ".pxe", ".kpxe", ".kkpxe")
"""The names of boot programs for a BIOS, which tell of nothing by how they begin."""
_UNPACKED_BY_KERNELS = ("gzip", "xz", "zstd", "lz4", "bzip2", "lzma")
_CPIO = (b"0707", b"\xc7\x71")


def purpose(name: str, head: bytes, *, named: Iterable[str], after_kernel: bool) -> str:
    """Return what a file is for: ``nbp``, ``script``, ``module``, ``kernel``, ``initrd``; empty
    where that is not seen.

    ``named`` are the files that a DHCP server has named, ``after_kernel`` says whether a kernel was
    asked for before.
    """
    low = name.lower()
    if head.startswith(b"#!ipxe"):
        return "script"
    if is_bzimage(head):
        return "kernel"
    form = form_of(head)
    kind = form.id if form else ""
    if name in named or kind == "efi" or (form is None and low.endswith(_PROGRAMS)):
        return "nbp"
    if low.endswith(_MODULES):
        return "module"
    if low.endswith(_CONFIGURATIONS) or _PXELINUX in low or low.rpartition("/")[2] == "grub.cfg":
        return "script"
    packed = kind in _UNPACKED_BY_KERNELS or kind in MEDIA or head.startswith(_CPIO)
    return "initrd" if after_kernel and packed else ""
