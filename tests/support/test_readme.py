"""How what a page shows is compared with what is printed."""

import pytest

from tests.support.readme import shown, shows

PRINTED = "GOOD kernel, tcg\n     reached init in 3.52 s\n     with a lot more to say\nend"


@pytest.mark.parametrize(
    ("page", "same"),
    [
        (PRINTED, True),
        ("GOOD kernel, kvm reached init\nin 0.4 s with a lot more to say end", True),
        ("BAD  kernel, tcg\n     reached init in 3.52 s\n     with a lot more to say\nend", False),
        ("GOOD kernel, tcg", False),
        ("GOOD kernel, tcg\n…", True),
        ("…\nGOOD kernel, tcg\n…", True),
        ("reached init in 1.0 s\n…", False),
        ("…\nreached init in 1.0 s\n…\nend", True),
        ("…\nend\n…\nreached init in 1.0 s\n…", False),
        ("…\nreached init", False),
    ],
)
def test_a_page_has_what_is_printed_or_has_it_not(page: str, same: bool) -> None:
    assert shows(page, PRINTED) is same


def test_commands_of_several_lines_are_one() -> None:
    first, second = shown("```console\n$ a \\\n    b\nprinted\n$ c\n```\n```sh\nd\n```\n")
    assert (first.command, first.printed) == ("a \\\n    b", "printed")
    assert (second.command, second.printed) == ("c", "")
