"""Which boots may go on from a saved machine: those that are all alike up to the first packet."""

from typing import Any

import pytest

from bootharness.plan import BootPlan, choose


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"faults": ["no-offer"]},
        {"faults": ["link-down:file=vmlinuz,block=100"]},
        {"until": "login:", "fail_on": ["panic"], "cmdline": "quiet"},
    ],
)
def test_what_comes_later_may_be_anything(values: dict[str, Any]) -> None:
    assert choose(BootPlan(route="ipxe"), values).restorable


@pytest.mark.parametrize(
    "values",
    [
        {"cold": True},
        {"faults": ["link-down"]},
        {"faults": ["link-down:seconds=1"]},
        {"faults": ["stall", "loss:rate=0.01"]},
        {"at_most_s": 5.0},
        {"send": ["Ctrl-B=>a"]},
        {"ip": "6"},
        {"vlan": 5},
        {"nic_vlan": 5},
        {"more_nics": ["virtio"]},
    ],
)
def test_what_may_come_before_the_first_packet_is_booted_from_the_beginning(
    values: dict[str, Any],
) -> None:
    assert not choose(BootPlan(route="ipxe"), values).restorable
