"""The gate as its user has it: real boots, and what is known of them afterwards."""

import json
import os
from pathlib import Path

import pytest

from bootharness.report.document import read_trace
from tests.support.processes import run


@pytest.mark.long
def test_a_gate_refuses_what_wraps_and_says_that_it_is_the_loader(
    no_carry: Path, tmp_path: Path
) -> None:
    arguments = (
        "gate", "--baseline", "selfcheck:15735808", "selfcheck:15735824", "--loader", "stage1",
        "--loader", no_carry, "--until", "setup", "--history", tmp_path / "history",
        "--json", tmp_path / "gate.json",
    )  # fmt: skip
    done = run(*arguments)
    assert done.returncode == 1, done.stderr
    assert "destination-wrapped: block move 243 went to 0x001c00" in done.stdout.replace(
        "242", "243"
    )
    assert f"selfcheck:15735824: only loader {no_carry.name} fails" in " ".join(done.stdout.split())
    document = json.loads((tmp_path / "gate.json").read_text())
    assert [each["standing"] for each in document["entries"]].count("bad") == 1
    [room] = [
        each for each in document["headroom"]
        if each["limit"] and each["part"] == "payload" and each["kernel"] == "selfcheck:15735824"
    ]  # fmt: skip
    assert (room["limit"], room["size"]) == (15_735_808, 15_735_824)
    again = run(*arguments)
    assert again.returncode == 1
    assert "no boot, 4 unchanged results reused" in again.stdout


def test_what_cannot_be_found_out_is_neither_good_nor_bad(tmp_path: Path) -> None:
    history = tmp_path / "history"
    done = run("gate", "deb:linux-image-none=1", "selfcheck:65536", "--until", "setup",
               "--history", history, PATH=without_apt(tmp_path))  # fmt: skip
    assert done.returncode == 125, done.stderr
    assert "kernel-unavailable" in done.stdout
    assert "undecided: 1 of 2 kernels is unknown (kernel-unavailable), 1 good" in done.stdout


def without_apt(tmp_path: Path) -> str:
    """Return a PATH with which no package can be had."""
    for tool in ("apt-get", "apt-cache"):
        (tmp_path / tool).write_text("#!/bin/sh\nexit 100\n")
        (tmp_path / tool).chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def test_candidate_that_is_no_kernel_is_refused(tmp_path: Path) -> None:
    broken, history = tmp_path / "no-kernel", tmp_path / "history"
    broken.write_bytes(b"this is not a kernel")
    reports = [("--" + kind, tmp_path / f"gate.{kind}") for kind in ("html", "junit", "markdown")]
    done = run("gate", broken, "selfcheck:65536", "--until", "setup", "--history", history,
               *(word for option in reports for word in option))  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "not-a-kernel" in done.stdout
    assert "(1 of 2 kernels is bad, 1 good)" in done.stdout
    for _, written in reports:
        assert "bzImage" in written.read_text()


def test_baseline_that_is_no_kernel_proves_nothing(tmp_path: Path) -> None:
    broken, history = tmp_path / "no-kernel", tmp_path / "history"
    broken.write_bytes(b"this is not a kernel")
    done = run("gate", "selfcheck:65536", "--baseline", broken, "--until", "setup",
               "--history", history)  # fmt: skip
    assert done.returncode == 125, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "CANDIDATE"),
        (("no-such-file",), "no-such-file"),
        (("selfcheck:64", "--paths", "floppy"), "floppy"),
        (("gate.toml",), "--matrix gate.toml"),
    ],
)
def test_wrong_usage_is_no_bad_kernel(arguments: tuple[str, ...], said: str) -> None:
    done = run("gate", *arguments)
    assert done.returncode == 129
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_the_same_kernel_by_other_paths_says_who_is_to_blame(
    no_carry: Path, tmp_path: Path
) -> None:
    done = run(
        "gate", "selfcheck:15735824", "--loader", no_carry, "--paths", "mbr,direct,grub,ipxe",
        "--attempts", "1", "--history", tmp_path / "history", "--json", tmp_path / "gate.json",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert json.loads((tmp_path / "gate.json").read_text())["patterns"] == [
        "selfcheck:15735824: only mbr fails (destination-wrapped); direct, grub and ipxe boot it, "
        "so it is the loader"
    ]


def test_what_was_booted_is_listed_and_drawn_and_its_trace_is_there(tmp_path: Path) -> None:
    history, page = tmp_path / "history", tmp_path / "history.html"
    assert run("gate", "selfcheck:65536", "--until", "setup", "--history", history).returncode == 0
    listed = run("history", "selfcheck:*", "--history", history, "--html", page, "--json", "-")
    assert listed.returncode == 0, listed.stderr
    assert "selfcheck:65536" in listed.stderr
    [result] = json.loads(listed.stdout)["results"]
    assert (result["verdict"], result["cell"]["kernel"]) == ("good", "selfcheck:65536")
    assert "Boot history" in page.read_text()
    trace = run("history", "--history", history, "--trace", result["number"])
    assert read_trace(trace.stdout.encode()).kernel
    none = run("history", "--history", history, "--trace", 99)
    assert (none.returncode, "no trace" in none.stderr) == (129, True)
    missing = run("history", "--history", tmp_path / "elsewhere")
    assert (missing.returncode, "no history yet" in missing.stderr) == (129, True)


def test_two_shards_merged_say_what_the_whole_gate_says(tmp_path: Path) -> None:
    gate = ("gate", "--baseline", "selfcheck:65536", "selfcheck:65552", "--route", "direct,mbr",
            "--until", "setup", "--no-timing", "--jobs", "1")  # fmt: skip
    files = [tmp_path / f"{name}.json" for name in ("whole", "1", "2")]
    for file, shard in zip(files, ((), ("--shard", "1/2"), ("--shard", "2/2")), strict=True):
        done = run(*gate, *shard, "--history", tmp_path / file.stem, "--json", file)
        assert done.returncode == 0, done.stderr
    [_, *shards] = files
    merged = run("merge", *reversed(shards), "--json", tmp_path / "merged.json")
    assert merged.returncode == 0, merged.stderr
    whole, again = (json.loads(file.read_text()) for file in (files[0], tmp_path / "merged.json"))
    told = ("cell", "way", "baseline", "key", "standing", "verdict", "again")
    for one, other in zip(whole["entries"], again["entries"], strict=True):
        assert {name: one[name] for name in told} == {name: other[name] for name in told}
        [boot] = other["attempts"]
        assert boot["host"]["name"]
        assert boot["facts"]["sha256"] == one["attempts"][0]["facts"]["sha256"]
    lost = run("merge", shards[0])
    assert lost.returncode == 125
    assert "shard 2 of 2 is missing" in lost.stdout
