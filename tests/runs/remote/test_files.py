"""The files that a cell names, each of them and nothing else, and the same cell elsewhere."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.plan import OPTIONS, BootPlan, choose
from bootharness.runs.cell import Cell
from bootharness.runs.remote.files import named_by, renamed

GIVEN = {
    "loader": "my.asm",
    "initrd": "initrd.img",
    "bios": "bios.bin",
    "more_disks": ("second.img", "third.img"),
    "firmware": "CODE.fd",
    "firmware_vars": "VARS.fd",
    "enrolled": ("own.pem",),
    "revoked": ("old.efi", "older.pem"),
    "sbat_level": "level.csv",
    "answers": "answers.toml",
    "nic_rom": "card.rom",
    "https_cert": "both.pem",
    "fail_on": ("wrong.png", "WARNING: CPU"),
    "send": ("menu.png=><enter>", "boot:=>x=>y<enter>"),
    "until_screen": "right.png",
}


def test_every_option_that_is_a_file_is_sent() -> None:
    cell = Cell("bzImage", choose(BootPlan(), GIVEN))
    named = named_by(cell)
    assert {*named} == {
        "bzImage", "my.asm", "initrd.img", "bios.bin", "second.img", "third.img", "answers.toml",
        "CODE.fd", "VARS.fd", "own.pem", "old.efi", "older.pem", "level.csv", "card.rom",
        "both.pem", "wrong.png", "menu.png", "right.png",
    }  # fmt: skip
    files = {name for name, option in OPTIONS.items() if option.kind is Path}
    assert files - {"manifests"} <= {*GIVEN}


def test_a_cell_with_other_names_is_the_same_in_all_else() -> None:
    cell = Cell("grow:99:bzImage", choose(BootPlan(), GIVEN), "bad")
    other = renamed(cell, {each: f"/kept/{each}" for each in named_by(cell)})
    assert other.kernel == "grow:99:/kept/bzImage"
    assert other.plan.send == ("/kept/menu.png=><enter>", "boot:=>x=>y<enter>")
    assert other.plan.machine.more_disks == ("/kept/second.img", "/kept/third.img")
    assert other != cell
    assert renamed(other, {f"/kept/{each}": each for each in named_by(cell)}) == cell


def test_firmware_whose_variables_are_not_named_is_booted_here_alone() -> None:
    cell = Cell("bzImage", choose(BootPlan(), {"firmware": "CODE.fd"}))
    with pytest.raises(UsageError, match=r"--firmware CODE\.fd: .* --firmware-vars"):
        named_by(cell)


@pytest.mark.parametrize(
    "given",
    [{"manifests": ("m",)}, {"programs": ("ls",)}, {"shares": ("/a",)}, {"outside": True},
     {"forwards": ("tcp:1:1",)}, {"module_folder": "m"}],
)  # fmt: skip
def test_what_is_on_this_computer_is_booted_here_alone(given: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="what is on this computer"):
        named_by(Cell("bzImage", choose(BootPlan(), given)))
    assert named_by(Cell("bzImage", choose(BootPlan(), {"run": "true"}))) == ("bzImage",)


def test_a_pattern_is_no_file_though_one_is_called_so() -> None:
    cell = Cell("login:", choose(BootPlan(), {"fail_on": ("login:",)}))
    assert renamed(cell, {"login:": "/kept/login:"}).plan.fail_on == ("login:",)


@pytest.mark.parametrize("kernel", ["deb:linux/trixie", "grow:9:deb:linux/trixie"])
def test_a_package_of_today_goes_as_what_it_has(kernel: str) -> None:
    cell = Cell(kernel)
    assert named_by(cell) == ("deb:linux/trixie",)
    there = renamed(cell, {"deb:linux/trixie": "/kept/kernel"}).kernel
    assert there == kernel.replace("deb:linux/trixie", "/kept/kernel")


@pytest.mark.parametrize("kernel", ["selfcheck:4096", "grow:9:selfcheck:4096"])
def test_what_everybody_can_have_is_not_sent(kernel: str) -> None:
    assert named_by(Cell(kernel)) == ()


def test_servers_of_ones_own_stay_here() -> None:
    plan = replace(BootPlan(), route="net-server")
    with pytest.raises(UsageError, match="--workers with a number"):
        named_by(Cell("dnsmasq:dnsmasq.conf", plan))
