"""What instructions write, and how a wrong value is followed back through them."""

import pytest

from bootharness.recording.effects import Byte, Effect, effects, register_bytes
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step
from bootharness.recording.found import Found
from bootharness.recording.operands import Cpu
from bootharness.recording.origin import origin

ZEROS = dict.fromkeys(("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip"), 0)
FIELD = (0x500, 0x501, 0x502, 0x503)


def cpu(at: int, **values: int) -> Cpu:
    bases = dict.fromkeys(("cs", "ss", "ds", "es", "fs", "gs"), 0)
    return Cpu(ZEROS | values | {"eip": at}, bases, 16)


def walked(*lines: tuple[str, dict[str, int]], memory: dict[int, int] | None = None) -> list[Step]:
    """Return steps of machine code with the registers before each."""
    steps = []
    for number, (code, values) in enumerate(lines):
        raw, now = bytes.fromhex(code), cpu(0x7C00 + number, **values)
        steps.append(Step(number, now, raw, tuple(effects(raw, now)), memory or {}))
    return steps


def guilty(found: Found) -> int | None:
    return found.guilty.position if found.guilty else None


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("89d8", Effect((("eax", 0), ("eax", 1)), "copy", (("ebx", 0), ("ebx", 1)))),
        ("b412", Effect((("eax", 1),), "constant", (), 0x12)),
        ("31c0", Effect((("eax", 0), ("eax", 1)), "constant")),
        ("66a30005", Effect(FIELD, "copy", register_bytes("eax"))),
        ("01c8", Effect((("eax", 0), ("eax", 1)), "change", register_bytes("cx"), 0, "+")),
        ("c1e004", Effect((("eax", 0), ("eax", 1)), "change", (), 4, "<")),
        ("fa", Effect((("if", 0),), "constant", (), 0)),
        ("50", Effect((0xFFFE, 0xFFFF), "copy", register_bytes("ax"))),
    ],
)
def test_what_an_instruction_writes(code: str, wanted: Effect) -> None:
    assert list(effects(bytes.fromhex(code), cpu(0x7C00))) == [wanted]


def test_what_is_popped_at_once_comes_back_as_it_was_pushed() -> None:
    pushed = list(effects(b"\x66\x60", cpu(0, esp=0x40)))
    popped = list(effects(b"\x66\x61", cpu(0, esp=0x20)))
    there: dict[Byte, Byte] = {}
    for effect in pushed:
        there |= dict(zip(effect.into, effect.source, strict=True))
    for effect in popped:
        assert tuple(there[byte] for byte in effect.source) == effect.into


def field(wanted: int | None, *right: int) -> Field:
    return Field("it", FIELD, 0, wanted, frozenset(right))


def test_a_wrong_number_is_guilty_behind_copies() -> None:
    steps = walked(
        ("66b834120000", {}),  # mov eax, 0x1234
        ("6689c3", {"eax": 0x1234}),  # mov ebx, eax
        ("66891e0005", {"ebx": 0x1234}),  # mov [0x500], ebx
        memory=dict.fromkeys(FIELD, 0),
    )
    found = origin(steps, field(0x5678), 0x1234)
    assert guilty(found) == 0
    assert [step.position for step in found.through] == [2, 1, 0]


def test_a_sum_of_right_values_that_is_wrong_has_lost_a_carry() -> None:
    steps = walked(
        ("01c8", {"eax": 0x1FF00, "ecx": 0x200}),  # add ax, cx
        ("66a30005", {"eax": 0x10100}),
        memory=dict.fromkeys(FIELD, 0),
    )
    found = origin(steps, field(0x20100, 0x1FF00), 0x10100)
    assert guilty(found) == 0
    assert "carry" in found.why


def test_the_wrong_one_of_two_values_is_followed() -> None:
    steps = walked(
        ("66b900030000", {"eax": 0x1000}),  # mov ecx, 0x300
        ("6601c8", {"eax": 0x1000, "ecx": 0x300}),  # add eax, ecx
        ("66a30005", {"eax": 0x1300}),
        memory=dict.fromkeys(FIELD, 0),
    )
    assert guilty(origin(steps, field(0x1200, 0x1000), 0x1300)) == 0


@pytest.mark.parametrize(
    ("code", "wanted", "found", "said"),
    [
        ("6629c8", 0x1300, 0xD00, "subtracts 0x300, which was to be added"),  # sub eax, ecx
        ("6601c8", 0xD00, 0x1300, "adds 0x300, which was to be subtracted"),  # add eax, ecx
    ],
)
def test_who_goes_the_other_way_with_two_right_values_is_guilty(
    code: str, wanted: int, found: int, said: str
) -> None:
    steps = walked(
        ("66b900030000", {"eax": 0x1000}),  # mov ecx, 0x300
        (code, {"eax": 0x1000, "ecx": 0x300}),
        ("66a30005", {"eax": found}),
        memory=dict.fromkeys(FIELD, 0),
    )
    named = origin(steps, field(wanted, 0x1000), found)
    assert (guilty(named), named.why) == (1, said)


def test_of_two_values_nobody_knows_about_none_is_guilty() -> None:
    steps = walked(
        ("6601c8", {"eax": 0x1000, "ecx": 0x300}),
        ("66a30005", {"eax": 0x1300}),
        memory=dict.fromkeys(FIELD, 0),
    )
    assert guilty(origin(steps, field(0x1200), 0x1300)) is None


def test_the_right_value_in_a_wrong_place_is_told() -> None:
    steps = walked(("66a30405", {"eax": 0x12345678}), memory={})  # mov [0x504], eax
    assert guilty(origin(steps, field(0x12345678), 0)) == 0


def test_what_nobody_wrote_has_no_guilty_instruction() -> None:
    found = origin(walked(("90", {})), field(7), 0)
    assert (guilty(found), found.why) == (None, "no instruction of the loader ever wrote it")
