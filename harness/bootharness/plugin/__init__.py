"""The pytest plugin: fixtures that boot, one test id for each kernel build.

A test that asks for `kernel`, or for anything made of it, runs once for each kernel. All
tests of one kernel share one boot, unless a `boot` marker asks for another kind of boot;
only `machine` boots anew for each test. What keeps us from finding out skips the test.
"""

from bootharness.plugin.collection import (
    pytest_cmdline_main,
    pytest_collection_modifyitems,
    pytest_generate_tests,
    pytest_xdist_make_scheduler,
)
from bootharness.plugin.fixtures import (
    _boots,
    _kernel_source,
    boot_judgement,
    boot_plan,
    boot_trace,
    disk_image,
    kernel,
    machine,
    netboot_trace,
    stage1,
)
from bootharness.plugin.options import pytest_addoption, pytest_configure
from bootharness.plugin.reports import pytest_exception_interact, pytest_runtest_makereport

__all__ = [
    "_boots",
    "_kernel_source",
    "boot_judgement",
    "boot_plan",
    "boot_trace",
    "disk_image",
    "kernel",
    "machine",
    "netboot_trace",
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_exception_interact",
    "pytest_generate_tests",
    "pytest_runtest_makereport",
    "pytest_xdist_make_scheduler",
    "stage1",
]
