"""Mutants on a real machine: QEMU must come to the predictor's verdict."""

from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.kernels.image import KernelImage
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.plan import BootPlan
from bootharness.predictor.predict import predict_disk
from bootharness.routes.mbr import lay_out
from tests.mutants.mutate import Mutant
from tests.support.boots import boot_through

__all__ = ["disagreement"]

_PLAN = BootPlan(until="setup", idle_s=2.0)
_PAYLOAD = 130_064


def disagreement(mutant: Mutant) -> str | None:
    """Boot a mutant, and return in what QEMU and the predictor differ, else None.

    Raises CouldNotFindOut when QEMU does not run.
    """
    kernel = KernelImage.read(selfcheck_kernel(_PAYLOAD))
    loader = replace(mutant.loader, name="mutant")
    real = judge(boot_through(loader, kernel, _PLAN))
    predicted = judge(predict_disk(lay_out(kernel, loader, _PLAN)))
    if real.verdict is Verdict.SKIP or real.verdict == predicted.verdict:
        return None
    return (
        f"QEMU says {real.verdict} ({real.cause}), the predictor {predicted.verdict} "
        f"({predicted.cause})"
    )
