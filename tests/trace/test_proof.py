"""Comparing memory with files."""

from bootharness.formats.bzimage import offset_of
from bootharness.trace.proof import compare, without_loader_fields
from tests.support.builders import bzimage


def test_equal() -> None:
    proof = compare(0x100000, b"abc", b"abc")
    assert proof.equal
    assert (proof.compared_bytes, proof.first_difference) == (3, None)


def test_differences_are_counted_and_the_first_is_shown() -> None:
    expected = bytes(200_000)
    found = bytearray(expected)
    found[70_000] = 7
    found[199_999] = 8
    proof = compare(0, expected, bytes(found))
    assert (proof.differing_bytes, proof.first_difference) == (2, 70_000)
    assert (proof.expected, proof.found) == (0, 7)


def test_memory_that_ends_early_differs() -> None:
    proof = compare(0, b"abcdef", b"abcd")
    assert (proof.differing_bytes, proof.first_difference, proof.found) == (2, 4, None)


def test_loader_may_write_its_fields_and_nothing_else() -> None:
    image = bzimage()
    for name, allowed in (("type_of_loader", True), ("cmd_line_ptr", True), ("syssize", False)):
        changed = bytearray(image)
        changed[offset_of(name)] ^= 0xFF
        same = without_loader_fields(bytes(changed)) == without_loader_fields(image)
        assert same is allowed
