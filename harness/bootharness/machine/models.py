"""The machine types and CPUs that a QEMU has, and what it says of others."""

import re
from collections.abc import Callable

from bootharness.errors import CouldNotFindOut
from bootharness.machine.firmware import qemu_says
from bootharness.plan import MachineConfig
from bootharness.text import hint

__all__ = ["cpu_models", "machine_types", "why_not_this_machine"]

# nothing can be booted on these
_NO_PC = ("none", "x-remote")
_LEFT_OUT = re.compile(r"qemu\S*: (?:warning: )?")


def cpu_models(qemu: str) -> list[str]:
    """Return the names that a QEMU's -cpu takes. Raises CouldNotFindOut where it does not say."""
    models, _, _ = qemu_says(qemu, "-cpu", "help").partition("\n\n")
    rows = (line.split() for line in models.splitlines() if line.startswith(("x86 ", " ")))
    return [row[1] if row[0] == "x86" else row[0] for row in rows if row]


def machine_types(qemu: str) -> list[str]:
    """Return the names of the PCs that a QEMU's -machine takes. Raises CouldNotFindOut where it
    does not say."""
    _, *lines = qemu_says(qemu, "-machine", "help").splitlines()
    names = [line.split()[0] for line in lines if line.strip()]
    return [name for name in names if name not in _NO_PC]


def why_not_this_machine(config: MachineConfig, said: str) -> str:
    """Return what a person has asked for that a QEMU does not have, by what it ``said`` as it did
    not start; empty where it is something else."""
    name = config.qemu.rpartition("/")[2]
    if "unsupported machine type" in said:
        listed = f"`{name} -machine help` lists them"
        near = _near(config.machine_type, machine_types, config.qemu, listed)
        return f"--machine-type {config.machine_type}: {name} has no such machine; {near}"
    if config.cpu and "unable to find CPU model" in said:
        listed = f"`{name} -cpu help` lists them"
        model = config.cpu.partition(",")[0]
        near = _near(model, cpu_models, config.qemu, listed)
        return f"--cpu {model}: {name} has no such CPU; {near}"
    if config.cpu and "requires KVM" in said:
        return (
            f"--cpu {config.cpu}: it is this computer's own, which only KVM gives: take "
            "--accelerator kvm, or --cpu max for all that QEMU emulates"
        )
    words = _LEFT_OUT.sub("", said)
    if config.cpu and "," in config.cpu and re.search(r"-cpu\.|Expected key=value", said):
        return f"--cpu {config.cpu}: {name} refuses it: {words}"
    if config.smp > 1 and "SMP CPUs" in said:
        return f"--smp {config.smp}: {name} refuses it: {words}"
    return ""


def _near(wrong: str, known: Callable[[str], list[str]], qemu: str, listed: str) -> str:
    try:
        names = known(qemu)
    except CouldNotFindOut:
        return listed
    return hint(wrong, names, otherwise=listed)
