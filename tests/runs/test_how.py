"""How a boot is made, in words."""

from msgspec.structs import replace

from bootharness.plan import DEFAULT_CMDLINE, BootPlan, MachineConfig
from bootharness.runs.how import plan_facts


def test_what_a_boot_depends_on_is_said_and_nothing_else() -> None:
    said = dict(plan_facts(BootPlan(until="init")))
    assert said.pop("route").startswith("mbr: ")
    assert said == {
        "until": "init",
        "loader": "stage1",
        "initrd": "a tiny /init",
        "command line": DEFAULT_CMDLINE,
        "machine type": "pc",
        "memory": "512 MiB",
        "disk interface": "ahci",
    }
    direct = dict(plan_facts(BootPlan(route="direct", until="init")))
    assert "loader" not in direct
    assert "disk interface" not in direct


def test_what_somebody_has_chosen_is_said_of_what_only_limits_a_boot() -> None:
    plan = BootPlan(until="setup", timeout_s=5.5, machine=MachineConfig(memory_mib=2048))
    said = dict(plan_facts(replace(plan, host="apu2")))
    assert said["host"] == "apu2"
    assert (said["timeout"], said["memory"]) == ("5.5 s", "2,048 MiB")
    assert "initrd" not in said
    assert dict(plan_facts(replace(plan, route="gone")))["route"] == "gone"
