"""Plugs through real servers, and plugs that lie, are silent, or are none."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootharness.errors import PlugFailed, UsageError
from bootharness.hardware import mqtt_plug, plugs
from bootharness.hardware.desk import Desk
from bootharness.hardware.machines import HardwareMachine
from bootharness.hardware.plugs import open_plug, switch
from bootharness.hardware.tasmota import power_said, watts_said
from tests.support.desk_machine import DeskMachine, tasmota
from tests.support.lab import free_port


def test_a_plug_over_http_switches_and_is_read_back(machine: DeskMachine, plug: str) -> None:
    one = open_plug(plug)
    switch(one, plug, on=True)
    assert machine.is_on and one.state() is True
    switch(one, plug, on=False)
    assert not machine.is_on and one.state() is False


def test_a_plug_with_a_password(machine: DeskMachine) -> None:
    with tasmota(machine, password="secret") as one:
        good = f"tasmota:http://admin:secret@127.0.0.1:{one.port}"
        assert open_plug(good).state() is False
        bad = good.replace("secret", "other")
        with pytest.raises(PlugFailed, match="Need user=") as refused:
            open_plug(bad).state()
    assert "other" not in str(refused.value)


@pytest.fixture
def mqtt(machine: DeskMachine, broker: int) -> Iterator[str]:
    """A plug behind the broker, as Tasmota is."""
    paho = pytest.importorskip("paho.mqtt.client")
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set("desk", "secret")

    def asked(_client: object, _user: object, message: object) -> None:
        word = message.payload.decode()  # type: ignore[attr-defined]
        if word == "10":
            client.publish("stat/plug1/STATUS10", '{"StatusSNS":{"ENERGY":{"Power":6.5}}}')
            return
        if word:
            machine.power(on=word == "ON")
        said = "ON" if machine.is_on else "OFF"
        client.publish("stat/plug1/RESULT", json.dumps({"POWER": said}))
        client.publish("stat/plug1/POWER", said)

    client.on_message = asked
    client.connect("127.0.0.1", broker)
    client.subscribe([("cmnd/plug1/POWER1", 0), ("cmnd/plug1/STATUS", 0)])
    client.loop_start()
    yield f"mqtt:desk:secret@127.0.0.1:{broker}/plug1"
    client.disconnect()
    client.loop_stop()


def test_a_plug_over_mqtt_switches_and_is_read_back(machine: DeskMachine, mqtt: str) -> None:
    one = open_plug(mqtt)
    switch(one, mqtt, on=True)
    assert machine.is_on and one.state() is True
    switch(one, mqtt, on=False)
    assert not machine.is_on


def test_a_broker_that_wants_another_password_is_told(mqtt: str) -> None:
    with pytest.raises(PlugFailed, match="Not authorized") as refused:
        open_plug(mqtt.replace("secret", "other")).state()
    assert "other" not in str(refused.value)


def test_a_plug_that_is_not_behind_its_broker_is_told(
    mqtt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_plug, "_ANSWER_S", 1.0)
    with pytest.raises(PlugFailed, match="the plug does not answer through it"):
        open_plug(mqtt.replace("plug1", "plug2")).set(on=True)


def test_a_plug_by_commands(tmp_path: Path) -> None:
    there = tmp_path / "on"
    name = f"command:touch {there},rm -f {there},test -e {there}"
    one = open_plug(name)
    switch(one, name, on=True)
    assert there.exists()
    switch(one, name, on=False)
    assert one.state() is False
    assert open_plug("command:/bin/true,/bin/true").state() is None


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("command:/bin/false,/bin/true", PlugFailed, "it ended with 1"),
        ("command:/there/is/none,/bin/true", PlugFailed, "No such file"),
        ("command:a", UsageError, "command:ON,OFF"),
        ("command:a,'b", UsageError, "quotation"),
        ("tasmota:ftp://host/", UsageError, "tasmota:http://HOST/"),
        ("tasmota:http://host/#9", UsageError, "tasmota:http://HOST/"),
        ("mqtt:host", UsageError, "mqtt:HOST/TOPIC"),
        ("tasmota:http://127.0.0.1:PORT/", PlugFailed, "does not answer"),
        ("mqtt:127.0.0.1:PORT/plug1", PlugFailed, "does not answer"),
        ("labgrid:there-is-none.yaml", Exception, "labgrid:there-is-none.yaml"),
    ],
)
def test_what_is_no_plug_is_told(name: str, error: type[Exception], said: str) -> None:
    name = name.replace("PORT", str(free_port()))
    with pytest.raises(error) as wrong:
        open_plug(name).set(on=True)
    assert said in str(wrong.value) and "\n" not in str(wrong.value)


def test_a_plug_that_lies_is_found_out(
    machine: DeskMachine, plug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugs, "_SETTLES_S", 0.3)
    one = HardwareMachine("apu2", machine.tty, plug, off_seconds=0.0)
    with Desk(one) as desk:
        machine.lies = True
        with pytest.raises(PlugFailed, match="switched on and says that it is off"):
            desk.on()
        machine.lies = False


@pytest.mark.parametrize(
    ("answer", "relay", "state"),
    [
        (b'{"POWER":"ON"}', "1", True),
        (b'{"POWER1":"OFF"}', "1", False),
        (b'{"POWER2":"ON"}', "2", True),
        (b'{"POWER":"ON"}', "2", None),
        (b"OFF", "1", False),
        (b'{"POWER":1}', "1", None),
        (b"<html>", "1", None),
        (b"\xff\xfe", "1", None),
        (b"[1]", "1", None),
    ],
)
def test_what_tasmota_says(answer: bytes, relay: str, state: bool | None) -> None:
    assert power_said(answer, relay) is state


@pytest.mark.parametrize(
    ("said", "relay", "watts"),
    [('{"StatusSNS":{"Time":"t","ENERGY":{"Total":1.2,"Power":6}}}', "1", 6.0),
     ('{"StatusSNS":{"ENERGY":{"Power":[6.5,0]}}}', "2", 0.0),
     ('{"StatusSNS":{"ENERGY":{"Power":[6.5,0]}}}', "3", None),
     ('{"StatusSNS":{"ENERGY":{"Power":-1}}}', "1", None),
     ('{"StatusSNS":{"ENERGY":{"Power":1e999}}}', "1", None),
     ('{"StatusSNS":{"Time":"t"}}', "1", None), ('{"Command":"Unknown"}', "1", None),
     ("[", "1", None), ("\xff", "1", None)],
)  # fmt: skip
def test_what_a_plug_measures_is_read(said: str, relay: str, watts: float | None) -> None:
    assert watts_said(said.encode("latin-1"), relay) == watts
