"""What the fast tests share."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from harness.errors import CouldNotFindOut
from harness.source import fetch, known_kernels

# a busy machine is no defect
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def debian_kernel() -> Path:
    """The first of the kernels that the project tests with."""
    try:
        return fetch(known_kernels()[0].source).path
    except CouldNotFindOut as error:
        pytest.skip(str(error))
