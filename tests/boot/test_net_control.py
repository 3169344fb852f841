"""The same boots from servers that are not ours: what our own wire says is no invention."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import ToolMissing
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import fetch
from bootharness.plan import BootPlan
from bootharness.routes.net import net_image
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetEventKind
from tests.servers import control

KERNEL = "selfcheck:1000000"


def assert_good(trace: BootTrace, server: str) -> None:
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.network
    assert trace.network.server == server
    assert {"vmlinuz", "initrd.img"} <= {file.name for file in trace.network.files if file.intact}
    for kind in (NetEventKind.DISCOVER, NetEventKind.OFFER, NetEventKind.ACK):
        assert trace.network.first(kind)
    assert trace.handoff
    assert trace.handoff.memory_equal is True


@pytest.mark.long
def test_slirp() -> None:
    plan = BootPlan(until="setup", route="ipxe")
    image = net_image(fetch(KERNEL), plan)
    with Workspace() as workspace, control.slirp(image, workspace) as running:
        assert_good(control.boot(running, 0, image, plan), "slirp")


@pytest.mark.long
def test_dnsmasq_with_two_guests_on_one_bridge() -> None:
    plan = BootPlan(until="setup", route="ipxe")
    image = net_image(fetch(KERNEL), plan)
    try:
        with Workspace() as workspace, control.dnsmasq(image, workspace, guests=2) as running:
            with ThreadPoolExecutor(2) as pool:
                boots = [pool.submit(control.boot, running, each, image, plan) for each in (0, 1)]
            traces = [each.result() for each in boots]
    except ToolMissing as error:
        pytest.skip(str(error))
    for trace in traces:
        assert_good(trace, "dnsmasq")
    # each sees its own answers, and of the other's only what is for all
    macs = {trace.network.mac for trace in traces if trace.network}
    assert len(macs) == 2


def test_what_a_server_cannot_do_is_said() -> None:
    plan = BootPlan(until="setup", route="undionly")
    image = net_image(fetch(KERNEL), plan)
    with Workspace() as workspace:
        for serve in (control.slirp, control.dnsmasq):
            with pytest.raises(ToolMissing, match="undionly"), serve(image, workspace):
                pass
