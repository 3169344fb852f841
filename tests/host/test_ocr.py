"""OCR as a process beside: its text, its end, and what is there without it."""

from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image, ImageDraw

from bootharness.formats.picture import Picture
from bootharness.host import ocr
from bootharness.host.ocr import TESSERACT, Reader
from bootharness.host.tool import Tool
from bootharness.host.workspace import Workspace


def written(text: str = "") -> Picture:
    image = Image.new("RGB", (400, 100))
    ImageDraw.Draw(image).text((20, 30), text, fill="white", font_size=24)
    return Picture(numpy.asarray(image))


def stands_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "tesseract"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    folder.chmod(0o755)
    monkeypatch.setattr(ocr, "TESSERACT", Tool(str(path), "tesseract-ocr"))


@pytest.mark.skipif(not TESSERACT.here, reason="tesseract is not installed")
def test_what_is_written_is_read() -> None:
    with Workspace() as workspace, Reader(workspace) as reader:
        assert reader.text_of(written("Welcome to the machine"), 60) == "Welcome to the machine"
        assert reader.said() is None  # it has been told
        assert reader.text_of(written(), 60) == ""


def test_same_picture_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stands_in(tmp_path, "echo one >>count; cp count $2.txt", monkeypatch)
    with Workspace() as workspace, Reader(workspace) as reader:
        for _ in range(3):
            assert reader.text_of(written("a"), 60) == "one"
        assert reader.text_of(written("b"), 60) == "one\none"


@pytest.mark.parametrize("script", ["sleep 1000", "exit 1", "echo no >&2; kill -9 $$"])
def test_who_does_not_read_is_not_waited_for(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands_in(tmp_path, script, monkeypatch)
    with Workspace() as workspace, Reader(workspace) as reader:
        assert reader.text_of(written("a"), 0.05) == ""


def test_who_reads_for_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stands_in(tmp_path, "sleep 1000", monkeypatch)
    monkeypatch.setattr(ocr, "_MOST_S", 0.0)
    with Workspace() as workspace, Reader(workspace) as reader:
        reader.give(written("a"))
        assert reader.said() is None
        stands_in(tmp_path, "echo two >$2.txt", monkeypatch)
        monkeypatch.setattr(ocr, "_MOST_S", 60.0)
        assert reader.text_of(written("b"), 60) == "two"


@pytest.mark.parametrize("missing", ["tesseract", "pillow"])
def test_without_tesseract_or_pillow_nothing_is_read(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "no-such-tesseract" if missing == "tesseract" else "true"
    monkeypatch.setattr(ocr, "TESSERACT", Tool(name, "x"))
    here: Any = missing == "tesseract"
    monkeypatch.setattr(ocr, "has_libraries", lambda: here)
    with Workspace() as workspace, Reader(workspace) as reader:
        assert not reader.here
        assert reader.text_of(written("a"), 60) == ""
