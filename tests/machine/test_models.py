"""Machine types and CPUs of a QEMU, and what is said of those that it has not."""

import pytest
from msgspec.structs import replace

from bootharness.host.tool import QEMU_32
from bootharness.machine import models
from bootharness.machine.models import cpu_models, machine_types, why_not_this_machine
from bootharness.plan import MachineConfig

OLD = """Available CPUs:
x86 486                   (alias configured by machine type)
x86 pentium3-v1
x86 base                  base CPU model type

Recognized CPUID flags:
  3dnow abm
"""
NEW = OLD.replace("x86 ", "  ")
ASKED = MachineConfig("/usr/bin/qemu-system-x86_64", accelerator="tcg")


@pytest.mark.parametrize("said", [OLD, NEW])
def test_models_are_read_as_old_and_new_qemus_write_them(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "qemu_says", lambda *_: said)
    assert cpu_models("q") == ["486", "pentium3-v1", "base"]


def test_what_this_qemu_has_is_read() -> None:
    assert {"486", "pentium3", "qemu64", "max"} <= {*cpu_models(QEMU_32.name)}
    assert {"pc", "q35", "isapc", "microvm"} <= {*machine_types(QEMU_32.name)}


@pytest.mark.parametrize(
    ("asked", "said", "sentence"),
    [
        ({"cpu": "pentum3"}, "qemu: unable to find CPU model 'pentum3'",
         "--cpu pentum3: qemu-system-x86_64 has no such CPU; did you mean pentium3"),
        ({"cpu": "zzzz,-nx"}, "qemu: unable to find CPU model 'zzzz'",
         "--cpu zzzz: qemu-system-x86_64 has no such CPU; `qemu-system-x86_64 -cpu help` lists"),
        ({"machine_type": "q53"}, "unsupported machine type",
         "--machine-type q53: qemu-system-x86_64 has no such machine; did you mean q35?"),
        ({"cpu": "host"}, "qemu: CPU model 'host' requires KVM or HVF", "only KVM gives"),
        ({"cpu": "486,+foo"}, "qemu-system-x86_64: Property '486-x86_64-cpu.foo' not found",
         "--cpu 486,+foo: qemu-system-x86_64 refuses it: Property"),
        ({"smp": 9}, "qemu: Invalid SMP CPUs 9. The max", "--smp 9: qemu-system-x86_64 refuses it"),
        ({"cpu": "486"}, "qemu: could not open disk", ""),
        ({}, "qemu: unable to find CPU model 'x'", ""),
    ],
)  # fmt: skip
def test_what_a_person_asked_for_in_vain_is_named(
    asked: dict[str, object], said: str, sentence: str
) -> None:
    found = why_not_this_machine(replace(ASKED, **asked), said)
    assert found.startswith(sentence) if sentence.startswith("--") else sentence in found
    assert bool(found) is bool(sentence)
