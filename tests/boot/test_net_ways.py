"""Folders of boot files, booted as they stand."""

import gzip
from pathlib import Path
from random import Random

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.kernels.source import fetch
from bootharness.machine.uefi import UEFI_TOOLS
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetEvent, NetEventKind
from tests.support.certificates import certificate
from tests.support.media import needs
from tests.support.net_files import unified

pytestmark = pytest.mark.sample(2)

KERNEL = "selfcheck:1000000"


def tree(folder: Path, **files: str | bytes) -> Path:
    """Write a folder with a kernel, an initrd, and files whose names have _ for / and __ for ."""
    (folder / "vmlinuz").write_bytes(fetch(KERNEL).path.read_bytes())
    (folder / "initrd.img").write_bytes(gzip.compress(Random(1).randbytes(10_000)))
    for name, content in files.items():
        path = folder / name.replace("__", ".").replace("_", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def booted(folder: Path, route: str = "net-root", **choices: object) -> BootTrace:
    plan = choose(BootPlan(), {"route": route, "until": "setup", "timeout_s": 120.0, **choices})
    return boot(str(folder), plan)


def noted(trace: BootTrace, kind: NetEventKind) -> list[NetEvent]:
    assert trace.network
    return [each for each in trace.network.events if each.kind == kind]


def test_script_with_names_and_addresses_of_another_network_works_as_it_stands(
    tmp_path: Path,
) -> None:
    script = (
        "#!ipxe\nkernel http://${next-server}/vmlinuz console=ttyS0\n"
        "initrd http://192.168.1.10:8080/initrd.img\n"
        "imgfetch tftp://192.168.1.77/note || shell\nimgfree note\nboot\n"
    )
    first = "#!ipxe\nchain http://boot.example.org/sub\n"
    folder = tree(tmp_path, boot__ipxe=first, sub_index__html=script, note="hello")
    trace = booted(folder)
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert [each.text for each in noted(trace, NetEventKind.NAME_ASKED)] == ["boot.example.org"]
    asked = {each.file: each.at for each in noted(trace, NetEventKind.FILE_REQUESTED)}
    assert asked == {
        "boot.ipxe": "",
        "sub/index.html": "boot.example.org",
        "vmlinuz": "",
        "initrd.img": "192.168.1.10",
        "note": "192.168.1.77",
    }
    assert trace.network
    assert trace.network.role("vmlinuz") == "kernel"


def test_answers_of_somebodys_own_and_a_card_with_another_rom(tmp_path: Path) -> None:
    answers = tmp_path / "answers.toml"
    answers.write_text(
        '[[answer]]\nuser-class = "other"\nbootfile = "none"\n'
        '[[answer]]\narchitecture = "x86 bios"\nmac = "52:54:00:aa:bb:01"\n'
        'bootfile = "http://boot.example.org/menu.ipxe"\nnext-server = "192.168.1.10"\n'
        '[redirects]\n"/moved" = "/initrd.img"\n'
    )
    root = tmp_path / "root"
    root.mkdir()
    # the first card on the bus has no cable, and the second is the one to boot from
    script = (
        "#!ipxe\niseq ${net1/mac} 52:54:00:aa:bb:01 || shell\niseq ${net1/209} hello || shell\n"
        "kernel tftp://${next-server}/vmlinuz console=ttyS0\n"
        "initrd http://boot.example.org/moved\nboot\n"
    )
    trace = booted(
        tree(root, menu__ipxe=script),
        answers=str(answers),
        mac="52:54:00:AA:bb:01",
        more_nics=("virtio",),
        nic_rom="/usr/lib/ipxe/virtio-net.rom",
        dhcp_options=("209=hello",),
    )
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    asked = {each.file: each.at for each in noted(trace, NetEventKind.FILE_REQUESTED)}
    assert asked == {
        "menu.ipxe": "boot.example.org",
        "vmlinuz": "192.168.1.10",
        "initrd.img": "boot.example.org",
    }


def test_pxelinux_finds_its_configuration_by_the_machines_uuid(tmp_path: Path) -> None:
    # pxelinux writes the bytes as the firmware has them, and of three fields that is back to front
    config = "pxelinux__cfg_7a4c4b8e-5e0c-6f4b-9f5e-0123456789ab"
    text = "DEFAULT a\nLABEL a\nKERNEL vmlinuz\nINITRD initrd.img\nAPPEND console=ttyS0\n"
    pxelinux = Path("/usr/lib/PXELINUX/pxelinux.0").read_bytes()
    module = Path("/usr/lib/syslinux/modules/bios/ldlinux.c32").read_bytes()
    files = {config: text, "pxelinux__0": pxelinux, "ldlinux__c32": module}
    trace = booted(tree(tmp_path, **files), uuid="8e4b4c7a-0c5e-4b6f-9f5e-0123456789ab")
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary


def test_unified_kernel_is_a_boot_program_over_https(tmp_path: Path) -> None:
    answers = tmp_path / "answers.toml"
    answers.write_text(
        '[[answer]]\nvendor-class = "HTTPClient"\narchitecture = "x86-64 uefi http"\n'
        'bootfile = "https://boot.example.org/uki.efi"\n'
    )
    trace = booted(
        unified(tmp_path, "uki.efi"),
        "uefi-http-root",
        until="banner",
        answers=str(answers),
        https_cert=str(certificate(tmp_path, "boot.example.org")),
        timeout_s=240.0,
    )
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    asked = [(each.file, each.at) for each in noted(trace, NetEventKind.FILE_SIZE_ASKED)]
    assert asked == [("uki.efi", "boot.example.org")]
    assert trace.network
    assert [each.protocol for each in trace.network.files] == ["http"]
    assert trace.network.role("uki.efi") == "nbp"


@pytest.mark.long
def test_all_comes_over_ipv6_where_the_network_has_nothing_else(tmp_path: Path) -> None:
    script = (
        "#!ipxe\nkernel http://[fd00:2::1]/vmlinuz console=ttyS0\n"
        "initrd http://boot.example.org/initrd.img\nboot\n"
    )
    trace = booted(tree(tmp_path, boot__ipxe=script), ip="6", idle_s=30.0)
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.network
    named = {each.file for each in trace.network.events if each.kind == NetEventKind.ACK}
    assert named == {"tftp://[fd00:2::1]/boot.ipxe"}
    asked = {each.name: (each.protocol, each.intact) for each in trace.network.files}
    assert asked == {
        "boot.ipxe": ("tftp", True),
        "vmlinuz": ("http", True),
        "initrd.img": ("http", True),
    }


@pytest.mark.long
def test_uefi_whose_set_up_has_the_vlan_boots_from_it(tmp_path: Path) -> None:
    root = unified(tmp_path, "bootx64.efi")
    trace = booted(
        root, "uefi-net-root", until="banner", vlan=5, nic_vlan=5, mac="52:54:00:aa:bb:0c"
    )
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert not noted(trace, NetEventKind.OTHER_VLAN)


@pytest.mark.long
def test_card_that_knows_nothing_of_the_vlan_is_told_as_that(tmp_path: Path) -> None:
    trace = booted(tree(tmp_path, boot__ipxe="#!ipxe\n"), vlan=5, idle_s=3.0)
    judgement = judge(trace)
    assert judgement.cause == "other-vlan", judgement.summary
    assert "all that the card sent came without a VLAN's tag" in judgement.summary


@pytest.mark.long
def test_uefi_with_secure_boot_refuses_a_boot_program_that_nobody_has_signed(
    tmp_path: Path,
) -> None:
    snponly = Path("/usr/lib/ipxe/snponly.efi")
    needs(snponly, *(Path(tool.name) for tool in UEFI_TOOLS))
    (tmp_path / "snponly.efi").write_bytes(snponly.read_bytes())
    trace = booted(tmp_path, "uefi-net-root", firmware="uefi-secure", fail_on=("Access Denied",))
    judgement = judge(trace)
    assert judgement.cause == "secure-boot-refused", judgement.summary
    assert "refused to start snponly.efi, the nbp, though it came whole" in judgement.summary
    assert trace.machine
    assert (trace.machine.machine_type, trace.machine.secure_boot) == ("q35", True)
