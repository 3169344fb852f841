"""What is written by columns is read again as it was, whatever it is."""

import zlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bootharness.formats.columns import from_columns, to_columns

_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 100).map(lambda value: round(value, 6)), st.text(max_size=20),
    st.from_regex(r"[0-9]{1,2}\.[0-9]{4} INT 0x[0-9a-f]{1,6} 100% \(0X1F, 0xg\)", fullmatch=True),
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda each: st.one_of(
        st.lists(each, max_size=12),
        st.dictionaries(st.sampled_from("abc"), each),
        each.map(lambda one: [one] * 5),
        st.lists(st.fixed_dictionaries({"a": each, "b": _SCALARS}), min_size=4, max_size=9),
        st.lists(st.tuples(_SCALARS, each).map(list), min_size=4, max_size=9),
    ),
    max_leaves=30,
)


@given(_VALUES)
def test_all_values_come_back_as_they_were(value: object) -> None:
    text = msgspec.json.encode(value)
    written = msgspec.msgpack.encode(to_columns(msgspec.json.decode(text)))
    assert msgspec.json.encode(from_columns(msgspec.msgpack.decode(written))) == text


def test_a_thousand_like_calls_take_no_more_room_than_ten() -> None:
    def calls(many: int) -> list[object]:
        return [{"number": 19, "at": each / 1000, "registers": {"eax": 0x4200, "lba": 127 * each},
                 "said": f"{each}: read(0x{4096 + 127 * each:06x}) = ok"}
                for each in range(many)]  # fmt: skip

    def size(many: int) -> int:
        return len(zlib.compress(msgspec.msgpack.encode(to_columns(calls(many)))))

    assert from_columns(to_columns(calls(1000))) == calls(1000)
    assert size(1000) < 2 * size(10)
