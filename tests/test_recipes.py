"""What the recipes for CI name is there: packages, files, inputs; and the page shows them."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.expressions import filled, holds

PAGE = Path("docs/gate.md").read_text()
ALWAYS_THERE = {"apt", "dpkg", "util-linux", "seabios"}
"""Without the first nothing is installed; QEMU depends on the last; the others are essential
packages."""
NO_GATE_WANTS = {
    "tesseract-ocr", "dnsmasq-base", "kea-dhcp4-server", "kea-dhcp6-server", "iproute2",
    "openssh-client",
}  # fmt: skip
"""What OCR reads is no proof of anything bad: a gate has needles. Whose servers are tested has them
installed, and who has a console server its client."""
OF_ITS_RECIPE_ALONE = {"ca-certificates", "git"}
"""pip gets the package by git there."""


def recipes() -> dict[str, str]:
    action = yaml.safe_load(Path("action.yml").read_text())
    template = yaml.safe_load(Path("ci/gitlab.yml").read_text())[".boot-gate"]
    return {
        "action.yml": "\n".join(each.get("run", "") for each in action["runs"]["steps"]),
        "ci/gitlab.yml": "\n".join(template["before_script"]),
    }


def installed(script: str) -> set[str]:
    [words] = re.findall(r"apt-get install ((?:.|\\\n)*?) \|\|", script)
    return {each for each in words.replace("\\\n", " ").split() if not each.startswith("-")}


def named_by_the_package() -> set[str]:
    """Return the packages that our code names: for programs, for files, and in what it says."""
    named = set()
    for path in Path("harness/bootharness").rglob("*.py"):
        if "bisection" in path.parts:
            continue
        text = path.read_text()
        for words in re.findall(r"apt-get install ([a-z0-9 +.-]+)[`\"]", text):
            named |= set(words.split())
        named |= set(re.findall(r'"/usr/(?:lib|share)/[^"]+": "([a-z0-9-]+)"', text))
        named |= set(re.findall(r'\bTool\(.{1,80}?, "([a-z0-9-]+)"', text, re.DOTALL))
    return named


def test_every_package_that_a_gate_can_want_is_installed() -> None:
    wanted = named_by_the_package() - ALWAYS_THERE - OF_ITS_RECIPE_ALONE - NO_GATE_WANTS
    assert {"ovmf", "pxelinux", "gdb", "grub-pc-bin", "nasm"} <= wanted
    for name, script in recipes().items():
        assert not wanted - installed(script), name


def test_both_recipes_install_the_same() -> None:
    action, template = map(installed, recipes().values())
    assert template - action == OF_ITS_RECIPE_ALONE
    assert not action - template


def test_what_the_makefile_installs_for_boots_is_installed() -> None:
    [needed] = re.findall(r"^NEEDED := ((?:.|\\\n)*?)\n\n?#", Path("Makefile").read_text(), re.M)
    packages = {each.rpartition(":")[2] for each in needed.replace("\\\n", " ").split()}
    assert "debian-archive-keyring" in packages
    for name, script in recipes().items():
        assert not packages - {"python3"} - installed(script), name


@pytest.mark.skipif(not shutil.which("apt-cache"), reason="there is no apt-cache")
def test_every_package_exists() -> None:
    names = set().union(*map(installed, recipes().values()))
    said = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", *sorted(names)],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    if "Package: nasm" not in said:
        pytest.skip("there are no package lists: apt-get update")
    assert not names - set(re.findall(r"^Package: (.+)", said, re.M))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can look into."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("recipe", recipes())
@pytest.mark.parametrize(
    ("mode", "said"), [(0o444, "as root: udevadm settle\nas root: chmod a+rw"), (0o666, "")]
)
def test_kvm_is_opened_where_it_is_closed_to_who_runs_the_job(
    open_folder: Path, recipe: str, mode: int, said: str
) -> None:
    device = open_folder / "kvm"
    device.touch()
    device.chmod(mode)
    [part] = re.findall(r"if \[ -e /dev/kvm .*?\n\s*fi\n", recipes()[recipe], re.DOTALL)
    script = f"root='echo as root:'\n{part.replace('/dev/kvm', str(device))}"
    nobody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*nobody, "bash", "-eo", "pipefail", "-c", script],
        cwd=open_folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.replace(f" {device}", "").strip() == said


@pytest.mark.parametrize(
    ("file", "language"),
    [
        (".github/workflows/kernel.yml", "yaml"),
        (".gitlab-ci.yml", "yaml"),
        ("gate.toml", "toml"),
    ],
)
def test_the_page_shows_the_example_word_by_word(file: str, language: str) -> None:
    text = Path("ci/example", file).read_text()
    assert f"```{language}\n{text}```\n" in PAGE
    assert f" {file} " in PAGE


@pytest.mark.parametrize("file", sorted(Path("ci/shards").iterdir()), ids=lambda file: file.name)
def test_the_page_on_many_boots_shows_each_recipe_word_by_word(file: Path) -> None:
    assert f"\n{file.read_text()}```\n" in Path("docs/scale.md").read_text()


def test_every_file_that_the_page_links_is_there() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", PAGE)
    assert {"../ci/example", "../ci/gitlab.yml"} <= set(links)
    for link in links:
        assert Path("docs", link).exists(), link


CONTEXTS = {
    "steps": {"boot": {"outputs": {"status": "125"}}},
    "github": {"event": {}},
    "inputs": {},
}


@pytest.mark.parametrize(
    ("condition", "failed", "held"),
    [
        (None, False, True),
        (None, True, False),
        ("always()", True, True),
        ("failure()", False, False),
        ("steps.boot.outputs.status == '125'", True, False),
        ("${{ !cancelled() && steps.boot.outputs.status != '1' }}", True, True),
        ("always() && github.event.pull_request.head.repo.full_name == 'a/b'", False, False),
        ("always() && (github.event.none || 'A' == 'a')", False, True),
    ],
)
def test_conditions_are_read_as_github_reads_them(
    condition: str | None, failed: bool, held: bool
) -> None:
    assert holds(condition, CONTEXTS, failed=failed) is held


def test_a_step_that_is_not_there_is_a_slip() -> None:
    assert filled("${{ steps.boot.outputs.none || '125' }}", CONTEXTS) == "125"
    with pytest.raises(KeyError):
        filled("${{ steps.boots.outputs.status }}", CONTEXTS)
