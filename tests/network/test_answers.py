"""Answers that somebody describes: which client gets which, and what is wrong with a file."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.formats.dhcp import DhcpOption
from bootharness.formats.ethernet import ip_bytes
from bootharness.network.answers import Answers, read_answers
from bootharness.network.files import FileTable
from bootharness.network.wire import Wire
from bootharness.plan.fault import Faults
from tests.support.netclient import NetClient

PXE = b"PXEClient:Arch:00007:UNDI:003016"
TABLES = """
[[answer]]
user-class = "iPXE"
after = "/ipxe.efi"
bootfile = "menu.ipxe"

[[answer]]
architecture = "x86-64 uefi"
vendor-class = "PXEClient"
bootfile = "ipxe.efi"
next-server = "192.168.1.10"
options = { 66 = "tftp.example.org", 60 = "", 175 = "hex:b00101" }

[[answer]]
mac = "52:54:00:00:00:99"
bootfile = "http://boot.example.org/own.ipxe"

[redirects]
"old" = "/new"
"""


def read(folder: Path, text: str) -> Answers:
    path = folder / "answers.toml"
    path.write_text(text)
    return read_answers(path)


def test_first_table_that_fits_is_the_answer(tmp_path: Path) -> None:
    answers = read(tmp_path, TABLES)
    assert answers.redirects == {"/old": "/new"}
    wire = Wire(FileTable({"ipxe.efi": b"a"}), answers.rules, options={6: b"", 209: b"x"})
    guest = NetClient(wire)
    uefi = {"vendor_class": PXE, "architecture": b"\0\7"}
    ack = guest.lease(**uefi)
    assert (ack.boot_file, ack.next_server) == ("ipxe.efi", ip_bytes("192.168.1.10"))
    assert ack.options[66] == b"tftp.example.org"
    assert ack.options[DhcpOption.IPXE] == b"\xb0\1\1"
    assert ack.options[209] == b"x"
    assert not {60, DhcpOption.NAME_SERVER} & set(ack.options)
    assert guest.lease(user_class=b"iPXE").boot_file == ""
    guest.fetch("ipxe.efi")
    assert guest.lease(user_class=b"\x04iPXE\x03abc").boot_file == "menu.ipxe"
    other = NetClient(wire, "52:54:00:00:00:99").lease(architecture=b"\0\0")
    assert other.boot_file == "http://boot.example.org/own.ipxe"


def test_no_filename_takes_the_name_out_of_every_answer(tmp_path: Path) -> None:
    rules = read(tmp_path, '[[answer]]\nbootfile = "a"\noptions = { 67 = "b" }').rules
    assert NetClient(Wire(FileTable({}), rules)).lease().options[67] == b"b"
    wire = Wire(FileTable({}), rules, Faults.parse(["no-filename"]))
    assert NetClient(wire).lease().boot_file == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 tables"),
        ("x = 1", "x: known are answer"),
        ("answer = 1", "a list of tables"),
        ("[[answer]]\nbootfil = 'a'", "table 1: bootfil: did you mean bootfile"),
        ("[[answer]]\nbootfile = 1", "table 1: bootfile 1: a text is wanted"),
        (f"[[answer]]\nbootfile = '{'a' * 128}'", "bootfile has 128 bytes, and 127 fit"),
        ("[[answer]]\n[[answer]]\nmac = 'zz'", "table 2: mac 'zz'"),
        ("[[answer]]\narchitecture = 'arm'", "architecture 'arm': a number is wanted, or one of"),
        ("[[answer]]\narchitecture = true", "architecture True: a number"),
        ("[[answer]]\narchitecture = [7]", r"architecture \[7\]: a number"),
        ("[[answer]]\narchitecture = 65536", "architecture 65536: a number"),
        ("[[answer]]\nnext-server = 'boot'", "next-server 'boot': an IPv4 address"),
        ("[[answer]]\noptions = 1", "options has to be a table"),
        ("[[answer]]\noptions = { 66 = 1 }", "options 66 = 1: a text"),
        ("[[answer]]\noptions = { x = 'a' }", "options 'x': the number"),
        ("[[answer]]\noptions = { 53 = 'a' }", "options 53: it is the message's kind"),
        ("[[answer]]\n[redirects]\na = 1", "redirects: a = 1: a URL"),
        ('[[answer]]\n[redirects]\na = "b\\r\\nX: 1"', "redirects: a = .*: a URL"),
        ("[[answer", "not a table of answers"),
    ],
)
def test_what_is_wrong_is_told_with_file_table_and_field(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UsageError, match=f"answers.toml: .*{said}"):
        read(tmp_path, text)
