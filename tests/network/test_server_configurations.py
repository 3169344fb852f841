"""What is read of servers' configurations: interfaces, networks, addresses, what is left out."""

import json
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.network import dnsmasq, kea, relay
from bootharness.network.addressing import Place, addresses_of, places_of
from bootharness.network.command import command_setup
from bootharness.network.relay import relay_setup
from bootharness.network.server_kinds import setup_of
from bootharness.network.server_setup import ServerSetup, last_complaint, last_words
from bootharness.plan import BootPlan, choose
from bootharness.plan.net_server import NetServer


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (dnsmasq, kea, relay):
        monkeypatch.setattr(module, "is_installed", lambda _tool: True)


def of_dnsmasq(folder: Path, *lines: str) -> ServerSetup:
    file = folder / "dnsmasq.conf"
    file.write_text("\n".join(lines))
    return dnsmasq.dnsmasq_setup(str(file), folder)


RANGE = "dhcp-range=192.168.7.100,192.168.7.150,12h"


@pytest.mark.parametrize(
    ("lines", "interfaces", "addresses"),
    [
        ([RANGE], ("eth0",), ("192.168.7.1/24",)),
        (["interface=lo", "interface=br*", RANGE], ("br0",), ("192.168.7.1/24",)),
        (["interface = eth1 # lan", "interface=eth2", RANGE], ("eth1", "eth2"),
         ("192.168.7.1/24",)),
        (["listen-address=127.0.0.1,192.168.7.9,192.168.7.10", RANGE], ("eth0",),
         ("192.168.7.9/24", "192.168.7.10/24")),
        (["dhcp-option=option:router,192.168.7.2", RANGE], ("eth0",), ("192.168.7.2/24",)),
        (["dhcp-option=tag:x,3,192.168.7.2", RANGE], ("eth0",), ("192.168.7.2/24",)),
        (["enable-tftp", "dhcp-boot=tag:a,x.0,,192.168.7.3", "dhcp-option=3,192.168.7.2", RANGE],
         ("eth0",), ("192.168.7.3/24",)),
        (["dhcp-boot=x.0,,192.168.7.3", RANGE], ("eth0",), ("192.168.7.1/24",)),
        (["enable-tftp", "dhcp-boot=x.0,,10.9.9.9", RANGE], ("eth0",), ("192.168.7.1/24",)),
        (["dhcp-range=set:a,10.1.0.0,proxy,255.255.0.0"], ("eth0",), ("10.1.0.1/16",)),
        (["dhcp-range=192.168.7.1,192.168.7.150,255.255.255.128,12h"], ("eth0",), None),
        (["dhcp-range=interface:wlan0,10.1.0.10,10.1.0.20"], ("wlan0",), ("10.1.0.1/24",)),
        (["dhcp-range=lan,10.1.0.10,10.1.0.20"], ("eth0",), ("10.1.0.1/24",)),
        (["dhcp-range=fd00::,ra-only", "#dhcp-range=1.2.3.4,1.2.3.5"], ("eth0",),
         ("192.168.99.1/24",)),
        ([], ("eth0",), ("192.168.99.1/24",)),
    ],
)  # fmt: skip
def test_a_dnsmasqs_place_is_read_off_its_configuration(
    tmp_path: Path, lines: list[str], interfaces: tuple[str, ...], addresses: tuple[str, ...] | None
) -> None:
    setup = of_dnsmasq(tmp_path, *lines)
    assert setup.interfaces == interfaces
    server = NetServer("dnsmasq", "x")
    if addresses is None:
        with pytest.raises(UsageError, match=r"192\.168\.7\.0/25: no address is free"):
            addresses_of([server], [setup])
    else:
        assert addresses_of([server], [setup]) == [addresses]


def test_what_a_dnsmasq_writes_is_left_out_line_by_line(tmp_path: Path) -> None:
    more = tmp_path / "conf.d"
    more.mkdir()
    (more / "a.conf").write_text("user=somebody\n" + RANGE)
    (more / "b.conf~").write_text("dhcp-range=1.1.1.10,1.1.1.20\n")
    (tmp_path / "inner.conf").write_text("dhcp-leasefile=/var/lib/x\ninterface=lan0\n")
    setup = of_dnsmasq(
        tmp_path,
        "pid-file=/run/x.pid",
        "log-facility=/var/log/x",
        f"conf-file={tmp_path / 'inner.conf'}",
        f"conf-dir={more},*.conf",
        "no-ping",
    )
    assert setup.interfaces == ("lan0",)
    assert setup.networks == ("192.168.7.0/24",)
    copies = sorted(tmp_path.glob("dnsmasq-*.conf"))
    assert len(copies) == 3
    kept = "\n".join(
        line for copy in copies for line in copy.read_text().splitlines() if line[:1] != "#"
    )
    for word in ("pid-file", "log-facility", "leasefile", "user=", "conf-dir"):
        assert word not in kept
    assert "no-ping" in kept
    assert copies[0].read_text().splitlines()[4] == "no-ping"  # line for line
    said = f"dnsmasq: bad option at line 3 of {copies[0]}"
    assert setup.plain(said) == f"bad option at line 3 of {tmp_path / 'dnsmasq.conf'}"


def test_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "dnsmasq.conf"
    with pytest.raises(UsageError, match="include each other"):
        of_dnsmasq(tmp_path, f"conf-file={file}")


KEA = {
    "interfaces-config": {"interfaces": ["eth3/10.5.0.7", "*"]},
    "lease-database": {"type": "mysql", "password": "x"},
    "control-socket": {"socket-name": "/run/x"},
    "loggers": [{"name": "kea-dhcp4", "output_options": [{"output": "/var/log/x"}]}],
    "subnet4": [{"subnet": "10.5.0.0/16", "pools": [{"pool": "10.5.0.1-10.5.0.9"}]}],
}


def of_kea(folder: Path, text: str) -> ServerSetup:
    file = folder / "kea.conf"
    file.write_text(text)
    return kea.kea_setup(str(file), folder)


def test_a_kea_keeps_nothing_and_is_told_nothing(tmp_path: Path) -> None:
    setup = of_kea(tmp_path, json.dumps({"Dhcp4": KEA}))
    assert setup.interfaces == ("eth3", "eth0")
    assert addresses_of([NetServer("kea", "x")], [setup]) == [("10.5.0.7/16",)]
    own = json.loads(Path(setup.argv[-1]).read_text())["Dhcp4"]
    assert own["lease-database"] == {"type": "memfile", "persist": False}
    assert "control-socket" not in own
    assert "/var/log" not in json.dumps(own)
    assert own["subnet4"] == KEA["subnet4"]


def test_what_kea_takes_beside_json_is_read(tmp_path: Path) -> None:
    (tmp_path / "nets.json").write_text('[ { "subnet": "10.6.0.0/24", } ] // one')
    setup = of_kea(
        tmp_path,
        '{ # a comment\n "Dhcp4": { /* "x": 1, */ "comment": "http://x/ # no",\n'
        f' "subnet4": <?include "{tmp_path}/nets.json"?>, // the end\n }} }}',
    )
    assert setup.networks == ("10.6.0.0/24",)
    own = json.loads(Path(setup.argv[-1]).read_text())["Dhcp4"]
    assert own["comment"] == "http://x/ # no"


@pytest.mark.parametrize("text", ["{", "[]", '{"Dhcp5": {}}', '{"Dhcp4": []}', ""])
def test_what_is_no_configuration_kea_itself_says(tmp_path: Path, text: str) -> None:
    setup = of_kea(tmp_path, text)
    assert setup.checks[0] == ("kea-dhcp4", "-t", str(tmp_path / "kea.conf"))


def test_servers_on_one_network_get_addresses_of_their_own(tmp_path: Path) -> None:
    first = of_kea(tmp_path, json.dumps({"Dhcp4": {"subnet4": [{"subnet": "10.6.0.0/24"}]}}))
    second = of_dnsmasq(tmp_path, "dhcp-range=10.6.0.0,proxy")
    servers = [NetServer("kea", "x"), NetServer("dnsmasq", "y"), NetServer("command", "z")]
    found = addresses_of(servers, [first, second, command_setup("z")])
    assert found == [("10.6.0.1/24",), ("10.6.0.2/24",), ("10.6.0.3/24",)]
    said = [NetServer("kea", "x"), NetServer("dnsmasq", "y", "10.6.0.1/24"), servers[2]]
    found = addresses_of(said, [first, second, command_setup("z")])
    assert found == [("10.6.0.2/24",), ("10.6.0.1/24",), ("10.6.0.3/24",)]
    twice = [NetServer("command", "x", "10.6.0.1/24"), NetServer("command", "y", "10.6.0.1/24")]
    with pytest.raises(UsageError, match=r"has 10\.6\.0\.1 too"):
        addresses_of(twice, [command_setup("x"), command_setup("y")])


@pytest.mark.parametrize(
    ("line", "networks", "taken", "address"),
    [
        ("dhcp-range=::100,::1ff,constructor:eth7", "fd00:99::/64", (), "fd00:99::1/64"),
        ("dhcp-range=fd00:5::100,fd00:5::1ff,12h", "fd00:5::/64",
         ("fd00:5::100-fd00:5::1ff",), "fd00:5::1/64"),
        ("dhcp-range=fd00:5::1,fd00:5::f,80", "fd00:5::/80", ("fd00:5::1-fd00:5::f",),
         "fd00:5::10/80"),
        ("dhcp-range=fd00:5::,ra-only", "fd00:5::/64", (), "fd00:5::1/64"),
    ],
)  # fmt: skip
def test_a_dnsmasqs_place_over_ipv6(
    tmp_path: Path, line: str, networks: str, taken: tuple[str, ...], address: str
) -> None:
    setup = of_dnsmasq(tmp_path, line)
    assert (setup.networks6, setup.taken6) == ((networks,), taken)
    [place] = places_of([NetServer("dnsmasq", "x")], [setup])
    # by IPv6 it is known where it has no network of IPv4
    assert place.addresses == (address, "192.168.99.1/24")
    setup = of_dnsmasq(tmp_path, line, RANGE)
    [place] = places_of([NetServer("dnsmasq", "x")], [setup])
    assert place.addresses == ("192.168.7.1/24", address)


def test_a_kea_for_ipv6_gives_everybody_an_address(tmp_path: Path) -> None:
    subnet = {"subnet": "fd00:5::/64", "pools": [{"pool": "fd00:5::1 - fd00:5::8"}, {"pool": "-"}]}
    dhcp6 = {"interfaces-config": {"interfaces": ["eth3"]}, "subnet6": [subnet, {"subnet": "x"}]}
    setup = of_kea(tmp_path, json.dumps({"Dhcp6": dhcp6}))
    assert (setup.name, setup.interfaces, setup.networks) == ("kea-dhcp6", ("eth3",), ())
    servers = [
        NetServer("kea", "x"),
        NetServer("command", "y"),
        NetServer("command", "z", "fd00:5::9/64"),
    ]
    places = places_of(servers, [setup, command_setup("y"), command_setup("z")])
    assert [each.address for each in places] == ["fd00:5::a", "192.168.99.2", "fd00:5::9"]
    assert places[1].addresses[1] == "fd00:5::b/64"
    own = json.loads((tmp_path / "kea-dhcp6.conf").read_text())["Dhcp6"]
    assert own["data-directory"] == str(tmp_path)


RELAY = NetServer.parse("relay@192.168.7.1/24:10.9.0.5")


@pytest.mark.parametrize(
    ("servers", "places"),
    [
        # whom a relay asks is the first with a configuration
        ([NetServer("dnsmasq", "x"), RELAY],
         [Place(("10.9.0.5/24",), gateway="10.9.0.1"),
          Place(("192.168.7.1/24",), ("10.9.0.1/24",))]),
        # or nobody: then the server that is there is behind it all the same
        ([RELAY, NetServer("dnsmasq", "x", "10.8.0.1/16")],
         [Place(("192.168.7.1/24",), ("10.8.0.2/16",)),
          Place(("10.8.0.1/16",), gateway="10.8.0.2")]),
        # one on the guest's network is not behind it
        ([NetServer("dnsmasq", "x"), RELAY, NetServer("command", "y", "192.168.7.9/24")],
         [Place(("10.9.0.5/24",), gateway="10.9.0.1"), Place(("192.168.7.1/24",), ("10.9.0.1/24",)),
          Place(("192.168.7.9/24",))]),
    ],
)  # fmt: skip
def test_what_is_behind_a_relay_is_on_another_network(
    tmp_path: Path, servers: list[NetServer], places: list[Place]
) -> None:
    kinds = {"dnsmasq": of_dnsmasq(tmp_path, RANGE), "command": command_setup("y"),
             "relay": relay_setup(RELAY)}  # fmt: skip
    assert places_of(servers, [kinds[each.kind] for each in servers]) == places


@pytest.mark.parametrize(
    ("servers", "says"),
    [
        (["command@192.168.7.3/24:y"], "none behind the relay"),
        (["command@10.9.0.5/24:y", str(RELAY)], "one relay is all"),
    ],
)
def test_relay_that_cannot_be_is_refused(servers: list[str], says: str) -> None:
    given = [RELAY, *map(NetServer.parse, servers)]
    setups = [relay_setup(each) if each.is_relay else command_setup("y") for each in given]
    with pytest.raises(UsageError, match=says):
        places_of(given, setups)


@pytest.mark.parametrize(
    "text", ["relay:10.9.0.5", "relay@192.168.7.1/24:x", "relay@10.0.0.1/8:::1"]
)
def test_relay_is_told_two_addresses(text: str) -> None:
    with pytest.raises(
        UsageError, match="its address on the guest's network, and that of the DHCP"
    ):
        NetServer.parse(text)


def test_a_command_is_run_as_it_is_written(tmp_path: Path) -> None:
    setup = setup_of(NetServer.parse("command:a | b; c"), tmp_path)
    assert setup.argv == ("/bin/sh", "-c", "a | b; c")


@pytest.mark.parametrize(
    "text",
    [
        "dnsmasq:/etc/dnsmasq.conf",
        "kea@10.0.0.1/8:a:b",
        "command:x --y=z:1",
        "relay@192.168.7.1/24:10.9.0.5",
    ],
)
def test_a_server_is_written_as_it_is_read(text: str) -> None:
    assert str(NetServer.parse(text)) == text
    assert choose(BootPlan(), {"more_servers": (text,)}).net.more_servers == (text,)


def test_a_plan_takes_no_server_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="command:WORDS"):
        choose(BootPlan(), {"more_servers": ("kea:",)})


def test_words_that_tell_something_are_found() -> None:
    said = "dnsmasq[7]: failed to change group-id: no\ndnsmasq[7]: FAILED to start up\n\n"
    assert last_words(said) == "dnsmasq[7]: failed to change group-id: no"
    kea_said = "2026-11-26 16:04:54.690 INFO  [kea-dhcp4.dhcp4/1.2] DHCP4_STARTED Kea started"
    assert last_words(f"Syntax check failed\n{kea_said}") == "Syntax check failed"
    assert last_complaint(kea_said) == ""
    assert last_complaint("x: no address range available\nx: all is well") == (
        "x: no address range available"
    )
    assert last_complaint("x-tftp: error 8 User aborted the transfer received") == ""
