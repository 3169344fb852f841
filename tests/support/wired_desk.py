"""A desk with a boot wire, in a network namespace of its own: run by `unshare -n`.

usage: wired_desk.py FOLDER LOADER SOURCE [OTHERS PROXY] -- WORDS of `bootharness`

With ``disk`` for LOADER, SOURCE is a disk image, with ``written`` one that may be written, with
``ahci`` such a one behind an AHCI controller; else one is made of both. What may not be written has
to stay as it is. With OTHERS, ``dnsmasq`` or ``nobody``, the harness is a PROXY beside them on the
wire.
"""

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from bootharness.kernels.source import fetch
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from tests.support.desk_machine import DeskMachine, tasmota
from tests.support.lab import sshd
from tests.support.other_dhcp import other_dhcp
from tests.support.processes import COMMAND, environment

__all__ = ["SERIAL"]

SERIAL = "SCRATCH-1"
"""Of a disk that may be written."""
_MAC = "52:54:00:ab:cd:ef"
_WRITTEN = {"written": (), "ahci": ("-device", "ich9-ahci,id=ahci")}
"""Where a disk is that may be written: what of the machine it takes."""
_MEMORY_BYTES = 256 << 20


def main() -> int:
    folder, loader, source = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    for words in ("link set lo up", "tuntap add tap0 mode tap"):
        subprocess.run(["ip", *words.split()], check=True)
    Path("/proc/sys/net/ipv6/conf/tap0/disable_ipv6").write_text("1")
    subprocess.run(["ip", "link", "set", "tap0", "up"], check=True)
    may_write = loader in _WRITTEN
    disk = Path(source) if loader == "disk" or may_write else folder / "disk.img"
    if loader != "disk" and not may_write:
        DiskLayout.plan(
            Loader.named(loader),
            fetch(source),
            cmdline="console=ttyS0",
            memory_bytes=_MEMORY_BYTES,
        ).write(disk)
    before = disk.read_bytes()
    (folder / "ssh").mkdir()
    card = ("-boot", "n", "-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no",
            "-device", f"e1000,netdev=n,mac={_MAC}")  # fmt: skip
    if may_write:
        card += ("-drive", f"file={disk},format=raw,if=none,id=d",
                 *_WRITTEN[loader], "-device", f"ide-hd,drive=d,serial={SERIAL}"
                 f"{',bus=ahci.0' if loader == 'ahci' else ''}")  # fmt: skip
    others = sys.argv[4 : sys.argv.index("--")]
    proxy = f'proxy = "{others[1]}"' if others else ""
    with (
        other_dhcp(folder, "tap0") if "dnsmasq" in others else nullcontext(),
        DeskMachine(folder, None if may_write else disk, *card) as machine,
        tasmota(machine) as plug,
        sshd(folder / "ssh", machine.tty) as (where, configuration),
    ):
        machines = folder / "machines.toml"
        machines.write_text(f"""[apu2]
line = "ssh:{where}"
plug = "tasmota:http://127.0.0.1:{plug.port}/"
ssh_config = "{configuration}"
off_seconds = 0.2
silent_seconds = 15
wire = "tap0"
mac = "{_MAC}"
{proxy}
recorder = "pxe"
""")
        words = sys.argv[sys.argv.index("--") + 1 :]
        done = subprocess.run(
            [*COMMAND, *words], env=environment(BOOTHARNESS_MACHINES=str(machines)), check=False
        )
        assert not machine.is_on
    assert may_write or disk.read_bytes() == before
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
