"""Manifests: each line of a wrong one is told with its file and number."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.initramfs.manifest import read_manifest


def written(folder: Path, text: str, name: str = "m") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_lines_are_read_in_order_with_those_that_are_included(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    written(tmp_path, 'file /etc/x x # a comment\nslink "/a b" c\n', "sub/inner")
    outer = written(tmp_path, "# nothing\n\nbin cat\ninclude sub/inner\nkmod dm-crypt\n")
    lines = read_manifest(outer)
    assert [(each.word, *each.arguments) for each in lines] == [
        ("bin", "cat"), ("file", "/etc/x", "x"), ("slink", "/a b", "c"), ("kmod", "dm-crypt"),
    ]  # fmt: skip
    assert lines[1].said_by == f"{tmp_path}/sub/inner:1"
    assert lines[1].located("x") == tmp_path / "sub/x"
    assert lines[1].located("/y") == Path("/y")


def test_locations_are_found_as_rapido_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as its repository: run in its root folder, with manifests that include others by their names
    (tmp_path / "manifest").mkdir()
    written(
        tmp_path,
        "# nobody's\ntree /rapido-rsc/net ${OWN_NET}\nfile /a#b a#b\n",
        "manifest/net.fest",
    )
    (tmp_path / "net-conf").mkdir()
    written(tmp_path, "", "a#b")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OWN_NET", "net-conf")
    lines = read_manifest(written(tmp_path, "file /rapido-rsc/cpu/1\ninclude net.fest # theirs\n"))
    assert [(each.word, *each.arguments) for each in lines] == [
        ("file", "/rapido-rsc/cpu/1"), ("tree", "/rapido-rsc/net", "net-conf"),
        ("file", "/a#b", "a#b"),
    ]  # fmt: skip
    assert lines[1].located("net-conf") == tmp_path / "net-conf"
    assert lines[2].said_by == "manifest/net.fest:3" or lines[2].said_by.endswith("net.fest:3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bin ls\nbn cat\n", r"m:2: 'bn' is none of autorun, bin, "),
        ("file /etc/x a b\n", r"m:1: write `file NAME \[LOCATION\]`; here are 3 words behind it"),
        ("file /a $HOME\n", r"m:1: '\$HOME': write \$\{NAME\} for a variable"),
        ("dir /a\nfile /a ${NO_SUCH}\n", r"m:2: there is no variable NO_SUCH in the environment"),
        ("#!/bin/sh\nrapido-cut --manifest /dev/stdin <<EOF\n", r"m: a script, and nothing"),
        ("dir\n", r"m:1: write `dir NAME`; here are 0 words behind it"),
        ("dir 'a\n", r"m:1: no closing quotation"),
        ("\ninclude m\n", r"m:2: .*m is what this is in, so it includes itself"),
        ("include none\n", r"m:1: .*none: .*[Nn]o such file"),
        ("file /x a\0b\n", r"m: a manifest is text in UTF-8, and this has bytes of zero"),
    ],
)
def test_wrong_line_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_manifest(written(tmp_path, text))


def test_manifest_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="text in UTF-8"):
        read_manifest(path)
