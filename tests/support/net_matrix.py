"""Every network fault on every path that it concerns, and the one cause that it must give.

Run as a program it boots them all and prints the table.
"""

import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from bootharness.diagnosis import judge
from bootharness.diagnosis.certainty import certain
from bootharness.kernels.initrd import tiny_initrd
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, MachineConfig, choose
from bootharness.plan.fault import OF_HTTPS
from bootharness.routes.net_paths import PATHS
from bootharness.routes.net_root import NET_ROOT
from bootharness.trace.boot_trace import BootTrace
from tests.support.certificates import certificate

__all__ = ["Case", "cases", "run", "seconds_after"]

NETWORK = tuple(PATHS)
AT_ONCE = 2
LIMIT_S = 2.0
"""From what the wire shows to the end of the boot."""
KERNEL = {"bios": "selfcheck:3000000", "uefi": "deb:linux-image-cloud-amd64/bookworm"}
UNTIL = {"bios": "setup", "uefi": "banner"}

TFTP_KERNEL = ("ipxe", "pxelinux", "uefi-ipxe", "uefi-snponly")
HTTP_KERNEL = ("ipxe-http", "undionly", "lpxelinux")
TFTP_FIRST = tuple(path for path in NETWORK if path != "ipxe-http")

UEFI_HTTP = "uefi-http-root"
_HOST = "boot.example.org"

# of blocks of 1,432 bytes more than there are numbers
_LARGE = "wrong-rollover"
LARGE = {
    "bios": "selfcheck:100000000",
    "uefi": "grow:100000000:deb:linux-image-cloud-amd64/bookworm",
}

# fault: what it concerns, and its cause; None is a boot that gets over it
_ROWS: tuple[tuple[str, tuple[str, ...], str | None], ...] = (
    ("blocked", NETWORK, "dhcp-no-offer"),
    ("blocked:seconds=2", NETWORK, None),
    ("rival", tuple(path for path in NETWORK if path != "uefi-snponly"), None),
    # to its iPXE the frames come as the firmware has them, and it takes the other's offer
    ("rival", ("uefi-snponly",), "dhcp-no-filename"),
    ("rival-first", ("ipxe", "pxelinux"), "dhcp-no-filename"),
    # iPXE takes the file of the DHCP server if that names one, a UEFI's PXE the proxy's
    ("proxy-first", tuple(path for path in NETWORK if path != "uefi-snponly"), None),
    ("proxy-first", ("uefi-snponly",), "proxy-obeyed"),
    ("no-filename proxy-first", ("ipxe", "pxelinux", "uefi-ipxe"), "proxy-obeyed"),
    ("no-offer", NETWORK, "dhcp-no-offer"),
    ("no-offer:seconds=2", NETWORK, None),
    ("no-offer:seconds=30", ("ipxe", "pxelinux"), "dhcp-no-offer"),
    ("no-ack", NETWORK, "dhcp-no-ack"),
    ("no-ack:seconds=2", NETWORK, None),
    ("nak", NETWORK, "dhcp-no-ack"),
    ("no-filename", NETWORK, "dhcp-no-filename"),
    ("wrong-next-server", TFTP_FIRST, "tftp-stalled"),
    ("link-down", NETWORK, "link-down"),
    ("link-down:file=vmlinuz,block=100", TFTP_KERNEL, "link-down"),
    ("link-down:file=vmlinuz,block=100,seconds=0.8", TFTP_KERNEL, None),
    ("link-down:file=vmlinuz,block=100,seconds=3", TFTP_KERNEL, None),
    # virtio's driver sees no link, so it asks while nothing passes
    ("link-down:seconds=4", NETWORK, None),
    ("link-down:seconds=30", ("ipxe", "pxelinux"), "link-down"),
    ("missing", TFTP_KERNEL, "tftp-not-found"),
    ("missing", HTTP_KERNEL, "http-status"),
    ("missing:file={script}", TFTP_FIRST, "tftp-not-found"),
    ("missing:file={nbp}", ("undionly", "pxelinux", "lpxelinux", "uefi-snponly"), "tftp-not-found"),
    ("missing:file=ldlinux.c32", ("pxelinux", "lpxelinux"), "tftp-not-found"),
    ("drop", TFTP_KERNEL, None),
    ("drop:file={nbp},block=10", ("undionly", "lpxelinux"), None),
    ("duplicate", TFTP_KERNEL, None),
    ("duplicate:file={nbp},block=10", ("undionly", "lpxelinux"), None),
    ("delay", TFTP_KERNEL, None),
    ("delay:file={nbp},block=10", ("undionly", "lpxelinux"), None),
    ("corrupt", TFTP_KERNEL, "tftp-corrupt"),
    ("corrupt:file={nbp},block=10", ("undionly", "lpxelinux"), "tftp-corrupt"),
    ("stall", TFTP_KERNEL, "tftp-stalled"),
    ("stall:file={script},block=1", TFTP_FIRST, "tftp-stalled"),
    ("short", TFTP_KERNEL, "tftp-truncated"),
    ("wrong-tsize:bytes=20000000", TFTP_KERNEL, "tftp-truncated"),
    ("wrong-tsize:bytes=1000", ("pxelinux",), "tftp-truncated"),
    ("wrong-tsize:bytes=1000", ("ipxe",), None),
    ("duplicate-oack:file={nbp}", ("pxelinux", "uefi-snponly"), None),
    ("late-oack:file={nbp}", ("lpxelinux", "uefi-snponly"), None),
    ("late-oack:file={script}", TFTP_FIRST, None),
    ("no-oack:file={script}", TFTP_FIRST, None),
    ("no-oack", ("ipxe", "pxelinux"), None),
    ("duplicate-oack", TFTP_KERNEL, None),
    ("duplicate-oack:file={script}", TFTP_FIRST, None),
    ("late-oack", TFTP_KERNEL, None),
    ("late-oack:file={nbp}", ("undionly", "pxelinux"), None),
    (_LARGE, TFTP_KERNEL, "tftp-stalled"),
    ("http-status:status=503", HTTP_KERNEL, "http-status"),
    ("http-status:file=initrd.img,status=499", HTTP_KERNEL, "http-status"),
    ("http-stall", HTTP_KERNEL, "http-stalled"),
    ("http-truncated", HTTP_KERNEL, "http-truncated"),
    ("http-reset", HTTP_KERNEL, "http-truncated"),
    ("http-reset:file=boot.ipxe,bytes=5", ("ipxe-http",), "http-truncated"),
    ("http-refused", HTTP_KERNEL, "http-refused"),
    ("slow", NETWORK, None),
    ("loss", NETWORK, None),
    ("loss:rate=0.02,seed=5", ("pxelinux",), None),
    ("loss:rate=0.05", ("ipxe", "pxelinux", "ipxe-http"), None),
    # what a folder asks of a name server
    ("dns-silent", (NET_ROOT,), "dns-no-answer"),
    ("dns-no-name", (NET_ROOT,), "dns-no-name"),
    # OVMF does not look at the dates; Debian 12's iPXE, which would, has no HTTPS
    ("cert-expired", (UEFI_HTTP,), None),
    ("cert-not-yet", (UEFI_HTTP,), None),
    ("cert-untrusted", (UEFI_HTTP,), "certificate-refused"),
    ("cert-other-name", (UEFI_HTTP,), "certificate-refused"),
    ("script-error", NETWORK, "script-error"),
    ("nbp-hang", ("ipxe", "undionly", "pxelinux", "lpxelinux"), "nbp-hang"),
)


class Case(Struct, frozen=True):
    """One fault on one path, or several, with spaces between."""

    fault: str
    path: str
    cause: str | None

    def __str__(self) -> str:
        return f"{self.path}-{self.fault}"


def cases() -> Iterator[Case]:
    """Yield every case."""
    for fault, paths, cause in _ROWS:
        for path in paths:
            roles = PATHS[path].roles if path in PATHS else {}
            yield Case(fault.format(**roles), path, cause)


def run(case: Case) -> BootTrace:
    """Boot a case."""
    if case.path in PATHS:
        firmware = PATHS[case.path].firmware
        kernels = LARGE if case.fault == _LARGE else KERNEL
        return _booted(case, kernels[firmware], firmware)
    with tempfile.TemporaryDirectory() as folder:
        if case.fault in OF_HTTPS:
            return _over_https(case, Path(folder))
        return _booted(case, str(_filled(Path(folder))), "bios")


def _over_https(case: Case, folder: Path) -> BootTrace:
    """Boot a UEFI with a boot program over HTTPS, if that comes, and all else over TFTP."""
    tree = folder / "tree"
    tree.mkdir()
    answers = folder / "answers.toml"
    answers.write_text(
        '[[answer]]\nuser-class = "iPXE"\nbootfile = "boot.ipxe"\n'
        f'[[answer]]\nbootfile = "https://{_HOST}/snponly.efi"\n'
    )
    (tree / "boot.ipxe").write_text("#!ipxe\nkernel vmlinuz console=ttyS0\nboot\n")
    (tree / "vmlinuz").write_bytes(fetch(KERNEL["uefi"]).path.read_bytes())
    (tree / "snponly.efi").write_bytes(Path("/usr/lib/ipxe/snponly.efi").read_bytes())
    plan = BootPlan(route=case.path, until=UNTIL["uefi"], timeout_s=300)
    said = {"answers": str(answers), "https_cert": str(certificate(folder, _HOST))}
    return boot(str(tree), choose(plan, {"faults": [case.fault], **said}))


def _filled(folder: Path) -> Path:
    """Put what boots by a name into a folder."""
    (folder / "vmlinuz").write_bytes(fetch("selfcheck:300000").path.read_bytes())
    (folder / "initrd.img").write_bytes(tiny_initrd(wide=True))
    (folder / "boot.ipxe").write_text(
        "#!ipxe\nkernel http://boot.example.org/vmlinuz console=ttyS0\ninitrd initrd.img\nboot\n"
    )
    return folder


def _booted(case: Case, source: str, firmware: str) -> BootTrace:
    plan = BootPlan(
        route=case.path,
        until=UNTIL[firmware],
        timeout_s=300,
        machine=MachineConfig(memory_mib=1024) if case.fault == _LARGE else MachineConfig(),
        # what hangs shows nothing but that nothing happens
        idle_s=3 if case.cause == "nbp-hang" else 10,
    )
    return boot(source, choose(plan, {"faults": case.fault.split()}))


def seconds_after(trace: BootTrace) -> float | None:
    """Return how long after the event that showed it the boot was given up."""
    failed = trace.network and certain(trace.network, trace.ending.seconds)
    if trace.ending.kind == "reached":
        return None
    return trace.ending.seconds - failed[1].seconds if failed else None


def main() -> int:
    """Boot all cases, or those whose name contains a word that is given, and print the table."""
    wanted = [case for case in cases() if all(word in str(case) for word in sys.argv[1:])]
    wrong = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for case, trace in zip(wanted, pool.map(run, wanted), strict=True):
            judgement = judge(trace)
            right = judgement.cause == case.cause
            wrong += not right
            after = seconds_after(trace)
            late = f"{after:5.2f}" if after is not None else "    -"
            too_late = after is not None and after > LIMIT_S
            mark = "FAIL" if not right else "LATE" if too_late else "ok  "
            print(
                f"{mark} {case.path:13} {case.fault:45} "
                f"{judgement.cause or 'boots':17} {trace.ending.seconds:6.2f} s {late}",
                flush=True,
            )
            if not right:
                print(f"     wanted {case.cause or 'boots'}: {judgement.summary}", flush=True)
    print(f"{len(wanted) - wrong} of {len(wanted)} as they must be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
