"""The grammar of kernel sources."""

from pathlib import Path

import pytest

from bootharness.errors import KernelUnavailable, UsageError
from bootharness.kernels.deb import DebPackage
from bootharness.kernels.source import expand, fetch, known_kernels
from bootharness.trace.synthetic import NOT_ENTERED
from tests.support.builders import bzimage
from tests.support.processes import KERNELS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("vmlinuz-6.10.0", "vmlinuz-6.9.1", "vmlinuz-6.10.0-rc2", "vmlinuz-5.4"):
        (tmp_path / name).write_bytes(bzimage(name.encode().ljust(32)))
    (tmp_path / "config-6.9.1").write_text("CONFIG_X86=y\n")
    (tmp_path / "modules").mkdir()
    return tmp_path


ORDER = ["vmlinuz-5.4", "vmlinuz-6.9.1", "vmlinuz-6.10.0-rc2", "vmlinuz-6.10.0"]


def test_folder_is_its_kernels_in_the_order_of_versions(folder: Path) -> None:
    assert [Path(each).name for each in expand(str(folder))] == ORDER


def test_a_letter_that_is_nearly_a_digit_is_a_letter(folder: Path) -> None:
    (folder / "vmlinuz-6\u00b2").write_bytes(bzimage(bytes(32)))
    assert [Path(each).name for each in expand(str(folder))] == [*ORDER, "vmlinuz-6\u00b2"]


def test_glob_takes_what_it_matches(folder: Path) -> None:
    found = expand(f"{folder}/vmlinuz-6*")
    assert [Path(each).name for each in found] == ORDER[1:]


def test_a_glob_of_everything_is_not_gone_through_to_its_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootharness.kernels.source._MOST_MATCHES", 1)
    with pytest.raises(UsageError, match=r"/\*\*: more than 1 files match: name fewer"):
        expand(f"{folder}/**")


def test_grow_distributes_over_what_it_grows(folder: Path) -> None:
    found = expand(f"grow:1_600:{folder}")
    assert found[0] == f"grow:1600:{folder}/vmlinuz-5.4"
    kernel = fetch(found[0])
    assert (kernel.payload_bytes, kernel.source) == (1600, found[0])


def test_grow_of_grow(folder: Path) -> None:
    kernel = fetch(f"grow:3200:grow:1600:{folder / 'vmlinuz-5.4'}")
    assert kernel.payload_bytes == 3200


@pytest.mark.parametrize("source", ["grow:3200:selfcheck:16", "grow:3200:grow:1600:selfcheck:16"])
def test_selfcheck_that_is_grown_is_a_larger_one(source: str) -> None:
    """It looks at every byte, and random ones would be wrong."""
    assert fetch(source).path.read_bytes() == fetch("selfcheck:3200").path.read_bytes()
    assert fetch(source).source == source
    with pytest.raises(UsageError, match="already has 3,200 bytes, so it cannot"):
        fetch(f"grow:1600:{source}")


def test_selfcheck_has_the_payload_that_was_asked_for() -> None:
    kernel = fetch("selfcheck:65024")
    assert (kernel.payload_bytes, kernel.missing_bytes) == (65024, 0)
    assert kernel.read_payload().startswith(bytes.fromhex(NOT_ENTERED))
    assert len(fetch("selfcheck:0").read_payload()) == 0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/no/such/file", "no such file"),
        ("/no/such/*", "nothing matches"),
        ("/etc", "no file in this folder is a bzImage"),
        ("grow:x:selfcheck:16", "write grow:BYTES:SOURCE"),
        ("grow:16:" * 2000 + "selfcheck:16", "write grow:BYTES:SOURCE"),
        ("selfcheck:" + "9" * 5000, "write selfcheck:BYTES"),
        ("grow:16:/no/such/file", "no such file"),
        ("selfcheck:many", "write selfcheck:BYTES"),
        ("selfcheck:16_", "write selfcheck:BYTES"),
        ("selfcheck:1__6", "write selfcheck:BYTES"),
        ("grow:16_:selfcheck:16", "write grow:BYTES:SOURCE"),
        ("selfcheck:17", "16-byte paragraphs"),
        ("selfcheck:1073741840", "0 to 1,073,741,824 bytes"),
        ("deb:", "write deb:PACKAGE"),
        ("deb:Not A Package", "write deb:PACKAGE"),
    ],
)
def test_wrong_source_is_wrong_usage(source: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        for single in expand(source):
            fetch(single)


def test_link_that_leads_nowhere_is_no_missing_file(tmp_path: Path) -> None:
    link = tmp_path / "vmlinuz"
    link.symlink_to("vmlinuz-6.1")
    with pytest.raises(
        UsageError, match=r"vmlinuz: a link to vmlinuz-6\.1, which leads nowhere; a"
    ):
        expand(str(link))


def test_package_names() -> None:
    assert DebPackage.parse("linux-image-6.1.0-56-cloud-amd64=6.1.192-2") == DebPackage(
        "linux-image-6.1.0-56-cloud-amd64", version="6.1.192-2"
    )
    assert DebPackage.parse("linux-image-686:i386/bookworm") == DebPackage(
        "linux-image-686", "i386", None, "bookworm"
    )
    for text in ("a1", "a1:i386=1.0~rc1-1/sid", "linux-binary-7.2.12+deb13-amd64/trixie-backports"):
        assert str(DebPackage.parse(text)) == text


def test_package_that_no_list_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(KernelUnavailable.__base__, match="Debian-like"):
        fetch("deb:no-such-package")


def test_kernels_of_the_project_are_named() -> None:
    assert len(known_kernels(KERNELS)) >= 2


def test_paths_in_a_table_of_kernels_are_relative_to_it(tmp_path: Path) -> None:
    table = tmp_path / "kernels.toml"
    given = ("builds/bzImage", "/boot/vmlinuz", "grow:4096:bzImage", "deb:linux-image-amd64",
             "selfcheck:16", "grow:4096:selfcheck:16", "grow:x")  # fmt: skip
    table.write_text("".join(f"[[kernel]]\nid = {each!r}\nsource = {each!r}\n" for each in given))
    assert [kernel.source for kernel in known_kernels(table)] == [
        f"{tmp_path}/builds/bzImage", "/boot/vmlinuz", f"grow:4096:{tmp_path}/bzImage", *given[3:],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"there is no \[\[kernel\]\]"),
        ("[[kernel]]\nid = 3\nsource = 'x'", "number 1 needs an id and a source"),
        ("[[kernel]]\nid = 'a'\nsource = 'x'\n[[kernel]]\nid = 'b'", "number 2 needs"),
        ("[[kernel", "not a table of kernels"),
        (2 * "[[kernel]]\nid = 'a'\nsource = 'x'\n", "2 .* have the id 'a'; give each its own"),
    ],
)
def test_table_of_kernels_that_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "kernels.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        known_kernels(path)
