"""Screens that are pictures: found by a needle, read by OCR, and asked by."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.errors import UsageError
from bootharness.formats.needle import new_needle
from bootharness.formats.picture import Area, pixels_of
from bootharness.host.ocr import TESSERACT
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.report.document import document, encode, read_trace
from bootharness.trace.boot_trace import BootTrace
from tests.support.media import SYSLINUX, iso, needs
from tests.support.talker import talking_kernel

pytestmark = pytest.mark.sample(2)

MODULES = SYSLINUX / "modules/bios"
MENU = """UI vesamenu.c32
MENU TITLE Appliance Installer
LABEL one
 MENU LABEL Install the appliance
 KERNEL vmlinuz
LABEL two
 MENU LABEL Rescue a broken system
 KERNEL vmlinuz
"""
TITLE, FIRST = Area(220, 22, 200, 20), Area(96, 56, 450, 18)
WAITS = {"timeout_s": 8, "idle_s": 1}


def booted(
    source: str | Path, keep: Path | None = None, **options: Any
) -> tuple[BootTrace, Judgement]:
    if keep:
        keep.mkdir()
    trace = boot(str(source), choose(BootPlan(timeout_s=120), options), keep=keep)
    assert judge(read_trace(encode(document(trace, judge(trace))))) == judge(trace)
    return trace, judge(trace)


def cut(kept: Path, area: Area, name: Path, **how: Any) -> str:
    """Cut a needle out of a kept screen."""
    name.write_bytes(new_needle(pixels_of((kept / "screen.png").read_bytes(), "PNG"), area, **how))
    return str(name)


@pytest.fixture(scope="module")
def menu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CD with a graphical menu that waits for a person."""
    needs(MODULES / "vesamenu.c32")
    folder = tmp_path_factory.mktemp("menu")
    tree = folder / "more"
    tree.mkdir()
    for name in ("vesamenu", "libcom32", "libutil", "menu"):
        shutil.copy(MODULES / f"{name}.c32", tree)
    return iso(folder / "menu.iso", fetch("selfcheck:16000").path, MENU, str(tree))


@pytest.fixture(scope="module")
def kept(menu: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was kept of a boot to that menu."""
    keep = tmp_path_factory.mktemp("kept") / "it"
    booted(menu, keep, route="disk", timeout_s=5, idle_s=60)
    return keep


@pytest.mark.long
def test_graphical_menu_is_found_by_its_picture(menu: Path, kept: Path, tmp_path: Path) -> None:
    title = cut(kept, TITLE, tmp_path / "title.png")
    trace, judgement = booted(menu, route="disk", until_screen=title)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert "(100 % alike, 200x20 at 220,22 on the screen)" in judgement.summary
    assert trace.marker
    assert (trace.marker.pattern, trace.marker.by) == (title, "picture")
    assert trace.closest is None


def test_graphical_menu_is_answered(menu: Path, kept: Path, tmp_path: Path) -> None:
    first = cut(kept, FIRST, tmp_path / "first.png")
    trace, judgement = booted(menu, route="disk", until="banner", send=f"{first}=><enter>")
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert [each.by for each in trace.sent] == ["picture"]
    assert trace.reached("setup-entered")


@pytest.mark.long
def test_picture_that_does_not_come_is_told_with_what_came_closest(
    menu: Path, kept: Path, tmp_path: Path
) -> None:
    screen = pixels_of((kept / "screen.png").read_bytes(), "PNG")
    pixels = screen.pixels.copy()
    pixels[22:42, 250:270] = pixels[22:42, 180:200]
    needle = tmp_path / "other.png"
    needle.write_bytes(new_needle(replace(screen, pixels=pixels), TITLE))
    trace, judgement = booted(
        menu, tmp_path / "kept", route="disk", until_screen=str(needle), **WAITS
    )
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "marker-not-seen")
    assert trace.closest
    assert trace.closest.likeness
    percent = trace.closest.likeness.percent
    assert 5 < percent < 95
    assert f"200x20 at 220,22, was {percent:g} % like it" in judgement.summary
    closest = pixels_of((tmp_path / "kept/closest.png").read_bytes(), "PNG")
    assert closest.same(screen)


def test_picture_that_must_not_come_makes_the_boot_bad(
    menu: Path, kept: Path, tmp_path: Path
) -> None:
    title = cut(kept, TITLE, tmp_path / "title.png")
    for wanted in ({"until_screen": cut(kept, FIRST, tmp_path / "first.png")}, {"until": "x"}):
        _, judgement = booted(menu, route="disk", fail_on=title, **wanted)
        assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "fail-on-seen")
        assert judgement.summary.startswith(f"{title!r} was on the screen ")
        assert judgement.summary.endswith("(100 % alike, 200x20 at 220,22)")


@pytest.mark.long
def test_of_a_boot_that_came_as_far_as_wanted_the_screen_is_looked_at_once_more(
    tmp_path: Path,
) -> None:
    kernel = talking_kernel(tmp_path, b"\r\nready\r\n", screen=b"Oops")
    booted(kernel, tmp_path / "kept", until_screen="Oops")
    oops = cut(tmp_path / "kept", Area(0, 0, 64, 16), tmp_path / "oops.png")
    _, judgement = booted(kernel, until="ready", fail_on=oops)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "fail-on-seen")
    _, judgement = booted("selfcheck:16000", fail_on=oops)
    assert judgement.verdict is Verdict.GOOD, judgement.summary


@pytest.mark.long
def test_what_ocr_reads_is_said_to_be_and_makes_no_boot_bad(menu: Path) -> None:
    needs(TESSERACT.name)
    trace, judgement = booted(menu, route="disk", until_screen="Install the app")
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert '("Install the appliance", as OCR reads it, on the screen)' in judgement.summary
    assert trace.marker
    assert trace.marker.by == "ocr"
    trace, judgement = booted(menu, route="disk", until_screen="never", fail_on="Install the app")
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "screen-unreadable")
    assert 'in which OCR reads "Install the appliance"' in judgement.summary
    trace, judgement = booted(menu, route="disk", until_screen="never", **WAITS)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "screen-unreadable")
    assert "in which OCR reads " in judgement.summary
    assert judgement.diagnosis
    assert "read by OCR: Install the appliance" in judgement.diagnosis.evidence


@pytest.mark.long
def test_picture_of_text_is_the_kernel_s_and_not_what_the_bios_has_left(tmp_path: Path) -> None:
    kernel = talking_kernel(tmp_path, b"\r\nx\r\n", screen=b"Welcome to it")
    booted(kernel, tmp_path / "kept", until_screen="Welcome")
    words = cut(tmp_path / "kept", Area(0, 0, 130, 16), tmp_path / "words.png")
    bios = cut(tmp_path / "kept", Area(0, 16, 200, 16), tmp_path / "bios.png", margin=2)
    _, judgement = booted(kernel, until_screen=words)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    _, judgement = booted(kernel, until_screen=bios, **WAITS)
    assert judgement.cause == "marker-not-seen", judgement.summary


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, r"no such file; a pattern, .*x\[\.\]png"), (b"text", "not a PNG"), (b"", "not a PNG")],
)
def test_what_is_no_needle_is_told_before_anything_is_booted(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    name = tmp_path / "x.png"
    if content is not None:
        name.write_bytes(content)
    named = str(name)
    for options in ({"until_screen": named}, {"fail_on": named}, {"send": f"{name}=>x"}):
        with pytest.raises(UsageError, match=said):
            booted("selfcheck:16000", **options)


def test_machine_without_a_screen_shows_no_picture() -> None:
    with pytest.raises(UsageError, match="microvm has no screen on which a picture could be"):
        booted("selfcheck:16000", fail_on="x.png", machine_type="microvm")
