"""Several guests on one switch, one after the other on many, and what is left of them."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dpkt

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.tftp import DATA, opcode
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import fetch
from bootharness.network.network import Network
from bootharness.one_boot import boot, boot_medium
from bootharness.plan import BootPlan, MachineConfig
from bootharness.routes.net import net_image, network_for, plugged_in
from bootharness.routes.net_image import NetImage
from bootharness.trace.boot_trace import BootTrace

KERNEL = "selfcheck:1000000"
PLAN = BootPlan(route="ipxe", until="setup", machine=MachineConfig(memory_mib=128), timeout_s=120)


def boot_on(network: Network, image: NetImage) -> BootTrace:
    """Boot one guest on a network that has others."""
    with Workspace() as workspace, plugged_in(network, image, workspace) as medium:
        return boot_medium(KERNEL, medium, PLAN, workspace)


def test_four_guests_at_once() -> None:
    image = net_image(fetch(KERNEL), PLAN)
    with network_for(image, PLAN) as network, ThreadPoolExecutor(4) as pool:
        boots = [pool.submit(boot_on, network, image) for _ in range(4)]
        traces = [boot.result() for boot in boots]
    for trace in traces:
        judgement = judge(trace)
        assert judgement.verdict is Verdict.GOOD, judgement.summary
        assert trace.network
        assert [file.name for file in trace.network.files if file.intact] == [
            "boot.ipxe",
            "vmlinuz",
            "initrd.img",
        ]
    macs = {trace.network.mac for trace in traces if trace.network}
    assert len(macs) == 4


def test_boots_leave_nothing_behind() -> None:
    boot(KERNEL, PLAN)  # what is kept for the process is there from now on
    before = left_over()
    for path in ("ipxe", "ipxe-http"):
        plan = BootPlan(route=path, until="setup")
        assert judge(boot(KERNEL, plan)).verdict is Verdict.GOOD
    assert left_over() == before


def left_over() -> tuple[int, int, list[str]]:
    """Return how many files and threads are open, and which processes are our children."""
    gc.collect()  # what tests before this one have let go of
    files = len(list(Path("/proc/self/fd").iterdir()))
    children = Path("/proc/self/task").glob("*/children")
    return (
        files,
        threading.active_count(),
        [pid for each in children for pid in each.read_text().split()],
    )


def test_capture_holds_every_frame(tmp_path: Path) -> None:
    trace = boot(KERNEL, PLAN, keep=tmp_path)
    assert trace.network
    payload = 0
    with (tmp_path / "wire.pcap").open("rb") as file:
        for _, frame in dpkt.pcap.Reader(file):
            packet = dpkt.ethernet.Ethernet(frame).data
            if isinstance(packet, dpkt.ip.IP) and isinstance(packet.data, dpkt.udp.UDP):
                data = bytes(packet.data.data)
                payload += len(data) - 4 if opcode(data) == DATA else 0
    served = sum(file.sent_bytes for file in trace.network.files)
    assert payload == served
