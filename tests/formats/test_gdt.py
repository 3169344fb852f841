"""Segment descriptors, against constants that people know and the story's own bytes."""

import pytest

from bootharness.errors import FormatError
from bootharness.formats.gdt import BlockMoveTable, SegmentDescriptor


def descriptor(value: int) -> SegmentDescriptor:
    return SegmentDescriptor.parse(value.to_bytes(8, "little"))


def test_flat_code_descriptor_of_every_protected_mode_tutorial() -> None:
    code = descriptor(0x00CF9A000000FFFF)
    assert (code.base, code.limit, code.effective_limit) == (0, 0xFFFFF, 0xFFFFFFFF)
    assert (code.g, code.d_b, code.l, code.avl) == (True, True, False, False)
    assert (code.p, code.dpl, code.s, code.type) == (True, 0, True, 0xA)


def test_long_mode_code_and_user_data() -> None:
    assert descriptor(0x00AF9B000000FFFF).l
    user = descriptor(0x00CFF3000000FFFF)
    assert (user.dpl, user.type, user.access) == (3, 3, 0xF3)


def test_base_is_put_together_from_three_places() -> None:
    # as in the SDM's figure: 31..24 in the last byte, 23..0 from the third on
    assert SegmentDescriptor.parse(bytes.fromhex("ffff563412930078")).base == 0x78123456


def test_story_descriptor_wraps() -> None:
    assert SegmentDescriptor.parse(bytes.fromhex("ffff001c00930000")).base == 0x001C00
    assert SegmentDescriptor.parse(bytes.fromhex("ffff001c00930001")).base == 0x1001C00


@pytest.mark.parametrize("value", [0, 1, 0x00CF9A000000FFFF, 0xFEDCBA9876543210, 2**64 - 1])
def test_any_eight_bytes_can_be_parsed_and_built_again(value: int) -> None:
    raw = value.to_bytes(8, "little")
    assert SegmentDescriptor.parse(raw).build() == raw


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("ffff001c00930000", "base=0x001c00 limit=0xffff data,rw,accessed"),
        ("ffff0000009a0000", "base=0x000000 limit=0xffff code,rx"),
        ("ffff000000120000", "base=0x000000 limit=0xffff data,rw,not-present"),
        ("0000000000000000", "base=0x000000 limit=0x0000 null"),
        ("6700000000890000", "base=0x000000 limit=0x0067 system-9"),
        ("ffff000000f20000", "base=0x000000 limit=0xffff data,rw,ring3"),
    ],
)
def test_descriptor_is_written_as_a_person_would(raw: str, text: str) -> None:
    assert str(SegmentDescriptor.parse(bytes.fromhex(raw))) == text


def test_block_move_table_has_its_descriptors_in_the_bios_order() -> None:
    raw = b"".join((number << 16 | 0xFFFF).to_bytes(8, "little") for number in range(6))
    table = BlockMoveTable.parse(raw)
    order = (table.null, table.gdt, table.source, table.destination, table.cs, table.ss)
    assert [entry.base for entry in order] == [0, 1, 2, 3, 4, 5]
    assert table.build() == raw


@pytest.mark.parametrize("size", [0, 7, 9])
def test_wrong_length_is_an_error(size: int) -> None:
    with pytest.raises(FormatError, match="8 bytes"):
        SegmentDescriptor.parse(bytes(size))
    with pytest.raises(FormatError, match="48 bytes"):
        BlockMoveTable.parse(bytes(size))
