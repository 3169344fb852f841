"""A judgement as lines of text, to be compared with what was written down before."""

from bootharness.diagnosis import Judgement

__all__ = ["told"]


def told(judgement: Judgement) -> list[str]:
    """Return everything that a judgement says."""
    findings = [judgement.diagnosis, *judgement.consequences] if judgement.diagnosis else []
    said = [f"{judgement.verdict}: {judgement.summary}"]
    for finding in findings:
        said.append(f"{finding.cause}: {finding.sentence}")
        said.extend(f"| {line}" for line in finding.evidence)
    said.extend(f"warning: {warning}" for warning in judgement.warnings)
    return said
