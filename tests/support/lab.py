"""Servers of a lab on loopback: sshd with a forced command, ser2net, mosquitto, ended with a test.

Each is a process of ours, unprivileged but for the user that runs the tests.
"""

import getpass
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootharness.host.deadline import Deadline
from tests.support.processes import REPOSITORY

__all__ = ["free_port", "mosquitto", "ser2net", "serving", "sshd"]

_UP_S = 15


def free_port() -> int:
    """Return a port of loopback that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(
    words: list[str], port: int, folder: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server in a folder until the end of the `with`, once it answers on a port."""
    server = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
    )
    try:
        deadline = Deadline.after(_UP_S)
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if server.poll() is not None or deadline.expired:
                    server.kill()
                    assert server.stderr
                    said = server.stderr.read().decode("utf-8", "replace")
                    raise AssertionError(f"{words[0]}: {said}") from None
                try:
                    server.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
        yield server
    finally:
        server.terminate()
        server.wait()
        if server.stderr:
            server.stderr.close()


@contextmanager
def sshd(folder: Path, tty: str, *, passwords: bool = False) -> Iterator[tuple[str, Path]]:
    """Run sshd whose every login is a console server on a terminal; give ``USER@HOST:PORT`` and a
    client's configuration. With ``passwords`` no key opens it."""
    folder.chmod(0o755)
    for name in ("host", "key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
        )
    keys = folder / "authorized"
    keys.write_text("" if passwords else (folder / "key.pub").read_text())
    port = free_port()
    forced = shlex.join([sys.executable, str(REPOSITORY / "tests/support/console_server.py"), tty])
    server = folder / "sshd_config"
    server.write_text(
        f"""Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {keys}
StrictModes no
PermitRootLogin yes
UsePAM no
PasswordAuthentication {"yes" if passwords else "no"}
ForceCommand {forced}
"""
    )
    hosts = folder / "known_hosts"
    hosts.write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    client = folder / "ssh_config"
    client.write_text(
        f"""Host 127.0.0.1
  IdentityFile {folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile {hosts}
  GlobalKnownHostsFile /dev/null
"""
    )
    Path("/run/sshd").mkdir(exist_ok=True)  # its privilege separation wants it
    with serving(["/usr/sbin/sshd", "-D", "-e", "-f", str(server)], port):
        yield f"{getpass.getuser()}@127.0.0.1:{port}", client


@contextmanager
def ser2net(folder: Path, tty: str) -> Iterator[tuple[int, int]]:
    """Run ser2net on a terminal; give its raw port, and that with RFC 2217."""
    raw, rfc2217, up = free_port(), free_port(), free_port()
    configuration = folder / "ser2net.yaml"
    options = "options: {kickolduser: true}"
    configuration.write_text(
        f"""%YAML 1.1
---
connection: &raw
  accepter: tcp,127.0.0.1,{raw}
  connector: serialdev,{tty},115200n81,local
  {options}
connection: &rfc2217
  accepter: telnet(rfc2217),tcp,127.0.0.1,{rfc2217}
  connector: serialdev,{tty},115200n81,local
  {options}
connection: &up
  accepter: tcp,127.0.0.1,{up}
  connector: echo
"""
    )
    words = ["/usr/sbin/ser2net", "-n", "-d", "-c", str(configuration), "-P", f"{folder}/pid"]
    with serving(words, up):  # who asks at one of the two holds the terminal
        yield raw, rfc2217


@contextmanager
def mosquitto(folder: Path, *, password: str = "") -> Iterator[int]:
    """Run a broker, with the user ``desk`` where a password is wanted; give its port."""
    port = free_port()
    lines = [f"listener {port} 127.0.0.1", "persistence false", f"user {getpass.getuser()}"]
    if password:
        file = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", file, "desk", password], check=True)
        file.chmod(0o644)
        lines += ["allow_anonymous false", f"password_file {file}"]
    else:
        lines += ["allow_anonymous true"]
    configuration = folder / "mosquitto.conf"
    configuration.write_text("\n".join([*lines, ""]))
    with serving(["/usr/sbin/mosquitto", "-c", str(configuration)], port):
        yield port
