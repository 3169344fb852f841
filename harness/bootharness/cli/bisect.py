"""`bootharness bisect`: find the first bad one of a range, and why."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bootharness.cli import values
from bootharness.cli.first_command import KERNELS, KernelsFirst
from bootharness.cli.options import (
    ALL,
    FILE,
    HISTORY,
    JSON,
    NEW_FILE,
    WORKERS,
    plan_of,
    plan_options,
)
from bootharness.cli.output import (
    check_file,
    check_json_file,
    say_aside,
    spoken,
    write_file,
    write_json,
)

if TYPE_CHECKING:
    from bootharness.bisection.bisect import HuntResult

__all__ = ["command"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _with(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def decorated(function: _Command) -> _Command:
        for option in reversed(options):
            function = option(function)
        return function

    return decorated


@click.group(
    "bisect",
    cls=KernelsFirst,
    epilog="""\b
What is hunted is what makes the bad end bad: --until finds the first that does not come so
far, --fail-on the first that prints such a line, --route the first that fails by it, and
--slower the first that takes longer. Both ends are booted first. What fails with another cause
than the bad end, and what cannot be had or built, tells nothing and is skipped. Boots that
flicker are repeated until the answer is as certain as --confidence says. A hunt that was
interrupted goes on where it was, and what has been booted is not booted again. At the end the
answer is tried: the good kernel grown to the size of the bad one, and the bad one with stage1,
by QEMU's -kernel and from a network.

\b
Examples:
  bootharness bisect builds/
  bootharness bisect old/bzImage new1/bzImage new2/bzImage --loader my-mbr.asm
  bootharness bisect builds/ --fail-on 'WARNING: CPU'
  bootharness bisect builds/ --until 'login:' --slower
  bootharness bisect grow:14200000..33554432:bzImage --loader my-mbr.asm
  bootharness bisect 'deb:linux-image-6.*-cloud-amd64/trixie-backports'
  bootharness bisect git v6.6 v6.7 --build 'make -j$(nproc) bzImage' \\
      --image arch/x86/boot/bzImage --config .config
  bootharness bisect config good.config bad.config --tree linux-6.1 \\
      --build 'make O=$O -j$(nproc) bzImage' --image arch/x86/boot/bzImage
  bootharness bisect toolchains linux-6.1 gcc-9 gcc-10 gcc-12 --config .config \\
      --build 'make O=$O -j$(nproc) bzImage' --image arch/x86/boot/bzImage

\b
Exit status: 0 found, 125 not found out, 129 wrong usage.
""",
)
def command() -> None:
    """Find the first bad one of a range, say why it is bad, and try whether that is so.

    Without the name of a command: `kernels`.
    """


def _hunt_options(confidence: float = 0.99, jobs: str = "one on each core") -> Callable[[Any], Any]:
    """Return the options of every hunt; ``confidence`` is the usual one, and ``jobs`` says how many
    boots usually go on at once."""
    return _with(
        plan_options(*ALL),
        click.option(
            "--any-cause", is_flag=True, help="Take every bad boot for the one that is sought."
        ),
        click.option(
            "--slower",
            is_flag=True,
            help="Find what takes the guest longer to come so far; the bad end is good but slow.",
        ),
        click.option(
            "--confidence",
            type=click.FloatRange(0.5, 1, max_open=True),
            default=confidence,
            show_default=True,
            help="How certain the answer must be.",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1),
            metavar="N",
            help=f"Boots at once.  [default: {jobs}]",
        ),
        WORKERS,
        click.option("--no-cache", is_flag=True, help="Boot what is known already, too."),
        click.option(
            "--log",
            type=NEW_FILE,
            metavar="FILE",
            help="Where the hunt is written down, to go on from.  [default: your own, by hunt]",
        ),
        HISTORY,
        JSON,
        click.option("--html", type=NEW_FILE, metavar="FILE", help="Write a page."),
        click.option("--markdown", type=NEW_FILE, metavar="FILE", help="Write a summary."),
    )


_HUNT_OPTIONS = _hunt_options()

_BUILD = click.option(
    "--build", required=True, metavar="COMMAND", help="What builds it; for a shell."
)
_BUILD_OR_NONE = click.option(
    "--build",
    default="",
    metavar="COMMAND",
    help="What builds it; for a shell. A folder of boot files may need none.",
)
_build_options: Callable[[Any], Any] = _with(
    click.option(
        "--image",
        required=True,
        metavar="PATH",
        help="The kernel that the build makes, seen from the tree or from $O; by a route that "
        "boots a folder that of the boot files, as `.`.",
    ),
    click.option(
        "--build-timeout",
        type=click.FloatRange(1),
        default=3600,
        show_default=True,
        metavar="SECONDS",
        help="Time limit of one build.",
    ),
)
_CONFIG = click.option(
    "--config", type=FILE, help="A .config, put where the build looks for it before each build."
)
_TOOLCHAIN = click.option(
    "--toolchain", default="host", show_default=True, help="What builds them."
)


@command.command(KERNELS)
@click.argument(
    "kernels", metavar="KERNEL...", nargs=-1, required=True, shell_complete=values.kernels
)
@_HUNT_OPTIONS
def of_kernels(kernels: tuple[str, ...], **choices: Any) -> int:
    """Find the first bad KERNEL.

    KERNEL is what `bootharness boot` takes, from the last that is known to be good to one that
    is known to be bad. A folder, a glob or a deb:PATTERN is put in the order of its versions;
    grow:LOW..HIGH:KERNEL and selfcheck:LOW..HIGH are one kernel with payloads of any size
    between those.
    """
    hunting = _Hunting(**choices)
    from bootharness.bisection.bisect import bisect
    from bootharness.routes.table import by_firmware, by_what_is_given

    plan = by_firmware(by_what_is_given(hunting.plan, kernels))
    with hunting.hunted() as how:
        return hunting.tell(bisect(kernels, plan, **how))


@command.command("git")
@click.argument("good")
@click.argument("bad")
@_BUILD_OR_NONE
@_build_options
@_CONFIG
@click.option(
    "--repository", type=_FOLDER, default=".", show_default=True, help="Where the commits are."
)
@_TOOLCHAIN
@click.option(
    "--find-fix",
    is_flag=True,
    help="GOOD is bad, and BAD, which came later, is good: find what mended it.",
)
@click.option(
    "--find-broken-build",
    is_flag=True,
    help="Find the first commit that does not build; nothing is booted.",
)
@click.option(
    "--build-jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Builds at once.  [default: 1 for a --build with -j, else as --jobs]",
)
@click.option("--replay", type=NEW_FILE, metavar="FILE",
              help="Write what `git bisect replay` takes.")  # fmt: skip
@_hunt_options(jobs="as --build-jobs for a --build with -j, else one on each core")
def of_commits(
    good: str, bad: str, repository: Path, toolchain: str, find_fix: bool,
    find_broken_build: bool, build_jobs: int | None, replay: Path | None, build: str, image: str,
    config: Path | None, build_timeout: float, **choices: Any,
) -> int:  # fmt: skip
    """Find the first bad commit behind GOOD up to BAD.

    Commits are checked out and built in clones of the harness's own; the repository is only
    read. A commit that cannot be built is skipped. Of a merge the branches that it brought in
    are searched in turn; where all of them are good, it is the merge itself. Where GOOD is on
    another branch, the commit at which BAD's branched off is tested in its place.
    """
    if replay:
        check_file(replay, "replay", b"git bisect start")
    hunting = _Hunting(**choices)
    from bootharness.bisection.build import Build
    from bootharness.bisection.commits import bisect_commits
    from bootharness.bisection.toolchain import toolchain as named
    from bootharness.routes.table import route_of

    folder = route_of(hunting.plan).boots_folder
    built = Build(build, image, named(toolchain), config, build_timeout, folder)
    with hunting.hunted() as how:
        result = bisect_commits(repository, good, bad, built, hunting.plan, fix=find_fix,
                                builds_only=find_broken_build, build_jobs=build_jobs,
                                **how)  # fmt: skip
        status = hunting.tell(result)
    if replay and result.replay:
        write_file(replay, result.replay.encode())
    return status


@command.command("config")
@click.argument("good", metavar="GOOD.config", type=FILE)
@click.argument("bad", metavar="BAD.config", type=FILE)
@click.option("--tree", type=_FOLDER, required=True, help="The kernel's source; it is only read.")
@_BUILD
@_build_options
@_TOOLCHAIN
@_hunt_options(0.8, jobs="1")
def of_configs(
    good: Path, bad: Path, tree: Path, toolchain: str, build: str, image: str,
    build_timeout: float, **choices: Any,
) -> int:  # fmt: skip
    """Find the symbols that make a kernel fail, of those that differ in two .config files.

    The tree's own `make olddefconfig` completes both, and whatever lies between them; the build
    command has to put what it makes into $O. Kernels are built and booted one at a time,
    unless --jobs says more. At the end the answer is tried: BAD.config with those symbols as in
    GOOD.config, and the other way round. Where the cause is the kernel's size it is shown
    which symbols made it grow most.
    """
    hunting = _Hunting(**choices)
    from bootharness.bisection.build import Build
    from bootharness.bisection.config_hunt import bisect_config
    from bootharness.bisection.toolchain import toolchain as named

    built = Build(build, image, named(toolchain), None, build_timeout)
    with hunting.hunted() as how:
        return hunting.tell(bisect_config(tree, good, bad, built, hunting.plan, **how))


@command.command("toolchains")
@click.argument("tree", type=_FOLDER)
@click.argument("names", metavar="TOOLCHAIN...", nargs=-1, required=True)
@_BUILD
@_build_options
@_CONFIG
@_HUNT_OPTIONS
def of_toolchains(
    tree: Path, names: tuple[str, ...], build: str, image: str, config: Path | None,
    build_timeout: float, **choices: Any,
) -> int:  # fmt: skip
    """Find the first bad TOOLCHAIN of those that build TREE.

    TOOLCHAIN is host, a compiler such as gcc-10 that `bootharness toolchain add` has made,
    podman:IMAGE, docker:IMAGE or nix:PACKAGES. The tree is only read: the build command has to
    put what it makes into $O.
    """
    hunting = _Hunting(**choices)
    from bootharness.bisection.bisect import bisect
    from bootharness.bisection.build import Build
    from bootharness.bisection.toolchain import Toolchain
    from bootharness.bisection.toolchain_range import ToolchainRange

    built = Build(build, image, Toolchain("host"), config, build_timeout)
    with ToolchainRange(tree, names, built, hunting.observer) as searched, hunting.hunted() as how:
        return hunting.tell(bisect(searched, hunting.plan, **how))


class _Hunting:
    """What the commands have in common: how kernels are booted, and where things are written."""

    def __init__(
        self, *, any_cause: bool, slower: bool, confidence: float, jobs: int | None,
        workers: str | None, no_cache: bool,
        log: Path | None, history_file: Path | None, json_file: str | None, html: Path | None,
        markdown: Path | None, **choices: Any,
    ) -> None:  # fmt: skip
        from bootharness.bisection.report.terminal import TerminalHunt

        check_json_file(json_file)
        if html:
            check_file(html, "HTML", b"<!doctype html>")
        if markdown:
            check_file(markdown, "Markdown", b"### Bisection")
        self.output = spoken(json_file)
        self.plan = plan_of(choices)
        self.observer = TerminalHunt(self.output)
        self._how: dict[str, Any] = {
            "confidence": confidence,
            "any_cause": any_cause,
            "slower": slower,
            "history": history_file,
            "cache": not no_cache,
            "log": log,
            "observer": self.observer,
        }
        self._workers, self._jobs = workers, jobs
        self._json, self._html, self._markdown = json_file, html, markdown

    @contextmanager
    def hunted(self) -> Iterator[dict[str, Any]]:
        """Give how it is hunted, with who boots; write what is known by then when the person stops
        it."""
        from bootharness.bisection.bisect import StoppedHunt
        from bootharness.runs.remote.named import workers_named

        try:
            with workers_named(self._workers, self._jobs, say_aside) as (executor, jobs):
                yield {**self._how, "executor": executor, "jobs": jobs}
        except StoppedHunt as stopped:
            self._write(stopped.result)
            raise

    def tell(self, result: "HuntResult") -> int:
        """Print and write what came of a hunt, and return the status."""
        from bootharness.bisection.report.terminal import (
            print_answer,
            print_config,
            print_culprit,
            print_lost,
        )

        if result.answer:
            print_answer(result.answer, self.output)
            if result.culprit:
                print_culprit(result.culprit, self.output, result.built)
            if result.config:
                print_config(result.config, self.output)
        elif result.lost:
            print_lost(result.lost, result.boots, self.output, result.advice)
        self._write(result)
        return result.exit_status

    def _write(self, result: "HuntResult") -> None:
        if self._json:
            from bootharness.bisection.report.document import hunt_document
            from bootharness.report.document import encode

            write_json(self._json, encode(hunt_document(result)))
        if self._html:
            from bootharness.bisection.report.html import hunt_html

            write_file(self._html, hunt_html(result).encode())
        if self._markdown:
            from bootharness.bisection.report.markdown import hunt_markdown

            write_file(self._markdown, hunt_markdown(result).encode())
