"""What the fast tests share."""

from pathlib import Path

import pytest

from harness.errors import CouldNotFindOut
from harness.source import fetch, known_kernels


@pytest.fixture(scope="session")
def debian_kernel() -> Path:
    """The first of the kernels that the project tests with."""
    try:
        return fetch(known_kernels()[0].source).path
    except CouldNotFindOut as error:
        pytest.skip(str(error))
