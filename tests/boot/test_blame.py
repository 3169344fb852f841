"""What `bootharness bisect git` tries of the commit that it has found, and writes about it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bootharness.kernels.selfcheck import selfcheck_kernel
from tests.boot.test_cli import git
from tests.support.builders import patched_kernel
from tests.support.processes import run

pytestmark = pytest.mark.skipif(
    not shutil.which("qemu-system-x86_64"), reason="QEMU is not installed"
)


class History:
    """Seven commits, of which the fourth makes a kernel that is cut short."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repository = folder, folder / "repository"
        self.repository.mkdir()
        self.state = {
            "XDG_STATE_HOME": str(folder / "state"),
            "BOOTHARNESS_HISTORY": str(folder / "history.sqlite3"),
        }
        good = selfcheck_kernel(4096)
        bad = patched_kernel(good, folder / "bad", size=4, syssize=100_000)
        self.write("build.sh",
                   f"if grep -sq bad hang; then cp {bad} bzImage; else cp {good} bzImage; fi\n"
                   "cat note* >>bzImage\n")  # fmt: skip
        git(self.repository, "init", "-q", "-b", "main")

    def write(self, name: str, text: str) -> None:
        (self.repository / name).write_text(text)

    def commit(self, subject: str) -> None:
        git(self.repository, "add", ".")
        git(self.repository, "commit", "-q", "-m", subject)

    def hunt(self, *more: object) -> tuple[str, dict[str, Any], str]:
        """Bisect from the first commit to the last; return words, document and Markdown."""
        json_file, markdown = self.folder / "it.json", self.folder / "it.md"
        git(self.repository, "tag", "newest")
        before = git(self.repository, "for-each-ref") + git(self.repository, "reflog")
        done = run("bisect", "git", "oldest", "newest", "--repository", self.repository,
                   "--build", "sh build.sh", "--image", "bzImage", "--confidence", 0.8, "--jobs", 1,
                   "--json", json_file, "--markdown", markdown, "--html", self.folder / "it.html",
                   *more, **self.state)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        # the person's repository is only read
        assert git(self.repository, "status", "--porcelain") == ""
        assert before == git(self.repository, "for-each-ref") + git(self.repository, "reflog")
        return (
            " ".join(done.stdout.split()),
            json.loads(json_file.read_text()),
            markdown.read_text(),
        )


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def tried(document: dict[str, Any]) -> dict[str, str]:
    """Return the verdicts of the experiments by their names."""
    return {each["name"]: each["verdict"] for each in document["answer"]["outcomes"]}


@pytest.mark.long
def test_the_culprit_reverted_boots_and_applied_fails(history: History) -> None:
    for number in range(7):
        history.write(f"note{number}", "x")
        if number == 3:
            history.write("hang", "bad\n")
        history.commit(f"change {number}" if number != 3 else "drivers: `hang` ```at once```")
        if number == 0:
            git(history.repository, "tag", "oldest")
    said, document, markdown = history.hunt()
    assert tried(document)["reverted"] == "good"
    assert tried(document)["applied"] == "bad"
    culprit = document["culprit"]
    digest = git(history.repository, "rev-parse", "newest~3").strip()
    short = digest[:12]
    assert culprit["commit"] == digest
    assert (
        f"newest with {short} reverted boots; oldest with {short} applied fails with "
        "payload-truncated" in said
    )
    assert culprit["fixes"] == f'Fixes: {short} ("drivers: `hang` ```at once```")'
    assert culprit["regzbot"] == f"#regzbot introduced: {digest}"
    assert culprit["diffstat"][-1] == "2 files changed, 2 insertions(+)"
    for line in (culprit["fixes"], culprit["regzbot"]):
        assert line in said
        assert f"\n{line}\n" in markdown
    assert f"- newest with {short} reverted: boots\n" in culprit["letter"]
    assert culprit["letter"] in markdown
    # a subject with a fence in it does not end the block that it is in
    assert "\n````\nTo: " in markdown
    assert "A text to send" in (history.folder / "it.html").read_text()


@pytest.mark.long
def test_what_does_not_merge_is_told_and_proves_nothing(history: History) -> None:
    for number in range(7):
        history.write("note", f"{number}\n")
        if number == 3:
            history.write("hang", "bad\n")
        history.commit(f"change {number}")
        if number == 0:
            git(history.repository, "tag", "oldest")
    said, document, _ = history.hunt()
    assert tried(document)["reverted"] == tried(document)["applied"] == "skip"
    later = git(history.repository, "rev-parse", "newest~2").strip()[:12]
    assert (
        f'it cannot be reverted there, for {later} ("change 4") changes the same lines of note'
        in said
    )
    assert "reverted boots" not in said


@pytest.mark.long
def test_a_bad_end_with_a_second_reason_fails_without_the_culprit_too(history: History) -> None:
    for number in range(7):
        history.write(f"note{number}", "x")
        if number == 3:
            history.write("hang", "bad\n")
        if number == 5:
            build = (history.repository / "build.sh").read_text()
            history.write("build.sh", build.replace("grep -sq bad hang", "true"))
        history.commit(f"change {number}")
        if number == 0:
            git(history.repository, "tag", "oldest")
    said, document, _ = history.hunt()
    assert tried(document)["reverted"] == "bad"
    assert "fails with payload-truncated all the same, so it is not the only reason" in said


@pytest.mark.long
def test_a_fix_reverted_fails_and_applied_boots(history: History) -> None:
    for number in range(7):
        history.write(f"note{number}", "x")
        if number == 0:
            history.write("hang", "bad\n")
        if number == 3:
            history.write("hang", "mended\n")
        history.commit(f"change {number}")
        if number == 0:
            git(history.repository, "tag", "oldest")
    _, document, markdown = history.hunt("--find-fix")
    assert document["culprit"]["subject"] == "change 3"
    assert tried(document)["reverted"] == "bad"
    assert tried(document)["applied"] == "good"
    assert document["culprit"]["letter"] == ""
    assert "regzbot" not in markdown
