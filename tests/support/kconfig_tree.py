"""A small source tree with a Kconfig, closed by a real `conf`, that builds selfcheck kernels."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from bootharness.kernels.selfcheck import selfcheck_kernel
from tests.support.builders import patched_kernel

__all__ = ["BUILD", "CONF", "config_file", "kconfig_tree"]

CONF = shutil.which("kconfig-conf") or next(
    map(str, Path("/usr/lib").glob("linux-kbuild-*/scripts/kconfig/conf")), None
)
"""Kconfig's own program, of the package kconfig-frontends or of linux-kbuild; None without it."""
BUILD = ("--build", ': "$O"; sh build.sh', "--image", "bzImage")

_KCONFIG = """
config ALONE
	bool "something by itself"

menuconfig DRIVERS
	bool "drivers"
	select LIBRARY

config LIBRARY
	bool

{drivers}

choice
	prompt "compression"
	default GZIP

config GZIP
	bool "gzip"

config LZ4
	bool "lz4"

config ZSTD
	bool "zstd"

endchoice

config NAME
	string "a name"
	default "none"

config LAST
	bool "the last one"
	depends on LIBRARY
"""


def kconfig_tree(folder: Path, script: str, *, drivers: int = 20) -> Path:
    """Make a tree: a symbol, drivers that depend on another, a choice and a string. ``script`` is
    for a shell: it sees every ``CONFIG_`` and puts its kernel into ``$O/bzImage``."""
    folder.mkdir()
    numbers = range(1, drivers + 1)
    each = (f'config D{n}\n\tbool "driver {n}"\n\tdepends on DRIVERS\n' for n in numbers)
    (folder / "Kconfig").write_text(_KCONFIG.format(drivers="\n".join(each)))
    (folder / "Makefile").write_text(f"olddefconfig:\n\t@{CONF} --olddefconfig Kconfig\n")
    good = selfcheck_kernel(4096)
    bad = patched_kernel(good, folder / "bad", size=4, syssize=100_000)
    (folder / "build.sh").write_text(
        f'. "$O/.config"\nGOOD={good}\nBAD={bad}\ncp $GOOD "$O/bzImage"\n{script}\n'
    )
    return folder


def config_file(path: Path, values: Mapping[str, str]) -> Path:
    """Write a .config."""
    path.write_text("".join(f"CONFIG_{name}={value}\n" for name, value in values.items()))
    return path
