"""Tables that people write: what cannot be one is refused in a sentence."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.host.toml import read_toml


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("at = 0x" + "9" * 5000, "not a profile: at has 20,000 bits, and 64 are the most"),
        ("at = [{ bytes = 0x1ffffffffffffffff }]", "bytes has 65 bits"),
        ("at = " + "9" * 5000, "not a profile: "),
        ("at = " + "[" * 5000, "not a profile: "),
        ("at =", "not a profile: Invalid value"),
    ],
)
def test_table_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_toml(path, "a profile", most=1 << 16)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


def test_text_that_is_not_utf_8_is_told_as_that(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes('at = "a"'.encode("utf-16"))
    with pytest.raises(UsageError, match="not a matrix: its byte 0 is not UTF-8, which TOML is"):
        read_toml(path, "a matrix", most=100)


def test_number_of_64_bits_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("at = [0xffffffffffffffff]")
    assert read_toml(path, "a profile", most=100) == {"at": [(1 << 64) - 1]}
