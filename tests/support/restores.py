"""Boots that go on from a saved machine, of several images, each beside the record of its boot from
the beginning: `make restores`.

Prints, for each image, how many restored boots told the same as the cold one, what the others told
otherwise, and how long it took each way to the kernel's first line.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

from bootharness.diagnosis import judge
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_calls import UefiCall
from tests.support.uefi_matrix import KERNEL, grub, systemd, uki
from tests.support.uefi_programs import FALLBACK, disk, file_system

__all__ = ["IMAGES", "difference", "record"]

_NEWER = "deb:linux-image-cloud-amd64/trixie"
_LARGER = "grow:40000000:deb:linux-image-cloud-amd64/bookworm"
_FAT16 = ("-F", "16")
# what a firmware asks for when it likes: variables are written as flash allows, text is timed
_IN_THEIR_ORDER = ("LoadImage", "StartImage", "Open", "Read", "LoadFile", "ExitBootServices")


def _scattered(folder: Path) -> Path:
    files = {name: each if isinstance(each, bytes) else each.read_bytes()
             for name, each in systemd().items()}  # fmt: skip
    return file_system(folder / "disk.img", files, *_FAT16, scattered=True)


IMAGES: Mapping[str, tuple[str, Callable[[Path], Path | str]]] = {
    "systemd-boot": ("uefi-systemd-boot", lambda _: KERNEL),
    "a newer kernel, UKI": ("uefi-uki", lambda _: _NEWER),
    "a larger kernel": ("uefi-systemd-boot", lambda _: _LARGER),
    "GRUB": ("uefi-disk", lambda folder: disk(folder, grub())),
    "UKI": ("uefi-disk", lambda folder: disk(folder, {FALLBACK: uki()})),
    "FAT16, a kernel in pieces": ("uefi-disk", _scattered),
}
"""Routes, and what makes what they boot in a folder."""


def record(trace: BootTrace) -> dict[str, object]:
    """Return what of a boot does not depend on how busy the host is, nor on where in memory the
    firmware puts what."""
    judgement, handoff = judge(trace), trace.uefi_handoff
    return {
        "verdict": judgement.verdict,
        "cause": judgement.cause,
        "milestones": [point.name for point in trace.milestones],
        "calls": [_what(call) for call in trace.uefi_calls if call.service in _IN_THEIR_ORDER],
        "blocks": [(call.lba, call.wanted, call.status) for call in trace.uefi_calls
                   if call.service == "ReadBlocks"],
        "compared": (trace.proof.compared_bytes, trace.proof.not_compared),
        "payload": handoff and handoff.payload and handoff.payload.equal,
        "initrd": handoff and handoff.initrd and handoff.initrd.equal,
        "command line": handoff and handoff.cmdline,
        "release": handoff and handoff.release,
    }  # fmt: skip


def difference(one: Mapping[str, object], other: Mapping[str, object]) -> str:
    """Say in what two records differ, empty where they do not."""
    return ", ".join(name for name in one if one[name] != other[name])


def _what(call: UefiCall) -> tuple[object, ...]:
    return call.service, call.path, call.status, call.wanted, call.bytes


def _to_banner(trace: BootTrace) -> float:
    banner = trace.milestone("banner")
    restored = trace.machine.restored if trace.machine else None
    return (banner.seconds if banner else trace.ending.seconds) - (
        restored.saved_s if restored else 0.0
    )


def _booted(source: str, route: str, *, cold: bool) -> BootTrace:
    plan = BootPlan(route=route, until="banner", timeout_s=180.0)
    return boot(source, choose(plan, {"cold": cold}))


def main() -> int:
    """Boot each image TIMES times restored; print the table."""
    times, failed, total = int(os.environ.get("TIMES", "34")), 0, 0
    for name, (route, make) in IMAGES.items():
        if not all(word in name for word in sys.argv[1:]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            source = str(make(Path(folder)))
            cold = _booted(source, route, cold=True)
            wanted, seconds, said, restored = record(cold), [], [], 0
            _booted(source, route, cold=False)  # this one saves, if none has
            for _ in range(times):
                trace = _booted(source, route, cold=False)
                restored += bool(trace.machine and trace.machine.restored)
                said += filter(None, [difference(wanted, record(trace))])
                seconds.append(_to_banner(trace))
        total += restored
        failed += len(said) + times - restored
        print(
            f"{'FAIL' if said or restored < times else 'ok  '} {name:26} {wanted['verdict']}, "
            f"{restored} restored of {times}, {len(said)} different; to the banner cold "
            f"{_to_banner(cold):.2f} s, restored {median(seconds):.2f} s, at most "
            f"{max(seconds):.2f} s",
            flush=True,
        )
        for each in dict.fromkeys(said):
            print(f"     {each}: {said.count(each)} times", flush=True)
    print(f"{total} restored boots, {failed} different or not restored")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
