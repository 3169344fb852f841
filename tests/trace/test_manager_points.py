"""What a boot manager's own words tell: its name, and how far it came."""

from bootharness.formats.bioscall import BiosCall
from bootharness.trace.manager_points import manager_points
from tests.support.traces import registers


def said(text: str, *, cs: int = 0) -> list[BiosCall]:
    """Write letters by teletype output, one each second."""
    return [
        BiosCall(0x10, 0x0E, registers(eax=0x0E00 | ord(each), cs=cs), None, float(at), None)
        for at, each in enumerate(text)
    ]


def test_syslinux_tells_its_version_its_prompt_and_what_it_loads() -> None:
    text = "\r\nSYSLINUX 6.04 EDD 20210613 Copyright\r\nboot: \r\nLoading vmlinuz... ok\r\n"
    seen = manager_points(said(text))
    assert seen.name == "SYSLINUX 6.04"
    assert list(seen.points) == ["boot-manager", "boot-menu", "kernel-chosen"]
    assert seen.points["boot-manager"] == text.index("SYSLINUX")
    assert seen.points["boot-menu"] == text.index("boot: ") + len("boot: ")
    assert seen.points["kernel-chosen"] == text.index("...") - 1


def test_grub_tells_its_version_in_its_menu_alone() -> None:
    quick = manager_points(said("GRUB loading...\r\nWelcome to GRUB!\r\n"))
    assert (quick.name, list(quick.points)) == ("GRUB", ["boot-manager"])
    menu = (
        "GRUB loading.\r\nGNU GRUB  version 2.06-13\r\n\r\nUse the x and y keys to select\r\n"
        "  Booting `Debian'\r\n"
    )
    slow = manager_points(said(menu))
    assert slow.name == "GNU GRUB version 2.06-13"
    assert slow.points["boot-manager"] == 0
    assert list(slow.points) == ["boot-manager", "boot-menu", "kernel-chosen"]


def test_stages_of_grub_legacy_are_no_kernel() -> None:
    seen = manager_points(said("GRUB Loading stage1.5.\r\nGRUB loading, please wait...\r\n"))
    assert (seen.name, list(seen.points)) == ("GRUB", ["boot-manager"])
    linux = manager_points(said("GRUB loading, please wait\r\n  [Linux-bzImage, setup=0x4600]\r\n"))
    assert "kernel-chosen" in linux.points


def test_what_was_loaded_before_the_boot_manager_spoke_is_no_kernel_of_its_own() -> None:
    seen = manager_points(said("Loading stage2...\r\nSYSLINUX 6.04\r\n"))
    assert list(seen.points) == ["boot-manager"]


def test_other_calls_between_its_letters_say_nothing() -> None:
    first, *rest = said("SYSLINUX 6.04\r\nboot: ")
    disk = BiosCall(0x13, 0x0E, registers(eax=0x0E58), None, 0.0, None)
    seen = manager_points([disk, said("\r")[0], first, disk, *rest])
    assert (seen.name, list(seen.points)) == ("SYSLINUX 6.04", ["boot-manager", "boot-menu"])


def test_of_who_floods_the_screen_the_beginning_is_read() -> None:
    flood = "SYSLINUX 6.04\r\n" + "x" * 70_000 + "\r\nLoading vmlinuz... "
    assert list(manager_points(said(flood)).points) == ["boot-manager"]


def test_who_does_not_say_what_he_is_has_no_points() -> None:
    assert manager_points(said("Loading vmlinuz...\r\nboot: ")).points == {}
    assert manager_points(()).name == ""
    assert manager_points(said("SYSLINUX 6.04\r\n", cs=0xF000)).name == ""
