"""The gate in pytest: with --gate-baseline, a test for each kernel that is compared with it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from bootharness.errors import CouldNotFindOut, UsageError
from bootharness.plugin.options import not_found_out

if TYPE_CHECKING:
    from bootharness.gate.matrix import Matrix
    from bootharness.gate.outcome import GateOutcome

__all__ = ["GateItem", "gate_items"]


def gate_items(
    session: pytest.Session, matrix: "Matrix", kernels: dict[str, str]
) -> Iterator["GateItem"]:
    """Yield a test for each of these kernels, by its test id, booted as a matrix says."""
    for name, source in kernels.items():
        single = replace(matrix, kernels=(source,))
        yield GateItem.from_parent(
            session, name=f"gate[{name}]", nodeid=f"gate[{name}]", matrix=single
        )


class GateItem(pytest.Item):
    """A kernel and its baseline, booted and compared; results come from the history as well."""

    def __init__(self, *, matrix: "Matrix", **how: object) -> None:
        super().__init__(**how)  # type: ignore[arg-type]
        self._matrix = matrix

    def runtest(self) -> None:
        """Fail for a bad kernel; skip one that nothing was found out about. One that fails as the
        baseline does is what --gate-still-failing says."""
        from bootharness.gate.outcome import Standing
        from bootharness.gate.report.headline import bad_baseline
        from bootharness.gate.report.words import sentences

        try:
            outcome = self._outcome()
        except CouldNotFindOut as error:
            not_found_out(self.config, f"{error.cause}: {error}")
        except UsageError as error:
            pytest.fail(str(error), pytrace=False)
        for entry in outcome.candidates:
            self.user_properties += [("gate_warning", each.sentence) for each in entry.remarks]
        baseline = [bad] if (bad := bad_baseline(outcome)) else []
        self.user_properties += [("gate_warning", said) for said in baseline]
        worst = outcome.standing
        failing = {entry.standing for entry in outcome.candidates}
        still = Standing.STILL in failing and Standing.BAD not in failing
        self.user_properties.append(("gate_standing", str(Standing.STILL if still else worst)))
        told = (each for each in outcome.entries
                if not each.baseline or each.standing is Standing.UNKNOWN)  # fmt: skip
        said = "\n".join(
            [*baseline, *(sentence for entry in told for sentence in sentences(entry))]
        )
        if worst is Standing.BAD:
            raise _Refused(said)
        if worst is Standing.UNKNOWN:
            not_found_out(self.config, said)
        self.add_report_section("call", "gate", said)

    def _outcome(self) -> "GateOutcome":
        from bootharness.gate.gate import run_gate

        accepted = self.config.getoption("--gate-still-failing") == "accept"
        return run_gate(self._matrix, jobs=1, still_accepted=accepted)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        """Write why a kernel was refused, without the harness's own code."""
        del style
        if isinstance(excinfo.value, _Refused):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[str, None, str]:
        """Say which test this is: there is no file that it is in."""
        return "bootharness", None, self.name


class _Refused(Exception):
    """The kernel is bad; the message says why."""
