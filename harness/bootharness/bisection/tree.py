"""A source tree of the person's, which is only read."""

import os
from hashlib import file_digest, sha256
from pathlib import Path

from bootharness.bisection.build import Build
from bootharness.errors import UsageError

__all__ = ["check_elsewhere", "digest_of_tree"]


def check_elsewhere(tree: Path, build: Build) -> None:
    """Raise UsageError for a tree with nothing in it, and a build that would write into it."""
    if not (tree / "Makefile").exists() and not any(tree.iterdir()):
        raise UsageError(f"{tree}: there is nothing to build in it")
    if not build.elsewhere:
        raise UsageError(
            f"{build.command!r} would build inside of {tree}: give a command that builds in "
            "$O, such as 'make O=$O bzImage'"
        )


def digest_of_tree(tree: Path) -> str:
    """Return the digest of every file of a tree, by name and content."""
    digest = sha256()
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(each for each in folders if each != ".git")
        for name in sorted(files):
            path = Path(folder, name)
            digest.update(f"{path.relative_to(tree)}\0".encode(errors="surrogateescape"))
            if path.is_symlink():
                digest.update(os.fsencode(path.readlink()))
            elif path.is_file():
                with path.open("rb") as file:
                    digest.update(file_digest(file, "sha256").digest())
    return digest.hexdigest()
