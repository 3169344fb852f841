"""Servers that somebody brings: real dnsmasq and Kea, each in a network namespace of its own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import UsageError
from bootharness.kernels.source import fetch
from bootharness.network.namespace import why_no_namespace
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace
from tests.support.certificates import certificate
from tests.support.media import needs
from tests.support.net_files import unified
from tests.support.processes import COMMAND, environment, eventually, processes_with, run

pytestmark = [
    pytest.mark.skipif(
        (why_not := why_no_namespace()) is not None, reason=why_not or "namespaces can be made"
    ),
    pytest.mark.sample(2),
]

KERNEL = "selfcheck:1000000"
UEFI_KERNEL = "deb:linux-image-cloud-amd64/bookworm"
PXELINUX = ("/usr/lib/PXELINUX/pxelinux.0", "/usr/lib/syslinux/modules/bios/ldlinux.c32")
SNPONLY = "/usr/lib/ipxe/snponly.efi"
BOOT_SCRIPT = "#!ipxe\nkernel {kernel} console=ttyS0 panic=-1 no_timer_check\nboot\n"
DNSMASQ = """\
# somebody's own, as it is on their machine
port=0
interface=enp1s0
bind-interfaces
no-ping
user=nobody
dhcp-leasefile=/var/lib/misc/dnsmasq.leases
log-facility=/var/log/dnsmasq.log
enable-tftp
tftp-root={root}
"""
FULL = "dhcp-range=192.168.77.100,192.168.77.150,12h\n"
PROXY = """\
dhcp-range=192.168.77.0,proxy
dhcp-userclass=set:ipxe,iPXE
pxe-service=x86PC,"Boot",pxelinux
pxe-service=tag:!ipxe,X86-64_EFI,"Boot",snponly.efi
pxe-service=tag:!ipxe,BC_EFI,"Boot",snponly.efi
dhcp-boot=tag:ipxe,boot.ipxe
"""
KEA = """\
// somebody's own
{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "enp3s0" ] },
  /* where a Kea has its leases, and who tells it what to do */
  "lease-database": { "type": "memfile", "name": "/var/lib/kea/kea-leases4.csv" },
  "control-socket": { "socket-type": "unix", "socket-name": "/run/kea/kea4-ctrl-socket" },
  "subnet4": [ {
    "subnet": "192.168.77.0/24",
    "pools": [ { "pool": "192.168.77.100 - 192.168.77.200" } ],
    "option-data": [ { "name": "routers", "data": "192.168.77.1" } ], # ours
    %s
  } ]
} }
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a boot server, for a BIOS and for a UEFI."""
    for each in (*PXELINUX, SNPONLY, shutil.which("dnsmasq", path="/usr/sbin:/usr/bin")):
        if not each or not Path(each).exists():
            pytest.skip(f"{each} is not installed")
    folder = tmp_path_factory.mktemp("tftp")
    for name in (*PXELINUX, SNPONLY):
        shutil.copy(name, folder)
    shutil.copyfile(fetch(KERNEL).path, folder / "vmlinuz")
    (folder / "pxelinux.cfg").mkdir()
    (folder / "pxelinux.cfg/default").write_text(
        "DEFAULT linux\nLABEL linux\n  KERNEL vmlinuz\n  APPEND console=ttyS0\n"
    )
    (folder / "boot.ipxe").write_text(BOOT_SCRIPT.format(kernel="vmlinuz"))
    return folder


@pytest.fixture
def dnsmasq(tmp_path: Path, root: Path) -> Callable[..., str]:
    """Write a dnsmasq.conf and return it as a server."""

    def write(lines: str, name: str = "dnsmasq.conf", base: str = DNSMASQ) -> str:
        path = tmp_path / name
        path.write_text(base.format(root=root) + lines)
        return f"dnsmasq:{path}"

    return write


@pytest.fixture
def kea(tmp_path: Path) -> Callable[..., str]:
    """Write a kea-dhcp4.conf and return it as a server."""
    if not shutil.which("kea-dhcp4", path="/usr/sbin:/usr/bin"):
        pytest.skip("kea-dhcp4 is not installed")

    def write(said: str = "") -> str:
        path = tmp_path / "kea-dhcp4.conf"
        path.write_text(KEA % said)
        return f"kea:{path}"

    return write


def served(
    first: str,
    *more: str,
    route: str = "net-server",
    keep: Path | None = None,
    **choices: object,
) -> BootTrace:
    """Boot from servers."""
    plan = {"route": route, "more_servers": more, "timeout_s": 120.0, **choices}
    return boot(first, choose(BootPlan(), plan), keep=keep)


def assert_good(trace: BootTrace) -> None:
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.network
    assert all(file.intact for file in trace.network.files if file.role == "kernel")


def test_a_dnsmasq_boots_a_bios_and_the_kernel_is_compared_in_memory(
    dnsmasq: Callable[..., str], root: Path
) -> None:
    trace = served(dnsmasq(FULL + "dhcp-boot=pxelinux.0\n"))
    assert_good(trace)
    network = trace.network
    assert network
    assert network.server == "dnsmasq at 192.168.77.1"
    assert {"nbp": "pxelinux.0", "kernel": "vmlinuz"}.items() <= network.roles.items()
    assert trace.handoff
    assert trace.handoff.memory_equal is True
    [kernel] = [file for file in network.files if file.role == "kernel"]
    assert kernel.sent_bytes == (root / "vmlinuz").stat().st_size
    assert not Path("/var/log/dnsmasq.log").exists()


def test_a_proxy_beside_a_kea_boots_a_bios(
    dnsmasq: Callable[..., str], kea: Callable[..., str], tmp_path: Path
) -> None:
    (kept := tmp_path / "kept").mkdir()
    trace = served(kea(), dnsmasq(PROXY), keep=kept)
    assert "DHCP4_LEASE_ALLOC" in (kept / "server-1-kea-dhcp4.log").read_text()
    assert "DHCP, proxy on subnet" in (kept / "server-2-dnsmasq.log").read_text()
    assert_good(trace)
    assert trace.network
    assert trace.network.server == "kea-dhcp4 at 192.168.77.1, dnsmasq at 192.168.77.2"
    told = [(event.kind, event.file) for event in trace.network.events]
    assert ("proxy-ack", "pxelinux.0") in told
    assert ("dhcp-ack", "") in told


@pytest.mark.long
def test_the_same_proxy_boots_a_uefi(
    dnsmasq: Callable[..., str], kea: Callable[..., str], root: Path, tmp_path: Path
) -> None:
    own = tmp_path / "tftp"
    shutil.copytree(root, own)
    shutil.copyfile(fetch(UEFI_KERNEL).path, own / "vmlinuz")
    configuration = dnsmasq(PROXY).partition(":")[2]
    text = Path(configuration).read_text().replace(str(root), str(own))
    Path(configuration).write_text(text)
    trace = served(kea(), f"dnsmasq:{configuration}", route="uefi-net-server")
    if trace.ending.cause == "tool-missing":
        pytest.skip(trace.ending.detail)
    assert_good(trace)
    assert trace.network
    assert ("proxy-ack", "snponly.efi") in [(e.kind, e.file) for e in trace.network.events]


def nginx(folder: Path, root: Path, *lines: str) -> str:
    """Write an nginx.conf that serves a folder, and return the command that runs it."""
    needs("nginx")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    server = "".join(f"{line};" for line in (*lines, f"root {root}"))
    conf = folder / "nginx.conf"
    conf.write_text(
        f"daemon off; user root; pid {folder}/nginx.pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; {own}\nserver {{ {server} }} }}\n"
    )
    return f"exec nginx -c {conf}"


@pytest.mark.long
@pytest.mark.parametrize("which", ["python", "nginx"])
def test_files_come_from_the_web_server_that_a_command_starts(
    kea: Callable[..., str], root: Path, tmp_path: Path, which: str
) -> None:
    address = "192.168.77.9"
    command = (
        nginx(tmp_path, root, "listen 8000")
        if which == "nginx"
        else f'cd {root} && exec {sys.executable} -m http.server --bind "$BOOTHARNESS_ADDRESS" 8000'
    )
    web = f"command@{address}/24:{command}"
    trace = served(kea(f'"boot-file-name": "http://{address}:8000/boot.ipxe"'), web)
    assert_good(trace)
    assert trace.network
    assert {file.protocol for file in trace.network.files} == {"http"}
    assert trace.handoff
    assert trace.handoff.memory_equal is True


@pytest.mark.long
def test_a_web_server_whose_root_is_wrong_is_named(kea: Callable[..., str], tmp_path: Path) -> None:
    web = f"command@192.168.77.9/24:{nginx(tmp_path, tmp_path / 'nix', 'listen 80')}"
    judgement = judge(served(kea('"boot-file-name": "http://192.168.77.9/boot.ipxe"'), web))
    assert judgement.cause == "http-status", judgement.summary
    assert "404 Not Found to the request for boot.ipxe" in judgement.summary


@pytest.mark.long
@pytest.mark.parametrize("name", ["vmlinuz", "ldlinux.c32"])
def test_a_page_in_a_files_place_is_named(
    kea: Callable[..., str], root: Path, tmp_path: Path, name: str
) -> None:
    for each in ("pxelinux.0", "ldlinux.c32", "boot.ipxe"):
        shutil.copy(root / each, tmp_path)
    (tmp_path / name).write_text("<html>log in</html>" + " " * 20_000)
    if name == "vmlinuz":
        told = '"boot-file-name": "http://192.168.77.9/boot.ipxe"'
        command = nginx(tmp_path, tmp_path, "listen 80")
    else:
        needs("in.tftpd")
        told = '"next-server": "192.168.77.9", "boot-file-name": "pxelinux.0"'
        command = f"exec in.tftpd --foreground --user root --secure {tmp_path}"
    judgement = judge(served(kea(told), f"command@192.168.77.9/24:{command}"))
    assert judgement.verdict is Verdict.BAD
    assert judgement.cause == "tree-wrong-file", judgement.summary
    assert judgement.summary.startswith(name)


@pytest.mark.parametrize("right", [True, False])
def test_files_come_from_tftpd_hpa_beside_a_kea(
    kea: Callable[..., str], root: Path, tmp_path: Path, *, right: bool
) -> None:
    needs("in.tftpd")
    told = '"next-server": "192.168.77.2", "boot-file-name": "pxelinux.0"'
    command = f"exec in.tftpd --foreground --user root --secure {root if right else tmp_path}"
    trace = served(kea(told), f"command@192.168.77.2/24:{command}")
    if right:
        assert_good(trace)
        return
    judgement = judge(trace)
    assert judgement.cause == "tftp-not-found", judgement.summary
    assert "at 192.168.77.2 does not give pxelinux.0: " in judgement.summary


@pytest.mark.long
def test_a_dnsmasq_boots_over_ipv6(dnsmasq: Callable[..., str], root: Path) -> None:
    (root / "boot6.ipxe").write_text(BOOT_SCRIPT.format(kernel="vmlinuz"))
    lines = (
        "enable-ra\ndhcp-range=::100,::1ff,constructor:enp1s0\n"
        "dhcp-option=option6:bootfile-url,tftp://[fd00:99::1]/boot6.ipxe\n"
    )
    trace = served(dnsmasq(lines), idle_s=30.0)
    assert_good(trace)
    assert trace.network
    assert trace.network.server == "dnsmasq at fd00:99::1"
    told = [each.file for each in trace.network.events if each.kind == "dhcp-ack"]
    assert "tftp://[fd00:99::1]/boot6.ipxe" in told


@pytest.mark.long
def test_a_kea_and_an_nginx_boot_over_ipv6(root: Path, tmp_path: Path) -> None:
    needs("kea-dhcp6")
    url = "http://[fd00:77::2]/boot.ipxe"
    option = {"name": "bootfile-url", "data": url}
    subnet = {
        "subnet": "fd00:77::/64",
        "interface": "eth0",
        "pools": [{"pool": "fd00:77::100 - fd00:77::1ff"}],
        "option-data": [option],
    }
    conf = tmp_path / "kea-dhcp6.conf"
    dhcp6 = {"interfaces-config": {"interfaces": ["eth0"]}, "subnet6": [subnet]}
    conf.write_text(json.dumps({"Dhcp6": dhcp6}))
    web = f"command@[fd00:77::2/64]:{nginx(tmp_path, root, 'listen [::]:80')}"
    trace = served(f"kea:{conf}", web, idle_s=30.0)
    assert_good(trace)
    assert trace.network
    assert trace.network.server == "kea-dhcp6 at fd00:77::1, command at fd00:77::2"
    assert {file.protocol for file in trace.network.files} == {"http"}


@pytest.mark.long
def test_a_uefi_boots_from_an_nginx_over_https(dnsmasq: Callable[..., str], tmp_path: Path) -> None:
    pem = certificate(tmp_path, "boot.example.org")
    secure = ("listen 443 ssl", f"ssl_certificate {pem}", f"ssl_certificate_key {pem}")
    web = nginx(tmp_path, unified(tmp_path, "uki.efi"), *secure)
    lines = (
        f"{FULL}dhcp-vendorclass=set:http,HTTPClient\n"
        "dhcp-option-force=tag:http,60,HTTPClient\n"
        "dhcp-boot=tag:http,https://boot.example.org/uki.efi\n"
        "no-resolv\naddress=/boot.example.org/192.168.77.9\n"
    )
    trace = served(
        dnsmasq(lines, base=DNSMASQ.replace("port=0\n", "")),
        f"command@192.168.77.9/24:{web}",
        route="uefi-http-server",
        https_cert=str(pem),
        timeout_s=240.0,
    )
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.network
    assert not trace.network.files  # nobody reads along


@pytest.mark.long
def test_a_uefi_boots_from_an_nginx_over_http(dnsmasq: Callable[..., str], tmp_path: Path) -> None:
    web = nginx(tmp_path, unified(tmp_path, "uki.efi"), "listen 80")
    lines = f"{FULL}dhcp-option-force=60,HTTPClient\ndhcp-boot=http://192.168.77.9/uki.efi\n"
    trace = served(dnsmasq(lines), f"command@192.168.77.9/24:{web}", route="uefi-http-server")
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.network
    [file] = trace.network.files
    assert (file.name, file.outcome, file.protocol) == ("uki.efi", "served", "http")


@pytest.mark.long
def test_an_offer_that_http_boot_passes_over_is_named(dnsmasq: Callable[..., str]) -> None:
    offers = dnsmasq(f"{FULL}dhcp-boot=http://192.168.77.1/uki.efi\n")
    judgement = judge(served(offers, route="uefi-http-server", timeout_s=30.0))
    assert judgement.verdict is Verdict.BAD
    assert judgement.cause == "dhcp-offer-passed-over", judgement.summary
    assert "its option 60 is not HTTPClient: the UEFI's HTTP boot took none" in judgement.summary


TGT = """\
export TGT_IPC_SOCKET={folder}/tgt.ipc
{{ until tgtadm --op show --mode target >/dev/null 2>&1; do sleep 0.02; done
tgtadm --lld iscsi --op new --mode target --tid 1 -T iqn.2026-01.org.example:disk
tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b {folder}/disk.img
tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL; }} >/dev/null &
exec tgtd -f --iscsi portal=$BOOTHARNESS_ADDRESS:3260
"""
LEAST_DISK = 16 << 20
"""iPXE of 2019 cannot read one that has less than a cylinder of 8 MB."""


@pytest.mark.long
@pytest.mark.parametrize("lun", [1, 0])
def test_a_disk_over_iscsi_is_read_along(
    dnsmasq: Callable[..., str], tmp_path: Path, lun: int
) -> None:
    needs("tgtd")
    (tmp_path / "tgt.sh").write_text(TGT.format(folder=tmp_path))
    layout = DiskLayout.plan(
        Loader.stage1(), fetch(KERNEL), cmdline="console=ttyS0", memory_bytes=512 << 20,
        size_bytes=LEAST_DISK,
    )  # fmt: skip
    layout.write(tmp_path / "disk.img")
    root = f"dhcp-option=17,iscsi:192.168.77.2:::{lun}:iqn.2026-01.org.example:disk\n"
    trace = served(dnsmasq(FULL + root), f"command@192.168.77.2/24:sh {tmp_path}/tgt.sh")
    judgement = judge(trace)
    if lun:
        assert judgement.verdict is Verdict.GOOD, judgement.summary
        assert trace.handoff
        assert trace.handoff.memory_equal is True
        assert trace.kernel
        assert "iqn.2026-01.org.example:disk LUN 1 at LBA " in trace.kernel.source
        return
    assert judgement.cause == "script-error", judgement.summary
    assert "disk LUN 0, iscsi at 192.168.77.2, which is no disk that can be read" in (
        judgement.summary
    )


def test_a_dnsmasq_behind_a_relay_boots_a_guest_on_another_network(
    dnsmasq: Callable[..., str],
) -> None:
    pool = "dhcp-range=192.168.77.100,192.168.77.150,255.255.255.0,12h\n"
    trace = served(dnsmasq(f"{pool}dhcp-boot=pxelinux.0\n"), "relay@192.168.77.1/24:10.9.0.5")
    assert_good(trace)
    assert trace.network
    assert trace.network.server == "dnsmasq at 10.9.0.5, relay at 192.168.77.1"
    [ack] = [each for each in trace.network.events if each.kind == "dhcp-ack"]
    assert "by dnsmasq at 10.9.0.5 through relay at 192.168.77.1, from 10.9.0.5" in ack.text


@pytest.mark.long
@pytest.mark.parametrize(
    ("lines", "cause", "words"),
    [
        (FULL + "dhcp-boot=nix.0\n", "tftp-not-found", "does not give nix.0: \"file"),
        (FULL + "dhcp-boot=snponly.efi\n", "wrong-boot-program",
         "for x64 UEFI, and the client is of architecture 0, PC BIOS"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(
    dnsmasq: Callable[..., str], lines: str, cause: str, words: str
) -> None:
    trace = served(dnsmasq(lines))
    judgement = judge(trace)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, cause), judgement.summary
    assert words in judgement.summary


@pytest.mark.long
@pytest.mark.parametrize(
    ("prompt", "verdict", "cause", "words"),
    [
        (
            "",
            Verdict.BAD,
            "boot-menu-waits",
            "a PXE menu that waits for a person: Boot / Local; no",
        ),
        ('pxe-prompt="Press F8",2\n', Verdict.GOOD, None, "reached banner"),
    ],
)
def test_a_menu_of_a_proxys_waits_as_long_as_it_says(
    dnsmasq: Callable[..., str], kea: Callable[..., str], prompt: str,
    verdict: Verdict, cause: str | None, words: str,
) -> None:  # fmt: skip
    menu = 'pxe-service=x86PC,"Boot",pxelinux\npxe-service=x86PC,"Local",0\n'
    proxy = dnsmasq(f"dhcp-range=192.168.77.0,proxy\n{prompt}{menu}")
    judgement = judge(served(kea(), proxy))
    assert (judgement.verdict, judgement.cause) == (verdict, cause), judgement.summary
    assert words in judgement.summary


@pytest.mark.long
def test_a_uefi_passes_over_who_names_no_file(dnsmasq: Callable[..., str]) -> None:
    # the class of another architecture than OVMF's, as people have it
    wrong = "dhcp-vendorclass=set:efi,PXEClient:Arch:00009\ndhcp-boot=tag:efi,snponly.efi\n"
    judgement = judge(served(dnsmasq(FULL + wrong), route="uefi-net-server", timeout_s=30.0))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "dhcp-no-filename")
    assert "the UEFI's PXE took none, and asked " in judgement.summary


@pytest.mark.long
def test_a_proxy_that_names_nothing_is_silent(kea: Callable[..., str], tmp_path: Path) -> None:
    offers = tmp_path / "offers.py"
    offers.write_text(
        "import os, socket\n"
        "from bootharness.formats.dhcp import *\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)\n"
        "s.setsockopt(socket.SOL_SOCKET, 25, os.environ['BOOTHARNESS_INTERFACE'].encode())\n"
        "s.bind(('', 67))\n"
        "own = socket.inet_aton(os.environ['BOOTHARNESS_ADDRESS'])\n"
        "while True:\n"
        "    m = DhcpMessage.parse(s.recv(2000))\n"
        "    if m.kind == DISCOVER:\n"
        "        options = {53: bytes([OFFER]), 54: own, 60: b'PXEClient'}\n"
        "        answer = DhcpMessage(2, m.xid, m.mac, 0x8000, options=options)\n"
        "        s.sendto(answer.build(), ('255.255.255.255', 68))\n"
    )
    path = environment()["PYTHONPATH"]
    command = f"command:PYTHONPATH={path} exec {sys.executable} {offers}"
    judgement = judge(served(kea(), command))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "proxy-silent")
    assert "does not answer at 192.168.77.2 port 4011" in judgement.summary
    assert "nobody listens at its port 4011" in judgement.summary


def test_what_a_configuration_has_run_writes_nothing(
    dnsmasq: Callable[..., str], tmp_path: Path
) -> None:
    script, written = tmp_path / "on-lease", tmp_path / "written"
    script.write_text(f"#!/bin/sh\necho lease >{written}\n")
    script.chmod(0o755)
    assert_good(served(dnsmasq(f"{FULL}dhcp-boot=pxelinux.0\ndhcp-script={script}\n")))
    assert not written.exists()


def test_a_server_that_ends_in_the_middle_is_no_verdict(dnsmasq: Callable[..., str]) -> None:
    """What ends is a relay, once the machine has asked for its address."""
    relay = "import socket; s = socket.socket(2, 2); s.bind((str(), 67)); s.recv(2048)"
    other = f"command:{sys.executable} -c '{relay}'; echo oh dear; exit 3"
    trace = served(dnsmasq(FULL + "dhcp-boot=pxelinux.0\n"), other)
    judgement = judge(trace)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "server-lost")
    assert "command ended in the middle of the boot, with status 3: oh dear" in (judgement.summary)


def test_a_configuration_that_the_server_refuses_is_wrong_usage(
    dnsmasq: Callable[..., str], kea: Callable[..., str]
) -> None:
    wrong = dnsmasq("dhcp-rang=1.2.3.4\n")
    done = run("boot", "--net-server", wrong)
    assert done.returncode == 129, done.stdout
    file = wrong.partition(":")[2]
    assert f"dnsmasq refuses its configuration: bad option at line 11 of {file}" in done.stderr
    done = run("boot", "--net-server", kea('"pols": []'))
    assert done.returncode == 129, done.stdout
    assert "kea-dhcp4 refuses its configuration: Syntax check failed" in done.stderr
    assert 'got unexpected keyword "pols" in subnet4 map' in done.stderr


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("command:echo no; exit 4", "command ended before the boot began, with status 4: no"),
        ("dnsmasq:/nix", "--net-server dnsmasq:/nix: no such file"),
        ("dnsmask:/nix", "did you mean dnsmasq?"),
        ("kea", "dnsmasq:FILE, kea:FILE, command:WORDS or relay@"),
        ("dnsmasq@10.0.0.1:x", "'10.0.0.1' is no address as 192.168.1.1/24"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(server: str, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        served(server)


def test_who_is_not_root_takes_a_user_namespace(
    dnsmasq: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if why := why_no_namespace():
        pytest.skip(why)
    trace = served(dnsmasq(FULL + "dhcp-boot=pxelinux.0\n"))
    assert_good(trace)


def test_without_the_right_to_make_namespaces_nothing_is_found_out(
    dnsmasq: Callable[..., str],
) -> None:
    server = dnsmasq(FULL + "dhcp-boot=pxelinux.0\n")
    none_left = 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", none_left, "sh",
         *COMMAND, "boot", "--net-server", server],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 125, done.stderr
    assert "no network namespace can be made here" in done.stdout
    assert len(done.stdout.splitlines()) < 8


@pytest.mark.parametrize("with_janitor", [False, True])
def test_nothing_outlives_a_killed_harness(tmp_path: Path, *, with_janitor: bool) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    loose = f"setsid {sys.executable} -m http.server 8001 & setsid sleep 1000 & sleep 1000"
    with subprocess.Popen(
        [*COMMAND, "boot", "--net-server", f"command:{loose}", "--verbose"],
        env=environment(TMPDIR=str(folder)), stdout=subprocess.PIPE, text=True,
    ) as harness:  # fmt: skip
        assert harness.stdout
        next(line for line in harness.stdout if "BIOS" in line)
        running = processes_with(str(folder))
        assert sum("sleep 1000" in each for each in running) >= 2
        janitors = [int(each.split()[0]) for each in running if "bootharness-janitor" in each]
        assert len(janitors) == 2  # the machine's and the servers'
        for pid in (*janitors, harness.pid) if with_janitor else (harness.pid,):
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: processes_with(str(folder)))


@pytest.mark.long
def test_trace_and_report_say_which_servers(tmp_path: Path, dnsmasq: Callable[..., str]) -> None:
    server = dnsmasq(FULL)
    written = tmp_path / "trace.json"
    done = run("boot", "--net-server", server, "--json", written)
    assert done.returncode == 1, done.stderr
    network = json.loads(written.read_text())["network"]
    assert network["servers"] == [server]
    words = " ".join(done.stdout.split())
    assert "net-server over virtio, from dnsmasq at 192.168.77.1" in words
    assert "by dnsmasq at 192.168.77.1, names no boot file" in words
