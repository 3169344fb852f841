"""Files that a command is told to write."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from bootharness.cli import output
from bootharness.cli.output import check_json_file, write_file, write_json
from bootharness.errors import NotWritten, UsageError
from tests.support.processes import COMMAND, environment, run


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
        pytest.raises(NotWritten, match="cannot be written: File too large"),
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
    with pytest.raises(NotWritten, match="No space left"):
        write_file(Path("/dev/full"), b"1")
    assert Path("/dev/full").is_char_device()


def test_pipe_is_not_looked_into_and_is_written_for_its_reader(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_json_file(str(pipe))
    read: list[bytes] = []
    reader = Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_json(str(pipe), b"{}" * 100_000)
    reader.join(10)
    assert read == [b"{}" * 100_000]


def test_pipe_that_nobody_reads_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_READER_S", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotWritten, match="nobody has read from it"):
        write_file(tmp_path / "pipe", b"{}")


@pytest.mark.parametrize("name", [".", "/dev"])
def test_folder_is_no_file(name: str) -> None:
    with pytest.raises(UsageError, match="it is a folder"):
        check_json_file(name)


PREDICT = ("predict", "selfcheck:64000")


def test_standard_output_is_not_replaced(tmp_path: Path) -> None:
    """The file that a shell appends to may begin with anything."""
    (tmp_path / "out").write_text("a log of mine\n")
    command = " ".join([*COMMAND, *PREDICT, "--json /dev/stdout >>out"])
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment(), timeout=60, check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "out").read_text().startswith("a log of mine\nGOOD selfcheck:64000")


@pytest.mark.parametrize("shell", ["| cat", ">out; cat out", "2>&1 | cat"])
def test_standard_output_has_the_text_and_the_json_whatever_it_is_called(
    tmp_path: Path, shell: str
) -> None:
    command = " ".join([*COMMAND, *PREDICT, "--json /dev/stdout", shell])
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("GOOD selfcheck:64000"), done
    assert done.stdout.endswith("}\n")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("--json >(cat >there); wait $!", 0),
        ("--json there <&- >&- 2>&-", 0),
        ("--json there >&-", 0),
        ("--json there 2>&-", 0),
        ("--json /dev/full", 125),
        ("--json - >/dev/full", 125),
    ],
)
def test_streams_that_are_closed_or_full(tmp_path: Path, words: str, status: int) -> None:
    command = " ".join([*COMMAND, *PREDICT, words])
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == status, done
    assert "Traceback" not in done.stdout + done.stderr
    if status == 0:
        assert (tmp_path / "there").read_text().endswith("}\n")


def test_what_a_stream_cannot_write_is_written_otherwise() -> None:
    done = run("explain", "destination-wrapped", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    kernel = os.fsencode("none-") + b"\xff"
    done = subprocess.run(
        [*map(os.fsencode, COMMAND), b"boot", kernel], env=environment(), capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 129
    assert b"none-\\udcff: no such file" in done.stderr


@pytest.mark.parametrize("arguments", [("boot", "--cmdline"), ("gate", "--cmdline")])
def test_bytes_that_are_no_text_are_refused_in_one_sentence(arguments: tuple[str, str]) -> None:
    command, option = arguments
    done = subprocess.run(
        [*map(os.fsencode, COMMAND), command.encode(), b"selfcheck:64", option.encode(), b"a=\xff"],
        env=environment(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 129
    assert b"it is not UTF-8" in done.stderr
    assert b"Traceback" not in done.stderr
