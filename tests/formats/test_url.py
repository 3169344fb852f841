"""URLs against the standard library's, and those that it refuses."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.formats.url import Url


@pytest.mark.parametrize(
    "text",
    [
        "http://boot.example.org/a/b.efi?x=1#y",
        "HTTPS://root:secret@boot.example.org:8443/a",
        "http://[fd00:2::1]:80/a",
        "http://192.168.77.2",
        "tftp://10.0.2.1//srv/pxelinux.0",
        "iscsi+x://a",
        "/vmlinuz?a=b",
        "vmlinuz#1",
        "a/http://b",
        "",
    ],
)
def test_the_parts_are_those_of_the_standard_library(text: str) -> None:
    known = urlsplit(text)
    assert Url.of(text) == (known.scheme, known.hostname or "", known.path)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://[x/a", Url("http", "x", "/a")),
        ("http://a\u2100b/c", Url("http", "a\u2100b", "/c")),
        ("://a", Url("", "", "://a")),
        ("1http://a/b", Url("", "", "1http://a/b")),
    ],
)
def test_what_is_no_url_has_parts_as_well(text: str, url: Url) -> None:
    assert Url.of(text) == url


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert Url.of(text).path in text
