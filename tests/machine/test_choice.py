"""Which QEMU is taken, and when our choice is taken back."""

import pytest

from bootharness.machine.choice import chosen_machine, wider
from bootharness.plan import AUTO, MachineConfig

SAID = "This kernel requires an x86-64 CPU, but only detected an i686 CPU."


@pytest.mark.parametrize(("narrow", "qemu"), [(True, "i386"), (False, "x86_64")])
def test_qemu_is_as_wide_as_the_kernel(narrow: bool, qemu: str) -> None:
    config = MachineConfig(accelerator="tcg")
    assert chosen_machine(config, narrow=narrow).qemu == f"qemu-system-{qemu}"


def test_only_our_own_choice_is_taken_back() -> None:
    asked = MachineConfig(memory_mib=64)
    wide = MachineConfig(memory_mib=64, qemu="qemu-system-x86_64")
    assert wider(asked, "qemu-system-i386", SAID) == wide
    assert asked.qemu == AUTO
    assert wider(MachineConfig(qemu="qemu-system-i386"), "qemu-system-i386", SAID) is None


def test_a_qemu_that_is_as_wide_as_can_be_is_not_tried_twice() -> None:
    assert wider(MachineConfig(cpu="pentium3"), "qemu-system-x86_64", SAID) is None


@pytest.mark.parametrize("said", ["", "This kernel requires an i686 CPU, but only detected i486"])
def test_what_a_wider_qemu_has_no_more_than_a_narrow_one_changes_nothing(said: str) -> None:
    assert wider(MachineConfig(), "qemu-system-i386", said) is None
