"""What keeps us from finding out skips a test, whoever raises it; what is no kernel fails it."""

from typing import NoReturn

import pytest

from bootharness.errors import CouldNotFindOut, NotAKernel, UsageError
from bootharness.plugin.options import not_found_out

__all__ = ["pytest_runtest_makereport"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Put a skip, or a failure of one sentence, in place of an exception of ours.

    Wrong input is one in a fixture; in a test it may be what is tested.
    """
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, CouldNotFindOut) or (
        isinstance(error, UsageError) and call.when == "setup"
    ):
        told = pytest.CallInfo.from_call(lambda: _tell(item.config, error), call.when)
        call.excinfo = told.excinfo


def _tell(config: pytest.Config, error: CouldNotFindOut | UsageError) -> NoReturn:
    if isinstance(error, NotAKernel):
        pytest.fail(f"{error.fault}: {error}", pytrace=False)
    if isinstance(error, CouldNotFindOut):
        not_found_out(config, f"{error.cause}: {error}")
    pytest.fail(str(error), pytrace=False)
