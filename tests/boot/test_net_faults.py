"""Faults on the network and their causes: some of each kind; `make faults-net` boots them all."""

import pytest

from bootharness.diagnosis import judge
from tests.support.net_matrix import Case, cases, run

SOME = (
    "ipxe-no-offer",
    "ipxe-no-ack",
    "ipxe-http-no-filename",
    "ipxe-wrong-next-server",
    "ipxe-link-down",
    "ipxe-link-down:file=vmlinuz,block=100,seconds=0.8",
    "pxelinux-missing:file=ldlinux.c32",
    "ipxe-corrupt",
    "pxelinux-stall",
    "ipxe-short",
    "ipxe-http-missing",
    "ipxe-http-http-stall",
    "ipxe-http-http-reset",
    "ipxe-link-down:file=vmlinuz,block=100,seconds=3",
    "ipxe-no-offer:seconds=2",
    "pxelinux-no-ack:seconds=2",
    "ipxe-loss",
    "ipxe-script-error",
)
CASES = {str(case): case for case in cases()}


@pytest.mark.sample(4)
@pytest.mark.parametrize("case", [CASES[name] for name in SOME], ids=str)
def test_fault_gives_exactly_its_cause(case: Case) -> None:
    trace = run(case)
    judgement = judge(trace)
    assert judgement.cause == case.cause, judgement.summary
