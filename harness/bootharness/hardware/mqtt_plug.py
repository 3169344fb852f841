"""A plug with Tasmota, switched through an MQTT broker (tasmota.github.io/docs/MQTT), by paho-mqtt.

`cmnd/TOPIC/POWER` asks and switches, `stat/TOPIC/POWER` answers. That the broker has taken a
message is waited for, and what the plug answers to it: a broker takes one for a plug that is gone.
"""

import queue
import re
from typing import Any

from bootharness.errors import PlugFailed, ToolMissing, UsageError
from bootharness.hardware.addresses import without_password
from bootharness.hardware.tasmota import STATUS_OF_SENSORS, power_said, watts_said
from bootharness.host.deadline import Deadline

__all__ = ["MqttPlug"]

_ADDRESS = re.compile(
    r"(//)?((?P<user>[^:@/]*)(:(?P<password>[^@/]*))?@)?(?P<host>\[[^\]]+\]|[^:/@\s]+)"
    r"(:(?P<port>\d{1,5}))?/(?P<topic>[^#+\s]+)(#(?P<relay>[1-8]))?"
)
_ANSWER_S = 5.0
_PORT = 1883


class MqttPlug:
    """``[USER:PASSWORD@]HOST[:PORT]/TOPIC[#RELAY]``.

    Raises UsageError for what is none, ToolMissing without paho-mqtt.
    """

    def __init__(self, address: str) -> None:
        self.name = without_password(f"mqtt:{address}")
        found = _ADDRESS.fullmatch(address)
        if found is None or int(found["port"] or _PORT) not in range(1, 1 << 16):
            raise UsageError(f"{self.name}: it is mqtt:HOST/TOPIC or mqtt:HOST:PORT/TOPIC")
        self._to = found
        self._relay = found["relay"] or "1"
        try:
            import paho.mqtt.client  # only who names such a plug needs it
        except ImportError as error:
            raise ToolMissing(
                f"{self.name}: paho-mqtt is not installed: `pip install 'bootharness[mqtt]'` "
                "brings it"
            ) from error
        self._mqtt: Any = paho.mqtt.client

    def set(self, on: bool) -> None:
        """Switch on or off. Raises PlugFailed where broker or plug do not answer."""
        self._ask("ON" if on else "OFF")

    def state(self) -> bool | None:
        """Return whether it is on. Raises PlugFailed where broker or plug do not answer."""
        return self._ask("")

    def watts(self) -> float | None:
        """Return what is drawn, None where it does not measure. Raises PlugFailed where broker or
        plug do not answer."""
        command, _, word = STATUS_OF_SENSORS.upper().partition(" ")
        return watts_said(self._said(command, word, f"STATUS{word}"), self._relay)

    def _ask(self, word: str) -> bool:
        """Send a word, empty to ask alone, and return what the plug answers."""
        power = f"POWER{self._relay}"
        # a plug of one relay answers without its number
        said = self._said(power, word, *(("POWER", power) if self._relay == "1" else (power,)))
        is_on = power_said(said, self._relay)
        if is_on is None:
            raise PlugFailed(f"{self.name}: it answered {said[:80]!r}, which is no state")
        return is_on

    def _said(self, command: str, word: str, *answers: str) -> bytes:
        """Send a command and return what comes as one of its answers."""
        deadline = Deadline.after(_ANSWER_S)
        news: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        client = self._mqtt.Client(self._mqtt.CallbackAPIVersion.VERSION2)
        if self._to["user"]:
            client.username_pw_set(self._to["user"], self._to["password"])
        client.on_connect = lambda _c, _u, _f, reason, _p: news.put(("connected", reason))
        client.on_subscribe = lambda *_: news.put(("subscribed", None))
        client.on_message = lambda _c, _u, message: news.put(("answer", bytes(message.payload)))
        topic = self._to["topic"]
        try:
            client.connect(self._to["host"].strip("[]"), int(self._to["port"] or _PORT))
            client.loop_start()
            reason = self._next(news, "connected", deadline, "the broker does not answer")
            if reason.is_failure:
                raise PlugFailed(f"{self.name}: the broker says: {reason}")
            client.subscribe([(f"stat/{topic}/{each}", 0) for each in answers])
            self._next(news, "subscribed", deadline, "the broker lets nobody subscribe")
            client.publish(f"cmnd/{topic}/{command}", word, qos=1)
            return bytes(
                self._next(news, "answer", deadline, "the plug does not answer through it")
            )
        except (OSError, ValueError) as error:
            raise PlugFailed(f"{self.name}: the broker does not answer: {error}") from error
        finally:
            client.disconnect()
            client.loop_stop()

    def _next(
        self, news: "queue.SimpleQueue[tuple[str, Any]]", kind: str, deadline: Deadline, late: str
    ) -> Any:
        while True:
            try:
                what, value = news.get(timeout=deadline.remaining)
            except queue.Empty:
                raise PlugFailed(f"{self.name}: {late} within {_ANSWER_S:.0f} s") from None
            if what == kind:
                return value
