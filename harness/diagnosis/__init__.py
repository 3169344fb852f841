"""Why a boot failed: pure functions of the trace."""

from harness.diagnosis.judge import judge
from harness.diagnosis.verdict import Diagnosis, Judgement, Verdict

__all__ = ["Diagnosis", "Judgement", "Verdict", "judge"]
