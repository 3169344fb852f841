"""Which file of a folder is named to whom, where nobody says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.machine.device import Firmware
from bootharness.network.boot_rule import BootRule
from bootharness.network.file_tree import FileTree
from bootharness.routes import boot_file
from bootharness.routes.boot_file import boot_rules

IPXE = b"\xea\0\0iPXE 1.21"
# of one that is compressed nothing else can be read
COMPRESSED = b"\xea\0\0PXE->EB: !PXE at "
SCRIPT = b"#!ipxe\nboot vmlinuz\n"


def tree_of(root: Path, *names: str) -> FileTree:
    """Return a folder with files of these names, each as its name says."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        own = IPXE if path.name.startswith(("snponly", "ipxe")) else b"\xea other"
        own = COMPRESSED if path.name.startswith("undionly") else own
        path.write_bytes(SCRIPT if path.suffix == ".ipxe" else own)
    return FileTree(root)


@pytest.mark.parametrize(
    ("firmware", "names", "rules"),
    [
        ("bios", ["pxelinux.0", "bootx64.efi"], [BootRule("pxelinux.0")]),
        ("uefi", ["pxelinux.0", "bootx64.efi"], [BootRule("bootx64.efi")]),
        ("bios", ["lpxelinux.0", "pxelinux.0"], [BootRule("pxelinux.0")]),
        ("uefi", ["a/grubx64.efi", "a/bootnetx64.efi"], [BootRule("a/bootnetx64.efi")]),
        ("uefi", ["EFI/BOOT/BOOTX64.EFI"], [BootRule("EFI/BOOT/BOOTX64.EFI")]),
        ("bios", ["deep/er/pxelinux.0", "deep/lpxelinux.0"], [BootRule("deep/lpxelinux.0")]),
        ("bios", ["boot.ipxe", "vmlinuz"], [BootRule("boot.ipxe")]),
        ("bios", ["boot.ipxe", "undionly.kpxe"],
         [BootRule("boot.ipxe", ipxe=True, after="undionly.kpxe"), BootRule("undionly.kpxe")]),
        ("uefi", ["boot.ipxe", "snponly.efi", "undionly.kpxe"],
         [BootRule("boot.ipxe", ipxe=True, after="snponly.efi"), BootRule("snponly.efi")]),
        ("bios", ["boot.ipxe", "pxelinux.0"], [BootRule("pxelinux.0")]),
        ("bios", ["undionly.kpxe"], [BootRule("undionly.kpxe")]),
        ("bios", ["ltsp/undionly.kpxe", "ltsp/ltsp.ipxe"],
         [BootRule("ltsp/ltsp.ipxe", ipxe=True, after="ltsp/undionly.kpxe"),
          BootRule("ltsp/undionly.kpxe")]),
        ("bios", ["undionly.kpxe", "one.ipxe", "two.ipxe"], [BootRule("undionly.kpxe")]),
    ],
)  # fmt: skip
def test_the_usual_boot_program_is_named(
    tmp_path: Path, firmware: Firmware, names: list[str], rules: list[BootRule]
) -> None:
    assert boot_rules(tree_of(tmp_path, *names), firmware, None) == tuple(rules)


def test_what_is_asked_for_is_named(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, "pxelinux.0", "own.0", "boot.ipxe")
    assert boot_rules(tree, "bios", "own.0") == (BootRule("own.0"),)
    assert boot_rules(tree, "uefi", "boot.ipxe") == (BootRule("boot.ipxe"),)


def test_a_boot_program_is_known_by_its_name_with_a_slash_too(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, "undionly.kpxe", "boot.ipxe")
    script = BootRule("boot.ipxe", ipxe=True, after="undionly.kpxe")
    assert boot_rules(tree, "bios", "/undionly.kpxe") == (script, BootRule("/undionly.kpxe"))
    assert boot_rules(tree, "bios", "/boot.ipxe") == (BootRule("/boot.ipxe"),)


@pytest.mark.parametrize(
    ("names", "asked", "said"),
    [
        (["pxelinux.0"], "PXELINUX.0", "--bootfile PXELINUX.0: .* but there is pxelinux.0"),
        (["pxelinux.0"], "../x", "leads out of the folder"),
        (["vmlinuz"], None, "no boot program of a name that is known: say by --bootfile"),
        (["pxelinux.0", "undionly.kpxe"], None, "pxelinux.0 and undionly.kpxe are boot programs"),
    ],
)
def test_what_cannot_be_named_is_said(
    tmp_path: Path, names: list[str], asked: str | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        boot_rules(tree_of(tmp_path, *names), "bios", asked)


def test_a_folder_that_leads_round_ends(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    tree = tree_of(tmp_path, "a/pxelinux.0")
    assert boot_rules(tree, "bios", None) == (BootRule("a/pxelinux.0"),)


@pytest.mark.parametrize("names", [["pxelinux.0"], ["undionly.kpxe", "boot.ipxe"]])
def test_nothing_below_what_boots_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    tree = tree_of(tmp_path, *names, "old/other")
    looked_at, entries = set(), boot_file._entries

    def noted(folder: Path) -> Iterator[tuple[str, bool]]:
        looked_at.add(folder)
        return entries(folder)

    monkeypatch.setattr(boot_file, "_entries", noted)
    assert boot_rules(tree, "bios", None)[-1].file == names[0]
    assert looked_at == {tmp_path}


def test_a_url_is_no_name_of_a_file(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, "d.iso")
    with pytest.raises(UsageError, match="--route uefi-http-root boots it"):
        boot_rules(tree, "uefi", "http://10.0.2.100/d.iso")
