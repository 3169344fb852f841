"""What keeps a boot of a real machine from being judged, when all is seen that came."""

from collections.abc import Callable

from msgspec.structs import replace

from bootharness.errors import PlugFailed
from bootharness.hardware.machines import HardwareMachine
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.network_facts import NetEventKind, NetworkFacts, milestones

__all__ = ["not_by_wire", "without_power"]

_BY_A_KERNEL = ("reached", "panic", "complaint")


def not_by_wire(
    trace: BootTrace, facts: NetworkFacts, machine: HardwareMachine, *, brought: bool
) -> BootTrace:
    """Return the trace; nothing is known of a machine that never asked its wire, or where a kernel
    runs that did not come by it."""
    if trace.ending.cause:
        return trace
    runs = trace.ending.kind in _BY_A_KERNEL or trace.reached("banner") or trace.reached("init")
    if machine.proxy and brought and (why := _not_beside(trace, facts, machine)):
        return replace(trace, ending=Ending("skipped", trace.ending.seconds, why, "wire-lost"))
    if not facts.frames:
        why = f"{machine.name} has sent no frame on {machine.wire}"
    elif brought and runs and not _kernel_came(facts):
        why = f"a kernel runs on {machine.name}, and none came by {machine.wire}: that of its disk?"
    else:
        return trace
    why = (
        f"{why}: is {machine.mac} its card, is the cable in, and does its firmware boot from the "
        "network first?"
    )
    return replace(trace, ending=Ending("skipped", trace.ending.seconds, why, "wire-lost"))


def _not_beside(trace: BootTrace, facts: NetworkFacts, machine: HardwareMachine) -> str:
    """Say what another server of a machine's network has not done, or done in place of us."""
    if not facts.first(NetEventKind.DISCOVER):
        return ""
    if not facts.first(NetEventKind.OFFER):
        return (
            f"nobody on {machine.wire} has given {machine.name} an address, which as a proxy "
            f"{machine.proxy} does not: is the DHCP server of that network up?"
        )
    if not facts.files:
        return (
            f"{machine.name} has asked {machine.proxy} for no file: does the DHCP server of that "
            "network name a boot file of its own, or give addresses of another network?"
        )
    return ""


def _kernel_came(facts: NetworkFacts) -> bool:
    return facts.events_left_out > 0 or "kernel-served" in milestones(facts)


def without_power(trace: BootTrace, name: str, is_on: Callable[[], bool | None]) -> BootTrace:
    """Return the trace; silence of a machine that somebody else has switched off means nothing."""
    if trace.ending.kind == "reached" or trace.ending.cause == PlugFailed.cause:
        return trace
    if is_on() is not False:
        return trace
    why = (
        f"the plug of {name} is off, and it was to be on: has somebody switched it, or "
        "a rule of its own?"
    )
    return replace(trace, ending=Ending("skipped", trace.ending.seconds, why, PlugFailed.cause))
