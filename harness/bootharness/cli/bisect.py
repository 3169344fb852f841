"""`bootharness bisect`: find the first bad one of a range, and why."""

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bootharness.cli.options import FILE, machine_options
from bootharness.cli.output import check_file, check_json_file, spoken, write_file, write_json
from bootharness.plan import DEFAULT_CMDLINE, UNTIL, MachineConfig

if TYPE_CHECKING:
    from bootharness.bisection.answer import Answer
    from bootharness.bisection.ranges import Range
    from bootharness.runs.cell import Cell

__all__ = ["command"]

_COULD_NOT_FIND_OUT = 125
_KERNELS = "kernels"
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Bisect(click.Group):
    """A group whose first command needs no name: kernels are what is bisected most."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = [_KERNELS, *args]
        return super().parse_args(ctx, args)


@click.group(
    "bisect",
    cls=_Bisect,
    epilog="""\b
Both ends are booted first. What fails with another cause than the bad end, and what cannot be
had or built, tells nothing and is gone round. Boots that flicker are repeated until the answer
is as certain as --confidence says. A hunt that was interrupted goes on where it was, and what
has been booted is not booted again. At the end the answer is tried: the good kernel grown to
the size of the bad one, and the bad one with stage1, by QEMU's -kernel and from a network.

\b
Examples:
  bootharness bisect builds/
  bootharness bisect old/bzImage new1/bzImage new2/bzImage --loader my-mbr.asm
  bootharness bisect grow:14200000..33554432:bzImage --loader my-mbr.asm
  bootharness bisect 'deb:linux-image-6.*-cloud-amd64/trixie-backports'
  bootharness bisect git v6.6 v6.7 --build 'make -j$(nproc) bzImage' \\
      --image arch/x86/boot/bzImage --config .config
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


def _with(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def decorated(function: _Command) -> _Command:
        for option in reversed(options):
            function = option(function)
        return function

    return decorated


_hunt_options: Callable[[Any], Any] = _with(
    click.option(
        "--any-cause", is_flag=True, help="Take every bad boot for the one that is sought."
    ),
    click.option(
        "--confidence",
        type=click.FloatRange(0.5, 1, max_open=True),
        default=0.99,
        show_default=True,
        help="How certain the answer must be.",
    ),
    click.option("--loader", type=FILE, help="Another loader: .asm, .elf or a flat binary."),
    click.option("--initrd", type=FILE, help="Initrd to load; a tiny /init without it."),
    click.option(
        "--cmdline", default=DEFAULT_CMDLINE, show_default=True, help="Kernel command line."
    ),
    click.option(
        "--until",
        type=click.Choice(UNTIL),
        help="How far it must come.  [default: init; banner with --loader]",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0.1),
        default=60,
        show_default=True,
        metavar="SECONDS",
        help="Time limit of one boot.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(1),
        metavar="N",
        help="Boots at once.  [default: one on each core]",
    ),
    click.option("--no-cache", is_flag=True, help="Boot what is known already, too."),
    click.option(
        "--log",
        type=_NEW_FILE,
        metavar="FILE",
        help="Where the hunt is written down, to go on from.  [default: your own, by hunt]",
    ),
    click.option(
        "--history",
        "history_file",
        type=_NEW_FILE,
        metavar="FILE",
        help="Where results are kept.  [default: $BOOTHARNESS_HISTORY, or your own]",
    ),
    click.option("--json", "json_file", metavar="FILE", help="Write it all; - is standard output."),
    click.option("--html", type=_NEW_FILE, metavar="FILE", help="Write a page."),
    click.option("--markdown", type=_NEW_FILE, metavar="FILE", help="Write a summary."),
    machine_options,
)

_build_options: Callable[[Any], Any] = _with(
    click.option("--build", required=True, metavar="COMMAND", help="What builds it; for a shell."),
    click.option(
        "--image",
        required=True,
        metavar="PATH",
        help="The kernel that the build makes, seen from the tree or from $O.",
    ),
    click.option(
        "--config", type=FILE, help="A .config, put where the build looks for it before each build."
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


@command.command(_KERNELS)
@click.argument("kernels", metavar="KERNEL...", nargs=-1, required=True)
@_hunt_options
def of_kernels(kernels: tuple[str, ...], **choices: Any) -> int:
    """Find the first bad KERNEL.

    KERNEL is what `bootharness boot` takes, from the last that is known to be good to one that
    is known to be bad. A folder, a glob or a deb:PATTERN is put in the order of its versions;
    grow:LOW..HIGH:KERNEL and selfcheck:LOW..HIGH are one kernel with payloads of any size
    between those.
    """
    from bootharness.bisection.ranges import kernel_range

    hunting = _Hunting(**choices)
    return hunting.run(kernel_range(kernels))


@command.command("git")
@click.argument("good")
@click.argument("bad")
@_build_options
@click.option(
    "--repository", type=_FOLDER, default=".", show_default=True, help="Where the commits are."
)
@click.option("--toolchain", default="host", show_default=True, help="What builds them.")
@click.option("--replay", type=_NEW_FILE, metavar="FILE",
              help="Write what `git bisect replay` takes.")  # fmt: skip
@_hunt_options
def of_commits(
    good: str, bad: str, repository: Path, toolchain: str, replay: Path | None, build: str,
    image: str, config: Path | None, build_timeout: float, **choices: Any,
) -> int:  # fmt: skip
    """Find the first bad commit behind GOOD up to BAD.

    Commits are checked out and built in clones of the harness's own; the repository is only
    read. A commit that cannot be built is gone round. Of a merge the branch that it brought in
    is searched in turn.
    """
    from bootharness.bisection.build import Build
    from bootharness.bisection.git import GitRange
    from bootharness.bisection.toolchain import toolchain as named

    if replay:
        check_file(replay, "replay", b"git bisect start")
    hunting = _Hunting(**choices)
    built = Build(build, image, named(toolchain), config, build_timeout)
    while True:
        with GitRange(repository, good, bad, built, hunting.jobs) as commits:
            status = hunting.run(commits)
            if replay and hunting.verdicts:
                write_file(replay, commits.replay(hunting.verdicts).encode())
            found = hunting.answer.found if hunting.answer else None
            branch = commits.merged(found.bad) if found and len(found.candidates) == 1 else None
        if not branch:
            return status
        click.echo("\nit is a merge; on with the branch that it brought in", file=hunting.output)
        good, bad = branch


@command.command("toolchains")
@click.argument("tree", type=_FOLDER)
@click.argument("names", metavar="TOOLCHAIN...", nargs=-1, required=True)
@_build_options
@_hunt_options
def of_toolchains(
    tree: Path, names: tuple[str, ...], build: str, image: str, config: Path | None,
    build_timeout: float, **choices: Any,
) -> int:  # fmt: skip
    """Find the first bad TOOLCHAIN of those that build TREE.

    TOOLCHAIN is host, a compiler such as gcc-10 that `bootharness toolchain add` has made,
    podman:IMAGE, docker:IMAGE or nix:PACKAGES. The tree is only read: the build command has to
    put what it makes into $O.
    """
    from bootharness.bisection.build import Build
    from bootharness.bisection.toolchain import Toolchain
    from bootharness.bisection.toolchains import ToolchainRange

    built = Build(build, image, Toolchain("host"), config, build_timeout)
    with ToolchainRange(tree, names, built) as searched:
        return _Hunting(**choices).run(searched)


class _Hunting:
    """What the commands have in common: how kernels are booted, and where things are written."""

    def __init__(
        self, *, loader: Path | None, initrd: Path | None, cmdline: str, until: str | None,
        timeout: float, memory: int, any_cause: bool, confidence: float, jobs: int | None,
        no_cache: bool, log: Path | None, history_file: Path | None, json_file: str | None,
        html: Path | None, markdown: Path | None, **machine: Any,
    ) -> None:  # fmt: skip
        from bootharness.runs.cell import STAGE1, Cell

        check_json_file(json_file)
        if html:
            check_file(html, "HTML", b"<!doctype html>")
        if markdown:
            check_file(markdown, "Markdown", b"### Bisection")
        self.output = spoken(json_file)
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self.answer: Answer | None = None
        self.verdicts: dict[int, str] = {}
        self._cell = Cell(
            kernel="",
            loader=str(loader) if loader else STAGE1,
            machine=MachineConfig(memory_mib=memory, **machine),
            cmdline=cmdline,
            initrd=str(initrd) if initrd else None,
            until=until or ("init" if initrd or not loader else "banner"),
            timeout_s=timeout,
        )
        self._any_cause, self._confidence, self._cache = any_cause, confidence, not no_cache
        self._log, self._history = log, history_file
        self._json, self._html, self._markdown = json_file, html, markdown

    def run(self, searched: "Range") -> int:
        """Hunt through a range, print and write what comes of it, and return the status."""
        from bootharness.bisection.hunt import Hunt
        from bootharness.bisection.inquest import inquire
        from bootharness.bisection.log import HuntLog, log_file
        from bootharness.bisection.report.terminal import TerminalHunt, print_answer, print_lost
        from bootharness.bisection.search import Found, Lost, Search
        from bootharness.runs.history import history_file
        from bootharness.runs.runner import limit_s
        from bootharness.runs.workers import LocalWorkers

        search = Search(len(searched), confidence=self._confidence, any_cause=self._any_cause)
        hunted = _hunted(searched, self._cell)
        history = self._history or history_file()
        click.echo(click.style(searched.title, bold=True), file=self.output)
        self.answer = None
        executor = LocalWorkers(self.jobs, limit_s=limit_s([self._cell]))
        try:
            with HuntLog(self._log or log_file(hunted), hunted) as log:
                hunt = Hunt(searched, self._cell, log, executor, history, workers=self.jobs,
                            cache=self._cache)  # fmt: skip
                shown = TerminalHunt(searched, self.jobs, self.output)
                search = hunt.run(search, shown)
                if isinstance(search.result, Found):
                    self.answer = inquire(
                        search.result, searched, self._cell, log, executor, history,
                        sought=search.sought, cache=self._cache, progress=shown.experiments,
                    )  # fmt: skip
                    shown.over()
                    print_answer(self.answer, self.output)
                elif search.result:
                    print_lost(search.result, log.seen, self.output)
                seen = log.seen
        finally:
            executor.shutdown(cancel_futures=True)
        self.verdicts = {each.position: search.meaning(each.observation) for each in seen}
        if self._json:
            from bootharness.bisection.report.document import hunt_document
            from bootharness.report.document import encode

            document = hunt_document(searched.title, search, seen, self.answer)
            write_json(self._json, encode(document))
        lost = search.result if isinstance(search.result, Lost) else None
        if self._html:
            from bootharness.bisection.report.html import hunt_html

            page = hunt_html(searched.title, seen, self.answer, lost)
            write_file(self._html, page.encode())
        if self._markdown:
            from bootharness.bisection.report.markdown import hunt_markdown

            text = hunt_markdown(searched.title, seen, self.answer, lost)
            write_file(self._markdown, text.encode())
        return 0 if self.answer else _COULD_NOT_FIND_OUT


def _hunted(searched: "Range", cell: "Cell") -> dict[str, Any]:
    """Return what makes a hunt the same one."""
    import msgspec

    from bootharness.runs.identity import own_version
    from bootharness.runs.work import named_loader

    hunted: dict[str, Any] = msgspec.to_builtins(
        {
            "range": type(searched).__name__,
            "of": searched.described,
            "cell": asdict(cell),
            "loader": named_loader(cell.loader).binary.hex(),
            "harness": own_version(),
        }
    )
    return hunted
