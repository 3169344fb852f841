"""Network faults as they are written, and what is wrong with some."""

import pytest

from bootharness.errors import UsageError
from bootharness.plan import OPTIONS, BootPlan, NetPlan, choose
from bootharness.plan.fault import FAULTS, Fault, Faults
from bootharness.routes.net_paths import PATHS
from bootharness.routes.table import ROUTES, route_of


def test_fault_is_one_line() -> None:
    fault = Fault.parse("stall:file=initrd.img,block=7")
    assert (fault.kind, fault.file, fault.block) == ("stall", "initrd.img", 7)
    assert str(fault) == "stall:file=initrd.img,block=7"


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_comes_back_as_it_is_written(kind: str) -> None:
    assert Fault.parse(str(Fault.parse(kind))) == Fault.parse(kind)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "known are no-offer"),
        ("drop:blok=7", "of drop can be said: file, block"),
        ("no-offer:file=x", "can be said: seconds"),
        ("nak:seconds=1", "can be said: nothing"),
        ("drop:block=seven", "'seven' is no number"),
        ("drop:block=-1", "negative"),
        ("drop:block", "'' is no number"),
        ("drop:block=0", "count from 1"),
        ("delay:seconds=nan", "has no end"),
        ("link-down:seconds=inf", "has no end"),
        ("loss:rate=7", "up to 1"),
        ("loss:rate=0", "up to 1"),
        ("http-status:status=200", "400 to 599"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Faults.parse([text])


SIZES = {"vmlinuz": 3_000_000, "initrd.img": 676, "boot.ipxe": 122}


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("ipxe", "http-stall", "over TFTP: link-down, drop"),
        ("ipxe-http", "drop:block=7", "over HTTP: http-status"),
        ("ipxe-http", "link-down:file=boot.ipxe", "over HTTP"),
        ("undionly", "stall", "over HTTP"),
        ("ipxe", "missing:file=nonsense", "but boot.ipxe, initrd.img, vmlinuz"),
        ("ipxe", "http-refused", "nothing that comes over HTTP"),
        ("ipxe-http", "wrong-next-server", "nothing that comes over TFTP"),
        ("ipxe", "cert-expired", "comes over HTTPS: a folder"),
        ("ipxe", "dns-silent", "asks for no name: a folder"),
        ("ipxe", "stall:file=initrd.img", "in 2 blocks at the most"),
        ("ipxe", "short:file=initrd.img", "only 676 bytes"),
        ("ipxe-http", "http-stall:bytes=3000000", "only 3,000,000 bytes"),
    ],
)
def test_what_could_never_act_is_refused(path: str, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Faults.parse([text]).check(path, SIZES, PATHS[path].over_http)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ipxe", "stall"),
        ("ipxe", "stall:file=initrd.img,block=2"),
        ("ipxe", "link-down"),
        ("undionly", "stall:file=boot.ipxe,block=1"),
        ("undionly", "http-status"),
        ("lpxelinux", "wrong-next-server"),
        ("ipxe-http", "missing:file=initrd.img"),
        ("ipxe-http", "slow"),
        ("ipxe-http", "http-refused"),
    ],
)
def test_what_can_act_is_not_refused(path: str, text: str) -> None:
    Faults.parse([text]).check(path, SIZES, PATHS[path].over_http)


def test_paths_have_cards_that_a_plan_knows() -> None:
    nics = OPTIONS["nic"].choices
    assert {path.card(nic) for path in PATHS.values() for nic in path.only or nics} <= set(nics)


def test_plan_refuses_what_is_unknown() -> None:
    with pytest.raises(UsageError, match="nic 'ne1000': known are auto, virtio"):
        NetPlan("ne1000")
    with pytest.raises(UsageError, match="route 'pxelinu': did you mean pxelinux"):
        route_of(BootPlan("pxelinu"))


@pytest.mark.parametrize("name", ["ipxe", "undionly", "uefi-ipxe"])
def test_what_cannot_act_is_refused_before_a_download(name: str) -> None:
    for fault in ("stall:file=vmlinux", "http-stall:file=ldlinux.c32"):
        plan = choose(BootPlan(), {"route": name, "faults": [fault]})
        with pytest.raises(UsageError, match=f"the route {name} serves no"):
            ROUTES[name].check(plan)


def test_card_that_a_firmware_has_no_driver_for_is_refused() -> None:
    with pytest.raises(UsageError, match="no driver for e1000, but for virtio"):
        PATHS["uefi-snponly"].card("e1000")


@pytest.mark.parametrize("cmdline", ["a ${b}", "a\nb", "a && b", "a || b", "a ; b", "a #b"])
def test_what_iPXE_would_not_pass_on_is_refused(cmdline: str) -> None:  # noqa: N802
    with pytest.raises(UsageError, match="cannot go through an iPXE script"):
        PATHS["ipxe"].files(b"", b"", cmdline)


def test_script_has_the_command_line_as_it_is() -> None:
    line = "console=ttyS0,115200 a=b;c x#y init=/bin/sh"
    files = PATHS["ipxe"].files(b"kernel", b"initrd", line)
    assert f"kernel vmlinuz {line}\n".encode() in files["boot.ipxe"]
    assert files["vmlinuz"] == b"kernel"


def test_what_faults_cost_is_known_and_has_an_end() -> None:
    sizes = {"vmlinuz": 14_000_000, "initrd.img": 1_000}
    cost = Faults.parse(["link-down:seconds=10", "no-offer:seconds=5"]).cost_s(sizes)
    assert cost == 15
    assert Faults.parse(["slow:rate=1000000"]).cost_s(sizes) == 14
    assert Faults.parse(["loss:rate=0.05"]).cost_s(sizes) == pytest.approx(250, rel=0.01)
    assert Faults.parse(["stall", "no-offer"]).cost_s(sizes) == 0
