"""A plug with Tasmota, switched over HTTP (tasmota.github.io/docs/Commands, "Web requests")."""

import math
import re
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from bootharness.errors import PlugFailed, UsageError
from bootharness.hardware.addresses import without_password
from bootharness.text import printable

__all__ = ["STATUS_OF_SENSORS", "TasmotaPlug", "power_said", "watts_said"]

STATUS_OF_SENSORS = "Status 10"
"""The command that is answered with what is measured."""

_ANSWER_S = 5.0
_ANSWER_BYTES = 1 << 16
_RELAY = re.compile(r"[1-8]")


class _Energy(msgspec.Struct, frozen=True):
    power: float | list[float] = msgspec.field(name="Power")


class _Measured(msgspec.Struct, frozen=True):
    energy: _Energy = msgspec.field(name="ENERGY")


class _Sensors(msgspec.Struct, frozen=True):
    status: _Measured = msgspec.field(name="StatusSNS")


class TasmotaPlug:
    """``http://[USER:PASSWORD@]HOST[/][#RELAY]``. Raises UsageError for what is none."""

    def __init__(self, url: str) -> None:
        self.name = without_password(f"tasmota:{url}")
        try:
            parts = urlsplit(url)
            relay, port = parts.fragment or "1", parts.port
        except ValueError as error:
            raise UsageError(f"{self.name}: {error}") from error
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or port == 0
            or not _RELAY.fullmatch(relay)
        ):
            raise UsageError(f"{self.name}: it is tasmota:http://HOST/, with #2 for the 2nd relay")
        self._relay = relay
        host = parts.netloc.rpartition("@")[2]
        self._url = f"{parts.scheme}://{host}/cm"
        self._user = {
            key: value
            for key, value in (("user", parts.username), ("password", parts.password))
            if value
        }
        # a plug is never behind a proxy, and sends nobody elsewhere
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stays())

    def set(self, on: bool) -> None:
        """Switch on or off. Raises PlugFailed where it does not answer."""
        self._ask(f"Power{self._relay} {'On' if on else 'Off'}")

    def state(self) -> bool | None:
        """Return whether it is on. Raises PlugFailed where it does not say."""
        return self._ask(f"Power{self._relay}")

    def watts(self) -> float | None:
        """Return what is drawn, None where it does not measure. Raises PlugFailed where it does not
        answer."""
        return watts_said(self._said(STATUS_OF_SENSORS), self._relay)

    def _ask(self, words: str) -> bool:
        said = self._said(words)
        is_on = power_said(said, self._relay)
        if is_on is None:
            text = printable(said[:120].decode("utf-8", "replace"))
            raise PlugFailed(f'{self.name}: to "{words}" it answered "{text}", which is no state')
        return is_on

    def _said(self, words: str) -> bytes:
        query = urlencode({**self._user, "cmnd": words}, quote_via=quote)
        try:
            with self._opener.open(f"{self._url}?{query}", timeout=_ANSWER_S) as answer:
                return bytes(answer.read(_ANSWER_BYTES))
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise PlugFailed(f"{self.name}: it does not answer: {why}") from error


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def power_said(answer: bytes, relay: str) -> bool | None:
    """Return whether Tasmota says that a relay is on, as ``{"POWER":"ON"}``, None where it does not
    say."""
    try:
        said = msgspec.json.decode(answer, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = {"POWER": answer.decode("ascii", "replace")}
    value = said.get(f"POWER{relay}", said.get("POWER") if relay == "1" else None)
    return {"ON": True, "OFF": False}.get(value) if isinstance(value, str) else None


def watts_said(answer: bytes, relay: str) -> float | None:
    """Return the power in watts that Tasmota says is drawn through a relay, as
    ``{"StatusSNS":{"ENERGY":{"Power":6}}}``, of several relays a list; None where it does not say.
    """
    try:
        said = msgspec.json.decode(answer, type=_Sensors).status.energy.power
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if isinstance(said, list):
        said = said[int(relay) - 1] if int(relay) <= len(said) else -1.0
    return said if math.isfinite(said) and said >= 0 else None
