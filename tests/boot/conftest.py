"""What the tests that start QEMU share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootharness.errors import CouldNotFindOut
from bootharness.kernels.source import fetch
from bootharness.plan import BootPlan, choose
from bootharness.routes.loader import Loader
from bootharness.routes.table import ROUTES
from bootharness.trace.boot_trace import BootTrace
from tests.support.boots import boot_through
from tests.support.builders import no_carry as write_no_carry

Boot = Callable[..., BootTrace]


@pytest.fixture(scope="session")
def boots() -> Boot:
    """Boot a kernel source with a loader; options are those of BootPlan and MachineConfig."""

    def run(source: str, loader: Loader | None = None, **options: Any) -> BootTrace:
        plan = choose(BootPlan(timeout_s=300), options)
        trace = boot_through(loader or Loader.stage1(), fetch(source), plan)
        if trace.ending.cause == "tool-missing":
            pytest.skip(trace.ending.detail)
        return trace

    return run


@pytest.fixture(scope="session")
def uefi_tools() -> None:
    """Skip where there is nothing to boot a disk by a UEFI with."""
    try:
        for tool in ROUTES["uefi-systemd-boot"].tools:
            tool.check()
    except CouldNotFindOut as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def debian(request: pytest.FixtureRequest) -> str:
    """The source of the kernel whose numbers are the story's."""
    del request
    return "deb:linux-image-cloud-amd64/bookworm"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a name of 120 characters: no socket's path may depend on it."""
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    return deep


@pytest.fixture(scope="module")
def no_carry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of stage1 without the carry out of bit 23."""
    return write_no_carry(tmp_path_factory.mktemp("loader"))
