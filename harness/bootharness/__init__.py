"""Boot every kernel build on a PC as people's machines do, watch each step, and say why it failed.

    import bootharness

    trace = bootharness.boot("bzImage", bootharness.BootPlan(route="pxelinux"))
    bootharness.judge(trace).require_good()

These names stay; what else there is in the package may move. Each is imported when it is first
asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bootharness.bisection.bisect import HuntResult, bisect
    from bootharness.bisection.commits import bisect_commits
    from bootharness.checking.check import check
    from bootharness.checking.checked import Checked
    from bootharness.diagnosis.causes import CAUSES
    from bootharness.diagnosis.judge import judge
    from bootharness.diagnosis.verdict import Diagnosis, Judgement, Verdict
    from bootharness.errors import BootHarnessError, CouldNotFindOut, UsageError
    from bootharness.gate.gate import run_gate
    from bootharness.gate.matrix import Expectation, Matrix
    from bootharness.gate.outcome import GateOutcome
    from bootharness.kernels.image import KernelImage
    from bootharness.kernels.source import fetch
    from bootharness.machine.device import Device
    from bootharness.one_boot import boot
    from bootharness.plan import BootPlan, MachineConfig, NetPlan
    from bootharness.predictor.limits import find_limits
    from bootharness.predictor.predict import predict
    from bootharness.report.document import read_trace
    from bootharness.routes.disk import DiskImage
    from bootharness.routes.loader import Loader
    from bootharness.routes.medium import Medium
    from bootharness.routes.route import Route
    from bootharness.routes.table import ROUTES
    from bootharness.trace.block_moves import BlockMove
    from bootharness.trace.boot_trace import BootTrace
    from bootharness.trace.observer import Observer

__all__ = [
    "CAUSES",
    "ROUTES",
    "BlockMove",
    "BootHarnessError",
    "BootPlan",
    "BootTrace",
    "Checked",
    "CouldNotFindOut",
    "Device",
    "Diagnosis",
    "DiskImage",
    "Expectation",
    "GateOutcome",
    "HuntResult",
    "Judgement",
    "KernelImage",
    "Loader",
    "MachineConfig",
    "Matrix",
    "Medium",
    "NetPlan",
    "Observer",
    "Route",
    "UsageError",
    "Verdict",
    "bisect",
    "bisect_commits",
    "boot",
    "check",
    "fetch",
    "find_limits",
    "judge",
    "predict",
    "read_trace",
    "run_gate",
]

_HOMES = {
    "bisection.bisect": ("HuntResult", "bisect"),
    "bisection.commits": ("bisect_commits",),
    "checking.check": ("check",),
    "checking.checked": ("Checked",),
    "diagnosis.causes": ("CAUSES",),
    "diagnosis.judge": ("judge",),
    "diagnosis.verdict": ("Diagnosis", "Judgement", "Verdict"),
    "errors": ("BootHarnessError", "CouldNotFindOut", "UsageError"),
    "gate.gate": ("run_gate",),
    "gate.matrix": ("Expectation", "Matrix"),
    "gate.outcome": ("GateOutcome",),
    "kernels.image": ("KernelImage",),
    "kernels.source": ("fetch",),
    "machine.device": ("Device",),
    "one_boot": ("boot",),
    "plan": ("BootPlan", "MachineConfig", "NetPlan"),
    "predictor.limits": ("find_limits",),
    "predictor.predict": ("predict",),
    "report.document": ("read_trace",),
    "routes.disk": ("DiskImage",),
    "routes.loader": ("Loader",),
    "routes.medium": ("Medium",),
    "routes.route": ("Route",),
    "routes.table": ("ROUTES",),
    "trace.block_moves": ("BlockMove",),
    "trace.boot_trace": ("BootTrace",),
    "trace.observer": ("Observer",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__]
