"""docs/cli.md has every command as it is."""

from bootharness.cli import bootharness
from bootharness.cli.page import cli_page
from tests.support.processes import REPOSITORY


def test_page_of_commands_is_as_make_docs_writes_it() -> None:
    assert (REPOSITORY / "docs/cli.md").read_text() == cli_page()


def test_page_of_commands_has_every_command_and_option() -> None:
    page = cli_page()
    for name in bootharness.list_commands(None):  # type: ignore[arg-type]
        assert f"\n## bootharness {name}\n" in page
    for words in ("## bootharness bisect git", "--confidence", "`--net-fault FAULT`: "):
        assert words in page
