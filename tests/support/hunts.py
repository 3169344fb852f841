"""`python -m tests.support.hunts SOURCE FOLDER [HUNT...]`, which is `make hunts`: hunts through a
real kernel's history, one command each, and whether each names what was planted there.

SOURCE is Debian's linux-source, unpacked; the repository, what is built and all answers go to
FOLDER. HUNT is one of `HUNTS`, `run` (git's own bisection), `config`, or `pace`, which builds the
same commits as a hunt does and by hand, in turn.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from bootharness.bisection.build import Build
from bootharness.bisection.git_range import GitRange
from bootharness.bisection.toolchain import Toolchain
from tests.support.kernel_history import config_of, git, plant, planted
from tests.support.processes import COMMAND, environment

__all__ = ["HUNTS", "Hunt", "Place", "main"]

_MAKE, _IMAGE = "make -j2 bzImage", "arch/x86/boot/bzImage"
_NEEDED = ("git", "make", "gcc", "flex", "bison", "bc", "qemu-system-x86_64")
_BUILT = re.compile(r"^(?:built|does not build): .*?, (\d+):(\d\d)", re.MULTILINE)
_PACED, _MOST = ("v1.2", "v1.3"), 1.1

# what the bad configuration lacks, and what it has and the good one has not: of each only a few
# files are built, or a hunt would take hours
_GUILTY = "BINFMT_ELF"
_OTHERS = (
    "CRC16", "CRC_ITU_T", "CRC32", "CRC4", "CRC7", "CRC8", "CRC64", "CRC_CCITT", "LIBCRC32C",
    "RD_GZIP", "RD_BZIP2", "RD_LZMA", "RD_XZ", "RD_LZO", "RD_LZ4", "BINFMT_SCRIPT", "XZ_DEC_TEST",
    "UNIX98_PTYS", "LEGACY_PTYS", "SERIAL_8250_EXTENDED", "MEMTEST", "GLOB_SELFTEST",
)  # fmt: skip


class Hunt(Struct, frozen=True):
    """A hunt from one commit to another: the subject of the commit that it must name, and what it
    must say, with `{}` for that commit."""

    name: str
    good: str
    bad: str
    subject: str
    says: tuple[str, ...]
    options: tuple[str, ...] = ()


HUNTS = (
    Hunt("panic", "v1.0", "v1.1", "init: calibrate: the second half of the data",
         ("brought it in; ", "v1.1 with {} reverted boots",
          "v1.0 with {} applied fails with kernel-panic")),
    Hunt("fix", "v1.1", "v1.2", "init: calibrate: do without the second half",
         ("is the first without kernel-panic", "v1.2 with {} reverted fails with kernel-panic",
          "v1.1 with {} applied boots"), ("--find-fix",)),
    Hunt("build", "v1.0", "unbuildable", "lib: string: use the new header",
         ("is the first not to build",), ("--find-broken-build",)),
    Hunt("merge", "v1.2", "v1.3", "Merge branch 'strict'",
         ("the merge itself: all its parents boot", "v1.3 with {} reverted boots")),
    Hunt("octopus", "v1.4", "v1.5", "kernel: reboot: check the reasons",
         ("brought it in; ", "v1.5 with {} reverted boots",
          "v1.4 with {} applied fails with kernel-panic")),
    Hunt("old", "v1.6", "v1.7", "lib: options are checked early",
         ("brought it in; ", "v1.7 with {} reverted boots",
          "v1.6 with {} applied fails with kernel-panic")),
)  # fmt: skip


class Place(Struct, frozen=True):
    """Where hunts are: the kernel's source, and a folder for the rest."""

    source: Path
    folder: Path

    @property
    def repository(self) -> Path:
        """The person's repository, with work in it that is not committed."""
        return self.folder / "linux"

    @property
    def config(self) -> Path:
        """A small configuration that boots to /init."""
        return self.folder / "config"

    def prepare(self) -> None:
        """Make what is not there yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "planted").exists():
            shutil.rmtree(self.repository, ignore_errors=True)
            plant(self.source, self.repository)
            with (self.repository / "lib/ctype.c").open("a") as file:
                file.write("/* staged, and not for others */\n")
            git(self.repository, "add", "lib/ctype.c")
            (self.repository / "notes").write_text("#error not for others\n")
            (self.folder / "planted").touch()
        if not self.config.exists():
            self.config.write_text(config_of(self.source, self.folder / "objects"))

    def by_hand(self) -> Path:
        """Return a clone in which a person builds, configured."""
        clone = self.folder / "by-hand"
        if not clone.exists():
            git(self.folder, "clone", "-q", "--shared", str(self.repository), str(clone))
        shutil.copyfile(self.config, clone / ".config")
        return clone

    def told(self, name: str, *words: object) -> tuple[int, float, dict[str, Any]]:
        """Run the command, and return its status, its seconds, and the document that it wrote."""
        out, err, document = (self.folder / f"{name}.{kind}" for kind in ("out", "err", "json"))
        document.unlink(missing_ok=True)
        more = ["--json", document, "--html", self.folder / f"{name}.html",
                "--markdown", self.folder / f"{name}.md"]  # fmt: skip
        began = time.monotonic()
        with out.open("wb") as said, err.open("wb") as told:
            status = subprocess.run(
                [*COMMAND, *map(str, [*words, *more])], env=self.environment(), stdout=said,
                stderr=told, check=False,
            ).returncode  # fmt: skip
        seconds = time.monotonic() - began
        return status, seconds, json.loads(document.read_text()) if document.exists() else {}

    def environment(self) -> dict[str, str]:
        """Return what makes the command keep all that it keeps in the folder."""
        return environment(
            BOOTHARNESS_CACHE=str(self.folder / "cache"),
            BOOTHARNESS_HISTORY=str(self.folder / "history.sqlite3"),
            XDG_STATE_HOME=str(self.folder / "state"),
        )

    def builds(self, name: str) -> list[int]:
        """Return how many seconds each build of a command took."""
        said = (self.folder / f"{name}.err").read_text()
        return [60 * int(minutes) + int(seconds) for minutes, seconds in _BUILT.findall(said)]

    @property
    def state(self) -> str:
        """What git says of the person's repository, which nobody may change."""
        said = [git(self.repository, *words) for words in (
            ("status", "--porcelain=v2", "--branch"), ("reflog",), ("for-each-ref",),
            ("ls-files", "--stage", "lib"), ("diff", "--cached"),
        )]  # fmt: skip
        return "\n".join(said)


def _hunted(place: Place, hunt: Hunt) -> Iterator[str]:
    """Yield what is wrong with the answer of a hunt."""
    status, seconds, document = place.told(
        hunt.name, "bisect", "git", hunt.good, hunt.bad, "--repository", place.repository,
        "--build", _MAKE, "--image", _IMAGE, "--config", place.config, "--jobs", 1, *hunt.options,
    )  # fmt: skip
    builds = place.builds(hunt.name)
    stages = document.get("stages") or [document]
    boots = sum(bool(each["key"]) for stage in stages for each in stage.get("boots", ()))
    tried = len((document.get("answer") or {}).get("outcomes", ()))
    print(f"     {boots} boots, {tried} experiments, {len(builds)} builds in {sum(builds)} s, "
          f"{seconds:.0f} s in all; {place.folder / hunt.name}.out")  # fmt: skip
    if status or not document.get("culprit"):
        yield f"exit status {status}, and no commit is named"
        return
    named, wanted = document["culprit"], planted(place.repository, hunt.subject)
    if named["commit"] != wanted:
        yield f"it names {named['commit'][:12]} {named['subject']}"
    for sentence in (each.format(wanted[:12]) for each in hunt.says):
        if sentence not in document["answer"]["conclusion"]:
            yield f"it does not say {sentence!r}, but {document['answer']['conclusion']!r}"


def _run(place: Place) -> Iterator[str]:
    """Yield what is wrong with git's own bisection with the line of docs/bisect.md."""
    hunt, clone = HUNTS[0], place.by_hand()
    command = " ".join(COMMAND)
    script = f"{_MAKE} || exit 125; {command} boot {_IMAGE} --cause kernel-panic"
    git(clone, "bisect", "start", hunt.bad, hunt.good)
    began = time.monotonic()
    done = subprocess.run(
        ["git", "-C", str(clone), "bisect", "run", "sh", "-c", script], env=place.environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.monotonic() - began
    (place.folder / "run.out").write_text(done.stdout + done.stderr)
    git(clone, "bisect", "reset")
    steps = done.stdout.count("running ")
    print(f"     {steps} commits were tried, {seconds:.0f} s in all; {place.folder}/run.out")
    wanted = planted(place.repository, hunt.subject)
    if f"{wanted} is the first bad commit" not in done.stdout:
        yield f"it does not name {wanted[:12]}"


def _config(place: Place) -> Iterator[str]:
    """Yield what is wrong with the hunt for a symbol."""
    ends = (place.folder / "good.config", place.folder / "bad.config")
    others = [f"CONFIG_{name}=y" for name in _OTHERS]
    guilty = f"# CONFIG_{_GUILTY} is not set"
    for path, lines in zip(ends, ([], [*others, guilty]), strict=True):
        path.write_text(config_of(place.source, place.folder / "objects", *lines))
    status, seconds, document = place.told(
        "config", "bisect", "config", *ends, "--tree", place.source, "--build",
        f"make O=$O {_MAKE.partition(' ')[2]}", "--image", _IMAGE,
    )  # fmt: skip
    found = document.get("config") or {}
    # what nobody can set, Kconfig sets with the guilty one
    names = [each["name"] for each in found.get("guilty", ()) if each["prompt"]]
    builds = place.builds("config")
    print(f"     {document.get('size', 1) - 1} symbols differ, {found.get('boots', 0)} boots, "
          f"{len(builds)} builds in {sum(builds)} s, {seconds:.0f} s in all; "
          f"{place.folder}/config.out")  # fmt: skip
    if status or names != [_GUILTY]:
        yield f"exit status {status}; it names {', '.join(names) or 'no symbol'}"


def _pace(place: Place) -> Iterator[str]:
    """Build the commits of a range as a hunt does, and by hand, in turn."""
    clone = place.by_hand()
    os.environ["BOOTHARNESS_CACHE"] = str(place.folder / "cache")
    # a command of its own, so that nothing is built yet
    build = Build(f"{_MAKE} # {time.time()}", _IMAGE, Toolchain("host"), place.config)
    sums = [(0.0, 0.0), (0.0, 0.0)]
    with GitRange(place.repository, *_PACED, build) as searched:
        for position, commit in enumerate(searched.commits):
            times = [
                _times_of(partial(searched.prepare, position)),
                _times_of(partial(_by_hand, clone, commit)),
            ]
            print(f"     {searched.label(position)}: {_written(times)}"
                  f"{'' if position else ', not counted'}", flush=True)  # fmt: skip
            if position:
                sums = [(one[0] + more[0], one[1] + more[1])
                        for one, more in zip(sums, times, strict=True)]  # fmt: skip
    ratios = [sums[0][at] / sums[1][at] for at in (0, 1)]
    print(f"     {_written(sums)}: {ratios[0]:.3f} of the time, {ratios[1]:.3f} of the CPU's")
    if ratios[1] > _MOST:  # what else the host does is in the other one
        yield f"a hunt's builds take {ratios[1]:.3f} of the CPU time that they take by hand"


def _times_of(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that some work takes, and those of the CPU, children and all."""
    before, began = os.times(), time.monotonic()
    work()
    seconds, after = time.monotonic() - began, os.times()
    return seconds, sum(after[:4]) - sum(before[:4])


def _written(times: list[tuple[float, float]]) -> str:
    (one, one_cpu), (other, other_cpu) = times
    return f"{one:.1f} s (CPU {one_cpu:.1f}), by hand {other:.1f} s (CPU {other_cpu:.1f})"


def _by_hand(clone: Path, commit: str) -> None:
    git(clone, "checkout", "-q", commit)
    subprocess.run(_MAKE, shell=True, cwd=clone, stdout=subprocess.DEVNULL, check=True)


def main() -> int:
    """Do the hunts that are named, or all, and print what came of each."""
    source, folder, *names = sys.argv[1:]
    if missing := [name for name in _NEEDED if not shutil.which(name)]:
        print(f"hunts: {', '.join(missing)} must be installed: `make hunts` does that")
        return 2
    if not (Path(source) / "Kbuild").is_file():
        print(f"hunts: {source} has no Kbuild in it: give the source of a kernel")
        return 2
    place = Place(Path(source).resolve(), Path(folder).resolve())
    does: dict[str, Callable[[Place], Iterator[str]]] = {
        **{hunt.name: lambda at, hunt=hunt: _hunted(at, hunt) for hunt in HUNTS},
        "run": _run, "config": _config, "pace": _pace,
    }  # fmt: skip
    if unknown := {*names} - {*does}:
        print(f"hunts: {', '.join(sorted(unknown))}: known are {', '.join(does)}")
        return 2
    place.prepare()
    wrong = 0
    for name in names or does:
        print(name, flush=True)
        before = place.state
        faults = [*does[name](place)]
        changed = [*unified_diff(before.splitlines(), place.state.splitlines(), n=0)]
        if changed:
            faults.append(f"the person's repository was changed: {changed}")
        wrong += bool(faults)
        print("     " + ("; ".join(faults) if faults else "right"), flush=True)
    print(f"{len(names or does) - wrong} of {len(names or does)} as they must be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
