"""The command that boots the same again."""

import shlex
import struct
from pathlib import Path

from msgspec.structs import replace

from bootharness.cli.boot import command, sources_and_plan
from bootharness.host.assembler import shipped
from bootharness.plan import OPTIONS, BootPlan, choose
from bootharness.report.again import again
from bootharness.trace.booted import LoaderFacts
from tests.support.certificates import certificate
from tests.support.traces import loading_trace

STAGE1 = LoaderFacts("stage1", "0" * 64, {})
TRACE = loading_trace(16, [], loader=STAGE1)
PLAIN = "bootharness boot kernel --until banner"


def plan_again(line: str) -> BootPlan:
    """Return the plan that the command makes of a line."""
    words = shlex.split(line)[2:]
    _, plan = sources_and_plan(*_given(words))
    return plan


def _given(words: list[str]) -> tuple[tuple[str, ...], dict[str, object]]:
    params = command.make_context("boot", words).params
    return params.pop("kernels"), {name: params[name] for name in OPTIONS}


def test_defaults_are_left_out() -> None:
    assert again(TRACE, BootPlan(until="banner")) == PLAIN
    assert again(TRACE, BootPlan(), "--keep", "a b") == f"{PLAIN} --keep 'a b'"


def _rom(folder: Path) -> Path:
    """Return the ROM of a virtio card for a BIOS, without code (PCI Firmware 3.0, 5.1)."""
    path = folder / "card.rom"
    head = b"\x55\xaa\x01".ljust(0x18, b"\0") + (0x1C).to_bytes(4, "little")
    data = struct.pack("<4sHHHHB3sHHBB", b"PCIR", 0x1AF4, 0x1000, 0, 24, 0, b"", 1, 0, 0, 0x80)
    path.write_bytes((head + data).ljust(512, b"\0"))
    return path


def test_everything_that_can_be_chosen(tmp_path: Path) -> None:
    initrd, loader, bios, answers = (
        tmp_path / name for name in ("my initrd", "loader.asm", "bios", "answers.toml")
    )
    answers.write_text('[[answer]]\nbootfile = "own.0"\n')
    loader.write_text(shipped("mbr/stage1.asm").read_text())
    initrd.touch()
    bios.touch()
    values = {
        "until": "banner", "loader": str(loader), "initrd": str(initrd), "cmdline": "a=1 b='2'",
        "tracer": "both", "timeout_s": 7.5, "idle_s": 3.25, "qemu": "qemu-system-i386",
        "machine_type": "q35", "memory_mib": 64, "disk_interface": "nvme", "accelerator": "tcg",
        "at_most_s": 2.5, "bios": str(bios), "cpu": "pentium3,-fpu", "smp": 2,
        "fail_on": ("WARNING: CPU", r"BUG: \w+"),
        "send": ("boot:=>two<enter>", "login: $=>root<enter>"),
    }  # fmt: skip
    plan = choose(BootPlan(), values)
    trace = replace(TRACE, source="selfcheck:16", loader=replace(STAGE1, name=str(loader)))
    assert plan_again(again(trace, plan)) == plan
    network = {"route": "pxelinux", "nic": "e1000", "faults": ["drop:block=3", "no-ack"],
               "cold": True}  # fmt: skip
    brought = {"route": "disk", "attached": "usb", "more_disks": [str(initrd), str(bios)],
               "disk_faults": ["error:lba=7,times=2", "slow:iops=0.5"]}  # fmt: skip
    card = {"mac": "52:54:00:00:00:07", "uuid": "00112233-4455-6677-8899-aabbccddeeff",
            "nic_rom": str(_rom(tmp_path)), "more_nics": ["virtio"]}  # fmt: skip
    wire = {"ip": "both", "vlan": 5, "dhcp_options": ["66=boot host", "175=0x0102"],
            "https_cert": str(certificate(tmp_path, "a"))}  # fmt: skip
    folder = {"route": "net-root", "bootfile": "own.0", "cold": True, **card, **wire}
    answered = {"route": "net-root", "answers": str(answers)}
    set_up = {"route": "uefi-net-root", "vlan": 5, "nic_vlan": 5, "firmware": "uefi-secure",
              "firmware_vars": "/usr/share/OVMF/OVMF_VARS_4M.ms.fd",
              "enrolled": ["/etc/own.pem"], "revoked": ["/usr/lib/grub.efi", "/etc/old.pem"],
              "sbat_level": "/etc/level.csv", "boot_entries": ["\\EFI\\a.efi quiet", "\\b.efi"],
              "machine_type": "q35"}  # fmt: skip
    (tmp_path / "shared").mkdir()
    guest = {"until": "auto", "run": "ls '/mnt/a b'", "manifests": [str(answers)],
             "programs": ["ls", "cat"], "modules": ["dm-crypt"], "module_folder": str(tmp_path),
             "shares": [f"a={tmp_path}", f"{tmp_path}/shared:rw"], "outside": True,
             "forwards": ["tcp:2222:22", "udp:5353:53"]}  # fmt: skip
    servers = {"route": "net-server", "more_servers": [f"dnsmasq:{bios}"]}
    desk = {"route": "pxelinux", "host": "apu2", "initrd": str(initrd)}
    tried = {*values, *network, *brought, *folder, *answered, *set_up, *servers, *guest, *desk,
             "until_screen"}  # fmt: skip
    assert tried == set(OPTIONS), "an option that is not tried"
    given = (
        (network, "selfcheck:16"),
        (brought, str(bios)),
        (folder, str(tmp_path)),
        (answered, str(tmp_path)),
        (set_up, str(tmp_path)),
        (servers, "command:true"),
        (desk, "selfcheck:16"),
    )
    ran = choose(BootPlan(), {**guest, "route": "direct"})
    line = again(replace(trace, loader=None, until="^a line of a token's", run="ls"), ran)
    assert plan_again(line) == replace(ran, until="init")
    for others, source in given:
        plan = choose(BootPlan(until="banner"), others)
        assert plan_again(again(replace(trace, loader=None, source=source), plan)) == plan


def test_patterns_that_a_boot_had_to_come_to() -> None:
    on_line, on_screen = BootPlan(until="box login:"), BootPlan(until="screen", until_screen="a b")
    line = again(replace(TRACE, until="box login:"), on_line)
    assert line == "bootharness boot kernel --until 'box login:'"
    line = again(replace(TRACE, until="screen", until_screen="a b"), on_screen)
    assert line == "bootharness boot kernel --until-screen 'a b'"


def test_disk_that_somebody_brought() -> None:
    line = again(replace(TRACE, source="a.img", loader=None), BootPlan(route="disk"))
    assert line == "bootharness boot a.img --route disk --until banner"


def test_loader_that_is_in_no_file_is_on_the_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    assert TRACE.disk
    facts, loader = replace(TRACE.disk, path=str(disk)), replace(STAGE1, name="made up")
    line = again(replace(TRACE, loader=loader, disk=facts), BootPlan(cmdline="quiet"))
    assert line == f"bootharness boot {disk} --route disk --until banner"


def test_loader_of_a_test_is_named(tmp_path: Path) -> None:
    loader = tmp_path / "mine.asm"
    loader.touch()
    line = again(replace(TRACE, loader=replace(STAGE1, name=str(loader))), BootPlan())
    assert line == f"bootharness boot kernel --until banner --loader {loader}"
