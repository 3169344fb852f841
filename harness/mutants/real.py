"""Mutants on a real machine: QEMU must come to the predictor's verdict."""

from dataclasses import replace

from harness.boot import boot
from harness.diagnosis import Verdict, judge
from harness.emulator import predict
from harness.kernel import KernelImage
from harness.layout import lay_out
from harness.mutants.mutate import Mutant
from harness.plan import BootPlan
from harness.selfcheck import selfcheck_kernel

__all__ = ["disagreement"]

_PLAN = BootPlan(until="setup", idle_s=2.0)
_PAYLOAD = 130_064


def disagreement(mutant: Mutant) -> str | None:
    """Boot a mutant, and return in what QEMU and the predictor differ, else None.

    Raises CouldNotFindOut when QEMU does not run.
    """
    kernel = KernelImage.read(selfcheck_kernel(_PAYLOAD))
    loader = replace(mutant.loader, name="mutant")
    real = judge(boot(kernel, loader, _PLAN))
    predicted = judge(predict(lay_out(kernel, loader, _PLAN)))
    if real.verdict is Verdict.SKIP or real.verdict == predicted.verdict:
        return None
    return (
        f"QEMU says {real.verdict} ({real.cause}), the predictor {predicted.verdict} "
        f"({predicted.cause})"
    )
