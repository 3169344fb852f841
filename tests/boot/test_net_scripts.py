"""Scripts of somebody's own: an error is the end only if nothing is asked for after it."""

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot_medium
from bootharness.plan import BootPlan, choose
from bootharness.routes.net import net_image, network_for, plugged_in
from bootharness.routes.table import route_of
from bootharness.trace.boot_trace import BootTrace
from tests.support.net_files import serving

KERNEL = {"ipxe": "selfcheck:3000000", "uefi-ipxe": "deb:linux-image-cloud-amd64/bookworm"}
UNTIL = {"ipxe": "setup", "uefi-ipxe": "banner"}
LOAD = "kernel vmlinuz {cmdline}\ninitrd initrd.img\nboot\n"


def boot_with(script: str, path: str) -> BootTrace:
    """Boot over the network with another script."""
    plan = choose(BootPlan(), {"route": path, "until": UNTIL[path], "timeout_s": 120.0})
    route_of(plan).check(plan)
    image = net_image(fetch(KERNEL[path]), plan)
    text = f"#!ipxe\n{script.format(cmdline=f'initrd=initrd.img {plan.cmdline}')}"
    image = serving(image, "boot.ipxe", text.encode())
    with (
        Workspace() as workspace,
        network_for(image, plan) as network,
        plugged_in(network, image, workspace) as medium,
    ):
        return boot_medium(KERNEL[path], medium, plan, workspace)


@pytest.mark.long
@pytest.mark.parametrize("path", ["ipxe", "uefi-ipxe"])
def test_script_that_goes_on_after_an_error_boots(path: str) -> None:
    judgement = judge(boot_with(f"chain --autofree local.ipxe || echo none\n{LOAD}", path))
    assert judgement.verdict is Verdict.GOOD, judgement.summary


def test_script_whose_last_resort_fails_too_is_quoted() -> None:
    trace = boot_with("chain a.ipxe || chain b.ipxe\n", "ipxe")
    judgement = judge(trace)
    assert judgement.cause == "script-error", judgement.summary
    assert "the card's iPXE gave up" in judgement.summary
    assert "running boot.ipxe, the script" in judgement.summary
    assert "No such file or directory (http" in judgement.summary


def test_kernel_that_another_script_finds_elsewhere_boots() -> None:
    script = f"kernel other/vmlinuz || goto ours\n:ours\n{LOAD}"
    judgement = judge(boot_with(script, "ipxe"))
    assert judgement.verdict is Verdict.GOOD, judgement.summary
