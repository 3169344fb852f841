"""What a check has found, as JSON.

Within one version fields are added but never change their meaning.
"""

from typing import Any

import msgspec
from msgspec import Struct

from bootharness.checking.checked import Checked
from bootharness.report.document import schema_of

__all__ = ["CHECK_SCHEMA_VERSION", "check_document", "check_schema"]

CHECK_SCHEMA_VERSION = 1


class _Document(Struct, frozen=True):
    """A loader that has been checked; ``good`` is null where nobody could find out."""

    schema_version: int
    good: bool | None
    checked: Checked


def check_document(checked: Checked) -> dict[str, Any]:
    """Return the JSON document of a check as plain values."""
    plain: dict[str, Any] = msgspec.to_builtins(
        _Document(CHECK_SCHEMA_VERSION, checked.good, checked)
    )
    return plain


def check_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return schema_of(_Document, f"bootharness check, version {CHECK_SCHEMA_VERSION}")
