"""A port of a console server that another has in use."""

import socket

import pytest

from bootharness.errors import LineLost
from bootharness.hardware.lines import open_line
from bootharness.hardware.machines import HardwareMachine


def test_a_port_in_use_is_told_in_its_servers_words(
    ports: tuple[int, int], plug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("serial")
    monkeypatch.setattr("bootharness.hardware.rfc2217_line._CONNECT_S", 2.0)
    raw, negotiated = ports
    with socket.create_connection(("127.0.0.1", raw)) as other:
        other.sendall(b"\r")
        with pytest.raises(LineLost, match="device already in use"):
            open_line(HardwareMachine("apu2", f"rfc2217:127.0.0.1:{negotiated}", plug))
