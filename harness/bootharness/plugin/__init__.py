"""The pytest plugin: fixtures that boot, one test id for each kernel build.

A test that asks for `kernel`, or for anything made of it, runs once for each kernel. All
tests of one kernel share one boot, unless a `boot` marker asks for another kind of boot;
only `machine` boots anew for each test. What keeps us from finding out skips the test.
"""

pytest_plugins = (
    "bootharness.plugin.options",
    "bootharness.plugin.sources",
    "bootharness.plugin.collection",
    "bootharness.plugin.fixtures",
    "bootharness.plugin.outcomes",
    "bootharness.plugin.reports",
)
