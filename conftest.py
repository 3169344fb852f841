"""The project's own tests use the plugin that its users get."""

pytest_plugins = ["bootharness.plugin"]
