"""Files that a command is told to write."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootharness.cli.output import write_file
from bootharness.errors import UsageError


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Have the kernel refuse to let a file grow beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_file_that_cannot_be_written_is_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    write_file(file, b"{}")
    with (
        files_of_at_most(100),
        pytest.raises(UsageError, match="cannot be written: File too large"),
    ):
        write_file(file, b"x" * 1000)
    assert file.read_bytes() == b"{}"
    assert list(tmp_path.iterdir()) == [file]


def test_file_behind_a_link_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_file(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"1"


def test_device_is_written_to() -> None:
    write_file(Path("/dev/null"), b"1")
    with pytest.raises(UsageError, match="No space left"):
        write_file(Path("/dev/full"), b"1")
    assert Path("/dev/full").is_char_device()
