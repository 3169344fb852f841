"""`bootharness needle`: what it cuts, and what it refuses in a sentence."""

from pathlib import Path

import numpy
import pytest

from bootharness.formats.needle import needle_of
from bootharness.formats.picture import Picture, png_of
from tests.support.processes import run


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    pixels = numpy.zeros((100, 200, 3), numpy.uint8)
    pixels[10:20, 30:90:3] = 255
    (folder / "screen.png").write_bytes(png_of(Picture(pixels)))
    return folder


def test_area_of_a_kept_screen_becomes_a_needle(kept: Path, tmp_path: Path) -> None:
    name = tmp_path / "menu.png"
    done = run("needle", str(kept), str(name), "--area", "28,8,64x14", "--margin", "7")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == (
        f"{name} is written: 64x14 at 28,8 of {kept / 'screen.png'}"
    )
    needle = needle_of(name.read_bytes())
    assert (needle.at, needle.margin, needle.match) == ((28, 8), 7, 95)
    again = run("needle", str(kept), str(name), "--area", "28,8,64x14")
    assert (again.returncode, "it is there already" in again.stderr) == (129, True)


@pytest.mark.parametrize(
    ("area", "name", "said"),
    [
        ("150,8,64x14", "a.png", "64x14 at 150,8: it goes beyond the screen, which is 200x100"),
        ("100,50,64x14", "a.png", "it is all of one colour, and would be found anywhere"),
        ("28,8,7x14", "a.png", "7x14 pixels would be found by chance"),
        ("28,8", "a.png", "it is X,Y,WxH in pixels"),
        ("28,8,64x14", "a.txt", "a needle's name ends in .png"),
        ("28,8,64x14", "no/a.png", "cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_cut_is_one_sentence(kept: Path, area: str, name: str, said: str) -> None:
    done = run("needle", str(kept), str(kept / name), "--area", area)
    assert done.returncode == 129
    assert said in " ".join(done.stderr.split())
    assert not (kept / name).exists()


def test_folder_without_a_screen_and_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for source, said in (("text", "text: not a PNG or PPM"), (".", "there is no screen.png in it")):
        done = run("needle", str(tmp_path / source), str(tmp_path / "a.png"), "--area", "0,0,9x9")
        assert done.returncode == 129
        assert said in " ".join(done.stderr.split())
