"""Foreign loaders and their profiles."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.routes.loader import Loader, Patch

NUMBERS = {
    "kernel_lba": 0x11223344, "kernel_sectors": 99, "cmdline_lba": 7, "initrd_lba": 0,
    "initrd_size": 0, "initrd_address": 0,
}  # fmt: skip


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_flat_binary_with_offsets(tmp_path: Path) -> None:
    path = write(tmp_path, "boot.bin", bytes(440))
    write(
        tmp_path,
        "boot.toml",
        "[patch]\nkernel_lba = 0x1b0\ncmdline_lba = { at = 0x1a0, bytes = 8 }\n"
        "kernel_sectors = { at = 0x190, bytes = 1 }\n",
    )
    loader = Loader.read(path)
    assert not loader.takes_initrd
    binary = loader.patched(**NUMBERS)
    assert binary[0x1B0:0x1B4] == bytes.fromhex("44332211")
    assert binary[0x1A0:0x1A8] == (7).to_bytes(8, "little")
    assert binary[0x190] == 99
    assert sum(map(bool, binary)) == 6


def test_number_that_does_not_fit_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, "boot.bin", bytes(440))
    write(tmp_path, "boot.toml", "[patch]\nkernel_lba = { at = 0, bytes = 2 }")
    with pytest.raises(UsageError, match="kernel_lba is 287,454,020 and does not fit its 2 bytes"):
        Loader.read(path).patched(**NUMBERS)


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ("{ at = 0, bytes = 1.0 }", "give a symbol, an offset in bytes"),
        ("{ at = 0, bytse = 2 }", "bytse: known are at and bytes"),
        ("{ at = [[[[]]]], bytes = 2 }", "give a symbol, an offset in bytes"),
        ("2\ncmdline_lba = 0", "cmdline_lba and kernel_lba are patched to the same bytes"),
        ("[" * 900 + "]" * 900, "profile"),
    ],
)
def test_profile_that_cannot_be(tmp_path: Path, patch: str, said: str) -> None:
    path = write(tmp_path, "boot.bin", bytes(440))
    write(tmp_path, "boot.toml", f"[patch]\nkernel_lba = {patch}\n")
    with pytest.raises(UsageError) as raised:
        Loader.read(path)
    assert said in str(raised.value) or "[patch] kernel_lba" in str(raised.value)


def test_assembly_with_symbols_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, "boot.asm", "bits 16\nglobal where\nstart: jmp $\nwhere: dd 0\n")
    write(tmp_path, "boot.toml", '[patch]\nkernel_lba = "where"\n')
    loader = Loader.read(path)
    assert loader.patches == {"kernel_lba": Patch(2)}
    assert loader.symbols["where"] == 0x7C02
    assert loader.patched(**NUMBERS) == bytes.fromhex("ebfe44332211")


def test_elf_needs_no_profile_when_it_names_its_places_as_we_do(tmp_path: Path) -> None:
    source = write(tmp_path, "boot.asm", "bits 16\nglobal kernel_lba\njmp $\nkernel_lba: dd 0\n")
    elf = Loader.read(source).elf
    assert elf
    copy = write(tmp_path, "copy.elf", elf.read_bytes())
    assert Loader.read(copy).patches == {"kernel_lba": Patch(2)}


def test_loader_of_more_than_a_sector_keeps_its_rest(tmp_path: Path) -> None:
    path = write(tmp_path, "boot.bin", bytes(510) + b"\x55\xaa" + b"stage 1.5")
    write(tmp_path, "boot.toml", "[patch]\nkernel_lba = 0x200\n")
    assert Loader.read(path).patched(**NUMBERS)[512:] == bytes.fromhex("44332211") + b"e 1.5"


@pytest.mark.parametrize(
    ("size", "profile", "words"),
    [
        (440, None, "boot.toml beside it has to say where kernel_lba is patched"),
        (440, "[patch", "boot.toml: not a loader profile"),
        (440, "", "one table, [patch], that is not empty"),
        (440, "[patch]\n[other]\n", "one table, [patch]"),
        (440, "[patch]\nkernel = 3", "[patch] kernel: known are kernel_lba"),
        (440, '[patch]\nkernel_lba = "nowhere"', "the loader has no symbol 'nowhere'"),
        (440, "[patch]\nkernel_lba = 1.5", "[patch] kernel_lba: give a symbol"),
        (440, "[patch]\nkernel_lba = { at = 4, bytes = 3 }", "bytes = 1, 2, 4 or 8"),
        (440, "[patch]\nkernel_lba = 437", "at offset 437, outside of the loader's 440 bytes"),
        (440, "[patch]\nkernel_lba = -4", "outside of the loader's"),
        (447, "[patch]\nkernel_lba = 0", "447 bytes do not fit before the partition table"),
        (0, "[patch]\nkernel_lba = 0", "the loader is empty"),
    ],
)
def test_wrong_input_gets_a_sentence_with_file_and_field(
    tmp_path: Path, size: int, profile: str | None, words: str
) -> None:
    path = write(tmp_path, "boot.bin", bytes(size))
    if profile is not None:
        write(tmp_path, "boot.toml", profile)
    with pytest.raises(UsageError) as caught:
        Loader.read(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("at", "there", "fits"),
    [(446, "90", False), (509, "01", False), (510, "55aa", True), (512, "90", True),
     (446, "80 010100 83 feffff 00080000 00000100", True),
     (446, "00 010100 83 feffff 00000000 00000100", False)],
)  # fmt: skip
def test_code_where_the_partition_table_is(at: int, there: str, fits: bool, tmp_path: Path) -> None:
    binary = (b"\x90" * 440).ljust(at, b"\0") + bytes.fromhex(there)
    path = write(tmp_path, "boot.bin", binary.ljust(1024, b"\0"))
    write(tmp_path, "boot.toml", "[patch]\nkernel_lba = 0")
    if fits:
        assert Loader.read(path)
        return
    with pytest.raises(UsageError, match="goes on where the partition table is, in bytes 446 to"):
        Loader.read(path)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        Loader.read(tmp_path / "none.asm")
    with pytest.raises(UsageError, match="No such file"):
        Loader.read(tmp_path / "none.elf")
    with pytest.raises(UsageError, match="not an ELF file"):
        Loader.read(write(tmp_path, "text.elf", "hello"))
    with pytest.raises(UsageError, match=r"nasm refuses .*bad\.asm"):
        Loader.read(write(tmp_path, "bad.asm", "mov eax\n"))
