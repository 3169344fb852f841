"""What `factors` finds, as JSON.

Within one version fields are added but never change their meaning.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from bootharness.factors.rules import Case, Factors
from bootharness.report.document import schema_of

__all__ = ["FACTORS_SCHEMA_VERSION", "factors_document", "factors_schema"]

FACTORS_SCHEMA_VERSION = 2


class _Document(Struct, frozen=True):
    """What separates good kernels from bad ones; ``found`` tells that chance does not explain it.

    ``cases`` is all that was known.
    """

    schema_version: int
    found: bool
    factors: Factors
    cases: tuple[Case, ...]


def factors_document(factors: Factors, cases: Sequence[Case]) -> dict[str, Any]:
    """Return the JSON document of what was found as plain values."""
    plain: dict[str, Any] = msgspec.to_builtins(
        _Document(FACTORS_SCHEMA_VERSION, factors.found, factors, tuple(cases))
    )
    return plain


def factors_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return schema_of(_Document, f"bootharness factors, version {FACTORS_SCHEMA_VERSION}")
