"""Free memory of a UEFI, from what programs print of it."""

import pytest

from bootharness.formats.uefi_memory import free_memory, room_for

_MIB = 1 << 20
_LINUX = """[    0.000000] efi: mem00: [{}|   |WB|WT|WC|UC] range=[0x{:016x}-0x{:016x}] (1MB)
"""


def linux(*holes: tuple[str, int, int]) -> str:
    return "".join(_LINUX.format(f"{kind:<19}", low, high - 1) for kind, low, high in holes)


@pytest.mark.parametrize(
    ("text", "holes"),
    [
        (linux(("Conventional", 0, 0xA0000), ("Boot Data", 1 * _MIB, 2 * _MIB),
               ("Conventional Memory", 2 * _MIB, 3 * _MIB), ("Loader Data", 3 * _MIB, 4 * _MIB),
               ("Runtime Code", 4 * _MIB, 5 * _MIB)), [(0, 0xA0000), (2 * _MIB, 4 * _MIB)]),
        ("Type       Start            End              # Pages\n"
         "Available  0000000000100000-00000000007FFFFF 0000000000000700 000000000000000F\n"
         "BS_Data    0000000000800000-00000000008FFFFF 0000000000000100 000000000000000F\n",
         [(0x100000, 0x800000)]),
        ("  0x000000000 to 0x00009ffff       160 pages  free\n"
         "  0x000100000 to 0x0007fffff     1,792 pages  loader data\n", [(0, 0xA0000)]),
        ("BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n", []),
        ("range=[0x0-0x]\nAvailable 1-2\n", []),
    ],
)  # fmt: skip
def test_holes_are_found(text: str, holes: list[tuple[int, int]]) -> None:
    assert free_memory(text) == tuple(range(*each) for each in holes)


def test_room_is_what_is_aligned_and_high_enough() -> None:
    holes = (range(1 * _MIB), range(15 * _MIB + 1, 40 * _MIB), range(50 * _MIB, 60 * _MIB))
    assert room_for(holes, lowest=16 * _MIB, alignment=2 * _MIB) == 24 * _MIB
    assert room_for(holes, lowest=41 * _MIB, alignment=16 * _MIB) == 0
    assert room_for(holes, lowest=0, alignment=2 * _MIB) == 24 * _MIB
    assert room_for((), lowest=0, alignment=1) == 0
