"""`bootharness check`: its lines, its JSON and its exit status."""

import json
from pathlib import Path

import pytest
from jsonschema import validate

from bootharness.checking.document import check_schema
from bootharness.kernels.source import fetch
from tests.support.mistaken import MISTAKES
from tests.support.processes import run

SCHEMA = Path("docs/check.schema.json")


def test_docs_have_the_schema() -> None:
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(check_schema()))


def test_every_row_is_one_line_and_stage1_is_good(tmp_path: Path) -> None:
    document = tmp_path / "check.json"
    done = run("check", "--json", document)
    assert (done.returncode, done.stderr) == (0, "")
    rows, _, limits = done.stdout.partition("\n\n")
    lines = rows.splitlines()
    told = json.loads(document.read_text())
    validate(told, check_schema())
    assert len(lines) == len(told["checked"]["rows"])
    assert all("(allowed: " in line or "(seen in the wild: " in line for line in lines)
    assert "WARN     reads-64: " in rows
    assert "mbr/stage1.asm:" in rows
    assert "refuses  no-edd: " in rows
    assert "protected-mode kernel  32,505,856 bytes" in limits
    assert {each["part"] for each in told["checked"]["limits"]} >= {"payload", "initrd"}


def test_a_mistake_is_bad(tmp_path: Path) -> None:
    (mistake,) = (each for each in MISTAKES if each.name == "low memory")
    loader = mistake.made(tmp_path)
    done = run("check", loader.name, "--json", "-")
    assert done.returncode == 1
    assert json.loads(done.stdout)["good"] is False
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("FAILS"))
    assert "uses memory above 512 KiB without asking INT 12h at " in line
    assert f"{Path(loader.name).name}:217: int     0x13" in line


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 129, "a flat binary has no symbols, so other.toml beside it has to say"),
        (bytes(440), 129, "a flat binary has no symbols, so other.toml beside it has to say"),
        (b"\xeb\xfe".ljust(510, b"\0") + b"\x55\xaa", 1, "FAILS"),
        (bytes(512), 1, "no-boot-signature"),
        (b"\xba\xf7\x01\xec\xeb\xfe".ljust(510, b"\0") + b"\x55\xaa", 125, "unknown"),
    ],
)
def test_what_is_no_right_loader(tmp_path: Path, content: bytes, status: int, words: str) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(content)
    done = run("check", path)
    assert (done.returncode, words in done.stdout + done.stderr) == (status, True), done
    assert "Traceback" not in done.stderr


def test_a_kernel_is_no_loader() -> None:
    done = run("check", fetch("selfcheck:1600").path)
    assert (done.returncode, done.stdout) == (129, "")
    assert "a Linux kernel, and a loader is wanted" in done.stderr


def test_a_loader_that_does_not_assemble_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "wrong.asm"
    path.write_text("mov ax, [nowhere]\n")
    done = run("check", path)
    assert (done.returncode, done.stdout) == (129, "")
    assert "nowhere" in done.stderr


def test_a_flat_binary_with_its_profile_is_checked_by_address(tmp_path: Path) -> None:
    (mistake,) = (each for each in MISTAKES if each.name == "retry")
    loader = mistake.made(tmp_path)
    path = tmp_path / "flat.bin"
    path.write_bytes(loader.binary)
    places = "".join(f"{name} = {patch.offset}\n" for name, patch in loader.patches.items())
    path.with_suffix(".toml").write_text(f"[patch]\n{places}")
    done = run("check", path)
    assert done.returncode == 1
    assert (
        "does not read again what a read has failed to bring at 0x007d3f: int 0x13" in done.stdout
    )
