"""Going back as the product does: 200 times in recordings of ten faults, on two interfaces; and
what it costs to record, to play, and to ask who wrote last: `make bench-back`.

QEMU is `QEMU`, or else the one that is chosen.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from bootharness.debug.backwards import answer
from bootharness.debug.recorded import recording_beside
from bootharness.diagnosis import judge
from bootharness.errors import CouldNotFindOut
from bootharness.kernels.image import KernelImage
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.machine.choice import chosen_machine
from bootharness.plan import AUTO, BootPlan, MachineConfig
from bootharness.recording.kept import KeptRecording
from bootharness.recording.player import Player
from bootharness.report.document import document, encode, read_trace
from bootharness.routes.loader import ORIGIN, Loader
from tests.support.back_matrix import cases
from tests.support.boots import boot_through
from tests.support.builders import without_carry

__all__ = ["back_and_forth", "main"]

_FAULTS, _EACH = 10, 10
_INTERFACES = ("ahci", "virtio")
_PAYLOAD, _TOO_LARGE = 130_064, 17_000_000
_STRIDE = 99_991
_TIMES = 5
_DESCRIPTOR_BYTE = 7


def kept_boot(loader: Loader, payload: int, folder: Path, machine: MachineConfig) -> Path:
    """Boot a kernel of so many bytes, keep it, and return its trace's file."""
    plan = BootPlan(until="setup", idle_s=2.0, machine=machine)
    kernel = KernelImage.read(selfcheck_kernel(payload))
    trace = boot_through(loader, kernel, plan, keep=folder)
    (folder / "trace.json").write_bytes(encode(document(trace, judge(trace))))
    return folder / "trace.json"


def opened(trace_file: Path, qemu: str) -> KeptRecording | None:
    """Return the recording that was kept with a boot."""
    return recording_beside(trace_file, read_trace(trace_file.read_bytes()), qemu)


def back_and_forth(kept: KeptRecording, times: int) -> int:
    """Go back in a recording so many times, by one instruction and to a breakpoint in turn; return
    how often it came to where it should. Raises MachineLost where QEMU hangs."""
    right, anchor = 0, kept.anchor
    if anchor is None:
        return 0
    with Player(kept.reel) as player:
        for number in range(times):
            behind = kept.reel.end - 1 - anchor.position
            player.seek(kept.reel.end - 1 - _STRIDE * number % behind)
            here = player.position
            if number % 2:
                player.step_back()
                right += player.position == here - 1
            else:
                player.stub.stop_at(ORIGIN)
                player.back()
                player.stub.clear()
                right += player.cpu().linear == ORIGIN and player.position < here
    return right


def _operations(qemu: str) -> bool:
    total = right = faults = 0
    for mutant in cases():
        for interface in _INTERFACES:
            with tempfile.TemporaryDirectory() as folder:
                machine = MachineConfig(qemu=qemu, disk_interface=interface)
                loader = replace(mutant.loader, name="mutant")
                file = kept_boot(loader, _PAYLOAD, Path(folder), machine)
                kept = opened(file, qemu)
                loops = read_trace(file.read_bytes()).ending.kind == "loop"
                if kept is None or kept.anchor is None or loops:
                    break  # a guest that hangs is played for minutes
                began = time.monotonic()
                came = back_and_forth(kept, _EACH)
            total, right = total + _EACH, right + came
            print(f"{came} of {_EACH} in {time.monotonic() - began:4.1f} s  {interface:6}  "
                  f"{mutant.name}", flush=True)  # fmt: skip
        else:
            faults += 1
        if faults == _FAULTS:
            break
    print(f"{right} of {total} reverse operations over {faults} faults")
    return right == total


def _costs(qemu: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        machine = MachineConfig(qemu=qemu)
        loader = without_carry(Loader.stage1())
        file = kept_boot(loader, _TOO_LARGE, Path(folder), machine)
        trace, kept = read_trace(file.read_bytes()), opened(file, qemu)
        assert kept
        played, asked, where = [], [], loader.symbols["gdt.destination"] + _DESCRIPTOR_BYTE
        for _ in range(_TIMES):
            began = time.monotonic()
            with Player(kept.reel) as player:
                player.play()
            played.append(time.monotonic() - began)
            began = time.monotonic()
            answer(file, qemu, "last-write", str(where), str(kept.reel.end - 1), "it")
            asked.append(time.monotonic() - began)
        bare = trace.ending.seconds
        print(f"boot {bare:.2f} s, recorded {kept.reel.seconds / bare:.2f} times that, played "
              f"{median(played) / bare:.2f}; last-write {median(asked):.2f} s")  # fmt: skip


def main() -> int:
    """Print both; 1 where an operation went wrong, 125 where QEMU does not do it at all."""
    qemu = chosen_machine(MachineConfig(qemu=os.environ.get("QEMU", AUTO))).qemu
    try:
        _costs(qemu)
        return 0 if _operations(qemu) else 1
    except CouldNotFindOut as error:
        print(error)
        return 125


if __name__ == "__main__":
    sys.exit(main())
