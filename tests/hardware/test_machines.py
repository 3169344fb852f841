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
        (f"[apu2]\n{GOOD}recorder = 'pxe'\n", "[apu2] recorder:"),
        (f"[apu2]\n{GOOD}recorder = 'rom'\n", "[apu2] recorder:"),
        (f"[apu2]\n{GOOD}banner = '('\n", "[apu2] banner: '(' is no pattern"),
        (f"[apu2]\n{GOOD}off_seconds = -1\n", "[apu2] off_seconds:"),
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
