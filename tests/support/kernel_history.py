"""A history of a real kernel in which everything is planted that a hunt meets: guilty commits in
merged branches, a guilty merge, a branch that began before the good end, a hang and a stretch that
does not build on the way, a fix.

    v1.0 hang, warning, no build, feature (panics) v1.1 it is reverted v1.2 a merge of two that do
    not go together v1.3 mended v1.4 an octopus, one arm of which panics v1.5 mended v1.6 a branch
    that began before v1.0 (panics) v1.7
"""

import os
import subprocess
from pathlib import Path

__all__ = ["CONFIG", "config_of", "git", "plant", "planted"]

CONFIG = (
    "64BIT", "PRINTK", "TTY", "SERIAL_8250", "SERIAL_8250_CONSOLE", "EARLY_PRINTK", "BUG",
    "BLK_DEV_INITRD", "BINFMT_ELF", "X86_IOPL_IOPERM", "KERNEL_GZIP",
)  # fmt: skip
"""What `make tinyconfig` lacks to bring a kernel to /init on a serial line."""

# what no configuration for a PC needs, and what is a third of the tree
_LEFT_OUT = (
    "Documentation/ABI", "Documentation/devicetree", "Documentation/translations",
    "drivers/gpu/drm/amd/include", "tools/perf", "tools/testing",
)  # fmt: skip

_PARTS = "init/parts.c"
_TABLE = "init/parts-table.c"
_NO_HEADER = "#include <linux/no_such_header.h>\n"

_CHECK = """#include <linux/init.h>
#include <linux/kernel.h>

extern int parts_found;

static int __init check_parts(void)
{
\tif (parts_found < 2)
\t\tpanic("parts: %d are not what is expected", parts_found);
\treturn 0;
}
late_initcall(check_parts);
"""
_COUNT = """#include <linux/init.h>
#include <linux/kernel.h>

static const char *const parts[] = {
\t"one",
\t"two",
};

int parts_found = ARRAY_SIZE(parts);
"""
_PANIC = """
static int __init check_%(name)s(void)
{
\tpanic("%(name)s: the calibration data are missing");
}
late_initcall(check_%(name)s);
"""
_WARNING = """
static int __init warn_of_strings(void)
{
\tWARN(1, "strings: this one is harmless");
\treturn 0;
}
late_initcall(warn_of_strings);
"""
_HANG = '\tfor (;;)\n\t\tasm volatile("nop");\n'
_BEFORE_HANG = "\t/* Do the last things and invoke protected mode */\n"


def git(folder: Path, *words: str) -> str:
    """Return what git says in a folder."""
    names = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
             for what, value in (("NAME", "Ann Other"), ("EMAIL", "ann@example.org"))}  # fmt: skip
    return subprocess.run(
        ["git", "-C", str(folder), *words],
        env={**os.environ, **names}, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def config_of(tree: Path, objects: Path, *more: str) -> str:
    """Return `make tinyconfig` with `CONFIG` and lines of ``more``, closed."""
    objects.mkdir(parents=True, exist_ok=True)
    make = ["make", "-s", "-C", str(tree), f"O={objects}"]
    subprocess.run([*make, "tinyconfig"], check=True, capture_output=True)
    with (objects / ".config").open("a") as file:
        file.writelines(f"CONFIG_{name}=y\n" for name in CONFIG)
        file.writelines(f"{line}\n" for line in more)
    subprocess.run([*make, "olddefconfig"], check=True, capture_output=True)
    return (objects / ".config").read_text()


def plant(source: Path, repository: Path) -> None:
    """Make a repository of a kernel's source, with the history."""
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    foreign = (each.name for each in (source / "arch").iterdir() if each.is_dir())
    names = (*_LEFT_OUT, *(f"arch/{name}" for name in foreign if name != "x86"))
    # Debian's .gitignore ignores everything
    left_out = [f":!{name}" for name in (".gitignore", *names)]
    place = (f"--git-dir={repository / '.git'}", f"--work-tree={source}")
    # what is large goes into one pack, and not into 60,000 files
    add = ("-c", "core.bigFileThreshold=1", *place, "add", "--force", "--")
    git(source, *add, ".", *left_out)
    git(source, *add, ":(glob)arch/*/**/Kconfig*")
    git(repository, "commit", "-q", "-m", "linux")
    git(repository, "reset", "-q", "--hard")
    _Story(repository).tell()


def planted(repository: Path, subject: str) -> str:
    """Return the commit with this subject."""
    words = ("log", "--all", "--format=%H", "--fixed-strings", f"--grep={subject}")
    (commit,) = (
        each for each in git(repository, *words).split()
        if git(repository, "log", "-1", "--format=%s", each).strip() == subject
    )  # fmt: skip
    return commit


class _Story:
    def __init__(self, repository: Path) -> None:
        self._folder, self._number = repository, 0

    def _git(self, *words: str) -> None:
        git(self._folder, *words)

    def _commit(self, subject: str) -> None:
        self._git("add", "-A")
        self._git("commit", "-q", "-m", subject)

    def _append(self, path: str, text: str, subject: str) -> None:
        with (self._folder / path).open("a") as file:
            file.write(text)
        self._commit(subject)

    def _replace(self, path: str, old: str, new: str, subject: str) -> None:
        text = (self._folder / path).read_text()
        assert text.count(old) == 1, (path, old)
        (self._folder / path).write_text(text.replace(old, new))
        self._commit(subject)

    def _comment(self, path: str) -> None:
        self._number += 1
        kind = path.rpartition("/")[2]
        self._append(path, f"\n/* comment {self._number} */\n", f"{kind}: comment {self._number}")

    def _panic(self, path: str, name: str, subject: str) -> None:
        self._append(path, _PANIC % {"name": name}, subject)

    def _branch(self, name: str, start: str = "HEAD") -> None:
        self._git("checkout", "-q", "-b", name, start)

    def _merge(self, *names: str) -> None:
        self._git("checkout", "-q", "main")
        listed = " and ".join(f"'{name}'" for name in names)
        subject = f"Merge branch{'es' if len(names) > 1 else ''} {listed}"
        self._git("merge", "-q", "--no-ff", "-m", subject, *names)

    def tell(self) -> None:
        """Commit all of it."""
        self._begin()
        self._hang()
        self._grow_a_feature()
        self._mend_it()
        self._disagree()
        self._merge_three()
        self._bring_in_what_is_old()

    def _begin(self) -> None:
        (self._folder / _PARTS).write_text(_CHECK)
        (self._folder / _TABLE).write_text(_COUNT)
        self._append("init/Makefile", "\nobj-y += parts.o parts-table.o\n", "init: count the parts")
        self._branch("old")
        self._comment("lib/argv_split.c")
        self._panic("lib/cmdline.c", "options", "lib: options are checked early")
        self._comment("lib/argv_split.c")
        self._git("checkout", "-q", "main")
        self._comment("init/version.c")
        self._comment("lib/ctype.c")
        self._git("tag", "v1.0")

    def _hang(self) -> None:
        self._append("Documentation/index.rst", "\n.. a comment\n", "Documentation: a comment")
        self._comment("kernel/range.c")
        self._replace("arch/x86/boot/main.c", _BEFORE_HANG, _HANG + _BEFORE_HANG,
                      "x86/boot: wait for the firmware")  # fmt: skip
        self._comment("lib/ctype.c")
        self._comment("kernel/range.c")
        self._replace("arch/x86/boot/main.c", _HANG, "", "x86/boot: do not wait for the firmware")

    def _grow_a_feature(self) -> None:
        self._branch("feature")
        self._comment("lib/bcd.c")
        self._panic("init/calibrate.c", "calibration",
                    "init: calibrate: the second half of the data")  # fmt: skip
        self._comment("lib/bcd.c")
        self._git("checkout", "-q", "main")
        self._append("lib/string.c", _WARNING, "lib: string: warn of strings")
        self._append("lib/string.c", _NO_HEADER, "lib: string: use the new header")
        self._comment("kernel/range.c")
        self._git("tag", "unbuildable")
        self._comment("lib/ctype.c")
        self._comment("init/version.c")
        self._replace("lib/string.c", _NO_HEADER, "", "lib: string: the header is not there yet")
        self._merge("feature")
        self._comment("lib/ctype.c")
        self._comment("kernel/range.c")
        self._git("tag", "v1.1")

    def _mend_it(self) -> None:
        self._comment("init/version.c")
        self._comment("lib/ctype.c")
        self._replace("init/calibrate.c", _PANIC % {"name": "calibration"}, "",
                      "init: calibrate: do without the second half")  # fmt: skip
        self._comment("kernel/range.c")
        self._comment("lib/ctype.c")
        self._git("tag", "v1.2")

    def _disagree(self) -> None:
        self._branch("strict")
        self._comment("init/do_mounts.c")
        self._replace(_PARTS, "parts_found < 2", "parts_found != 2", "init: parts: exactly two")
        self._git("checkout", "-q", "main")
        self._replace(_TABLE, '\t"two",\n', '\t"two",\n\t"three",\n', "init: parts: a third one")
        self._comment("kernel/range.c")
        self._merge("strict")
        self._comment("lib/ctype.c")
        self._git("tag", "v1.3")
        self._replace(_PARTS, "parts_found != 2", "parts_found != 3", "init: parts: exactly three")
        self._git("tag", "v1.4")

    def _merge_three(self) -> None:
        self._branch("arm-a")
        self._comment("lib/bitmap.c")
        self._branch("arm-b", "main")
        self._comment("lib/bcd.c")
        self._panic("kernel/reboot.c", "reboot", "kernel: reboot: check the reasons")
        self._git("checkout", "-q", "main")
        self._comment("lib/ctype.c")
        self._merge("arm-a", "arm-b")
        self._comment("init/version.c")
        self._git("tag", "v1.5")

    def _bring_in_what_is_old(self) -> None:
        self._git("revert", "--no-edit", planted(self._folder, "kernel: reboot: check the reasons"))
        self._comment("kernel/range.c")
        self._git("tag", "v1.6")
        self._merge("old")
        self._comment("lib/ctype.c")
        self._git("tag", "v1.7")
