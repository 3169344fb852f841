"""A folder that a boot is kept in: nothing is written over, and nothing fails for its sake."""

import resource
from pathlib import Path

from bootharness.watch.kept import Folder


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "serial.log").write_text("mine")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "serial.log").write_text("theirs")
    folder = Folder(tmp_path)
    folder.write("registers.txt", b"EAX=0")
    folder.copy(tmp_path / "new" / "serial.log")
    folder.copy(tmp_path / "new" / "not-there.log")
    assert (tmp_path / "serial.log").read_text() == "mine"
    assert (tmp_path / "registers.txt").read_bytes() == b"EAX=0"
    assert folder.problems == (f"{tmp_path}: serial.log could not be written: File exists",)


def test_no_room_leaves_no_half_file_and_one_sentence(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    folder = Folder(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        folder.write("small", b"x" * 1000)
        folder.write("large", b"x" * 1001)
        folder.write("larger", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["small"]
    assert folder.problems == (f"{tmp_path}: large, larger could not be written: File too large",)


def test_folder_that_is_gone(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "gone")
    folder.write("registers.txt", b"")
    (problem,) = folder.problems
    assert problem.endswith("registers.txt could not be written: No such file or directory")
