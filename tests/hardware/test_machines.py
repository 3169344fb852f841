"""machines.toml: what is wrong is told with file, table and field."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.hardware.machines import read_machines

GOOD = 'line = "tcp:desk:4001"\nplug = "command:/bin/true,/bin/true"\n'


def test_a_machine_is_read(tmp_path: Path) -> None:
    path = tmp_path / "machines.toml"
    path.write_text(f"[apu2]\n{GOOD}baud = 57600\nwire = 'eth1'\nmac = '00:0d:b9:4a:5c:10'\n")
    [machine] = read_machines(path).values()
    assert (machine.name, machine.baud, machine.wire) == ("apu2", 57600, "eth1")


WIRE = "wire = 'e'\nmac = '00:0d:b9:4a:5c:10'\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no machine"),
        ("apu2 = 3\n", "a machine is a table"),
        (f"[apu2]\n{GOOD}bauds = 1\n", "[apu2] bauds: there is no such field: did you mean baud?"),
        (f"[apu2]\n{GOOD}baud = '1'\n", "[apu2] baud: a whole number is wanted"),
        ('[apu2]\nplug = "command:a,b"\n', "[apu2] it has no line"),
        ('[apu2]\nline = "desk"\nplug = "command:a,b"\n', "'desk' is no line"),
        ('[apu2]\nline = "tcp:a:1"\nplug = "tasmota"\n', "'tasmota' is no plug"),
        ('[apu2]\nline = "tcp:a:1"\nplug = "command:a,b\\nc"\n', "is no plug"),
        (f"[apu2]\n{GOOD}mac = '00:0d'\nwire = 'eth1'\n", "[apu2] mac: '00:0d' is no card"),
        (f"[apu2]\n{GOOD}wire = 'eth1'\n", "[apu2] wire and mac: a boot wire needs both"),
        (f"[apu2]\n{GOOD}proxy = '10.0.0.9'\n", "[apu2] proxy: it is an address on the boot wire"),
        (f"[apu2]\n{GOOD}{WIRE}proxy = '10.0.0'\n", "[apu2] proxy: '10.0.0' is no IPv4 address"),
        (f"[apu2]\n{GOOD}{WIRE}proxy = '224.0.0.1'\n", "[apu2] proxy: '224.0.0.1' is no IPv4"),
        (f"[apu2]\n{GOOD}recorder = 'pxe'\n", "[apu2] recorder:"),
        (f"[apu2]\n{GOOD}recorder = 'rom'\n", "[apu2] recorder:"),
        (f"[apu2]\n{GOOD}banner = '('\n", "[apu2] banner: '(' is no pattern"),
        (f"[apu2]\n{GOOD}banner = ''\n", "[apu2] banner: '' fits no words at all"),
        (f"[apu2]\n{GOOD}banner = '(SeaBIOS)*'\n", "[apu2] banner: '(SeaBIOS)*' fits no words"),
        (f"[apu2]\n{GOOD}off_seconds = -1\n", "[apu2] off_seconds: a number from 0 is wanted"),
        (f"[apu2]\n{GOOD}timeout_seconds = nan\n", "[apu2] timeout_seconds: a number above 0 is"),
        (f"[apu2]\n{GOOD}silent_seconds = inf\n", "[apu2] silent_seconds: a number up to 3600 is"),
        (f"[apu2]\n{GOOD}wire = 'e'\nmac = '01:00:5e:00:00:01'\n", "[apu2] mac: '01:00:5e:00:00:"),
        (f"[apu2]\n{GOOD}wire = 'e'\nmac = '00:00:00:00:00:00'\n", "[apu2] mac: '00:00:00:00:00:"),
        (f"[apu2]\n{GOOD}recorder = 'mbr'\nbaud = 100000\n", "[apu2] baud: 100000 baud: a PC's"),
        ('[apu2]\nline = "/dev/x"\nplug = "command:a,b"\nbaud = 99\n', "[apu2] baud: 99: serial"),
        ('[apu2]\nline = "tcp:a:70000"\nplug = "command:a,b"\n', "[apu2] line: tcp:a:70000: it is"),
        ('[apu2]\nline = "tcp:[::1"\nplug = "command:a,b"\n', "[apu2] line: tcp:[::1: it is tcp:"),
        ('[apu2]\nline = "ssh:-oX@h:22"\nplug = "command:a,b"\n', "[apu2] line: ssh:-oX@h:22: it"),
        (
            '[apu2]\nline = "ssh:u@h:0"\nplug = "command:a,b"\n',
            "[apu2] line: ssh:u@h:0: it",
        ),
        ('[apu2]\nline = "tcp:a:1"\nplug = "command:a"\n', "[apu2] plug: command:a: it is command"),
        (
            '[apu2]\nline = "tcp:a:1"\nplug = "tasmota:http://[::1/"\n',
            "[apu2] plug: tasmota:",
        ),
        (
            '[apu2]\nline = "tcp:a:1"\nplug = "tasmota:http://h:99999"\n',
            "[apu2] plug: tasmota:",
        ),
        ('[apu2]\nline = "tcp:a:1"\nplug = "mqtt:h:99999/x"\n', "[apu2] plug: mqtt:h:99999/x: it"),
        (f"[qemu]\n{GOOD}", "[qemu]: a machine's name"),
        ("[apu2\n", "not a list of machines"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "machines.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as wrong:
        read_machines(path)
    assert said in str(wrong.value)
    assert str(wrong.value).startswith(f"{path}: ")


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "machines.toml"
    path.write_text('[apu2]\nline = "tcp:a:1"\nplug = "mqt:me:secret@host/plug"\n')
    with pytest.raises(UsageError) as wrong:
        read_machines(path)
    assert "secret" not in str(wrong.value)
