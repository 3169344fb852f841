"""Why a boot failed: pure functions of the trace."""

from bootharness.diagnosis.judge import judge
from bootharness.diagnosis.verdict import Diagnosis, Judgement, Verdict

__all__ = ["Diagnosis", "Judgement", "Verdict", "judge"]
