"""Kernels inside of other files: compressed, in a UKI, in a Debian package.

What is unpacked is kept in the cache under the digest of what it came from.
"""

from functools import partial
from pathlib import Path

from bootharness.errors import FormatError, KernelUnavailable, NotAKernel
from bootharness.formats.bzimage import is_uefi_program
from bootharness.formats.forms import LOOK_BYTES, Form, form_of, is_bzimage
from bootharness.formats.pe import pe_sections
from bootharness.host.regular import first_bytes
from bootharness.kernels.debian_archive import extract_vmlinuz
from bootharness.kernels.unpacking import copy, is_compressed, kept_of, unpacked

__all__ = ["is_kernel", "kernel_inside"]

_MOST_BYTES = 1 << 30
"""The largest kernels that anybody builds have a quarter of this."""
_DEPTH = 4
_FOLDER = "inside"


def kernel_inside(path: Path) -> tuple[Path, str]:
    """Return the file that is a bzImage, as far as its first bytes tell, and how it was come by.

    That is ``path`` itself and nothing for what is one, and for what nobody knows. Raises
    NotAKernel, naming the file, what it is and what to do instead; ToolMissing where a program
    is needed to unpack it, OSError where it cannot be read.
    """
    found, told = path, ""
    for _ in range(_DEPTH):
        with found.open("rb") as file:
            form = form_of(file.read(LOOK_BYTES))
        if form is None:
            return found, told
        found = _taken_out(path, found, told, form)
        told = _chain(told, form) if form.id != "efi" else _chain(told, _UKI)
    raise NotAKernel(f"{path}: {told}: too many files in each other; unpack it")


def is_kernel(path: Path) -> bool:
    """Return whether a file is a bzImage or a UKI; what cannot be read is none."""
    head = first_bytes(path, LOOK_BYTES)
    return is_bzimage(head) or (is_uefi_program(head) and _linux_section(path) is not None)


_UKI = Form("a unified kernel image (UKI)")


def _chain(told: str, form: Form) -> str:
    return f"{told}, and in it {form.name}" if told else form.name


def _taken_out(path: Path, outer: Path, told: str, form: Form) -> Path:
    """Return the file that lies in one of this form. Raises NotAKernel where there is none."""
    try:
        if form.id == "deb":
            return kept_of(outer, form, _FOLDER, partial(extract_vmlinuz, outer, str(outer)))
        if form.id == "efi" and _linux_section(outer):
            return kept_of(outer, form, _FOLDER, partial(_write_section, outer))
        if is_compressed(form):
            return unpacked(outer, form, _FOLDER, _MOST_BYTES)
    except FormatError as error:
        raise NotAKernel(f"{path}: {form.name}, and {error}") from error
    except KernelUnavailable as error:
        raise NotAKernel(str(error)) from error
    raise NotAKernel(f"{path}: {_chain(told, form)}: {form.instead}")


def _linux_section(path: Path) -> tuple[int, int] | None:
    with path.open("rb") as file:
        try:
            return next(
                ((each.offset, each.size) for each in pe_sections(file) if each.name == ".linux"),
                None,
            )
        except FormatError:
            return None


def _write_section(path: Path, target: Path) -> None:
    section = _linux_section(path)
    assert section
    offset, size = section
    with path.open("rb") as file, target.open("wb") as made:
        file.seek(offset)
        copy(file, made, min(size, _MOST_BYTES))
