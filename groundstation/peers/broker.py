"""The connection to the MQTT broker, in a thread of its own: messages come and go through queues.

paho-mqtt and not aiomqtt, which is paho under asyncio: the station is made of threads and has no
loop but the page's. A connection that is lost, or never made, is made again until the station ends;
each has a number, by which its user sees that there is a new one. The broker is told how large a
message may be, so it keeps larger ones to itself.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import structlog
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_when_event_set,
    wait_random_exponential,
)

from groundstation.peers.messages import MESSAGE_BYTES_MAX
from wire.mission_mqtt import MqttSection

KEEPALIVE_S = 20  # a broker that is silent for longer is lost
WAIT_S, WAIT_S_MAX = 1.0, 30.0  # between attempts, random and growing ("full jitter")
MESSAGES_MAX = 5_000  # received and not taken yet; what finds no room is asked for again
AT_ONCE_MAX = 100  # that the broker may send before it waits for our acknowledgments
_wait = wait_random_exponential(multiplier=WAIT_S, max=WAIT_S_MAX)
_log = structlog.get_logger()


class BrokerLost(OSError):
    """There is no connection; the message is the reason."""


class Published(NamedTuple):
    """What somebody published."""

    topic: str
    data: bytes


class Broker:
    """One broker. ``run`` is its thread; every other method is for one other thread and never
    waits."""

    def __init__(
        self, mqtt: MqttSection, password: str | None, topics: Sequence[str],
        ca_file: str | None = None,
    ) -> None:
        """``topics`` are subscribed to; ``ca_file`` signed the broker's certificate, else one that
        the system trusts did."""
        self.name = f"{mqtt.host}:{mqtt.broker_port}"
        self.connection = 0  # the number of the connection; 0 while there is none
        self.why = "not connected yet"  # why there is none
        self.refusal = ""  # why it does not take what this station publishes; empty while it does
        self._mqtt = mqtt
        self._password = password
        self._topics = topics
        self._ca_file = ca_file
        self._count = 0
        self._has_lost = self._is_overflowing = False
        self._client: paho.Client | None = None
        self._messages: deque[Published] = deque()
        self._acknowledged: deque[int] = deque()

    # -- for the station ----------------------------------------------------------------------

    def publish(self, topic: str, data: bytes, *, is_kept: bool = False) -> int | None:
        """Send it; the number under which it will be acknowledged, None when that is impossible
        now. Of those that are ``is_kept`` the broker gives the last to whoever comes."""
        client = self._client
        if client is None or not self.connection:
            return None
        sent = client.publish(topic, data, qos=1, retain=is_kept)
        return int(sent.mid) if sent.rc is MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def take_acknowledged(self) -> list[int]:
        """The numbers of what the broker has acknowledged since the last call."""
        return [self._acknowledged.popleft() for _ in range(len(self._acknowledged))]

    def take_messages(self, messages_max: int) -> list[Published]:
        """The oldest that have come and were not taken yet."""
        count = min(messages_max, len(self._messages))
        return [self._messages.popleft() for _ in range(count)]

    # -- its thread ---------------------------------------------------------------------------

    def run(self, stop: threading.Event, pause: Callable[[float], object]) -> None:
        """Connection after connection until ``stop`` is set. ``pause`` waits for so many seconds,
        or less once ``stop`` is set."""

        def rest(seconds: float) -> None:
            pause(seconds)

        while not stop.is_set():
            for attempt in Retrying(
                retry=retry_if_exception_type((OSError, ValueError)), wait=_wait, sleep=rest,
                stop=stop_when_event_set(stop), before_sleep=self._note_failure,
                retry_error_callback=lambda state: None,
            ):
                with attempt:
                    self._connect(stop)
            rest(WAIT_S)

    def close(self) -> None:
        """End the connection, and with it ``run`` once its ``stop`` is set."""
        client = self._client
        if client is not None:
            client.disconnect()

    def _connect(self, stop: threading.Event) -> None:
        """One connection, to its end. Raises OSError when there was none, ValueError for a name
        that is none."""
        count = self._count
        client = self._new_client()
        limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        limits.MaximumPacketSize = 2 * MESSAGE_BYTES_MAX
        limits.ReceiveMaximum = AT_ONCE_MAX
        client.connect(
            self._mqtt.host, self._mqtt.broker_port, KEEPALIVE_S, properties=limits)
        self._client = client
        try:
            if not stop.is_set():
                client.loop_forever()
        finally:
            self._client, self.connection = None, 0
        if stop.is_set():
            return
        if self._count == count:
            raise BrokerLost(self.why)
        self._note_loss("the connection was lost")

    def _new_client(self) -> paho.Client:
        """Made anew for each connection: what is to be sent again the archive knows, not paho."""
        client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5, reconnect_on_failure=False)
        client.max_queued_messages_set(MESSAGES_MAX)
        if self._mqtt.user:
            client.username_pw_set(self._mqtt.user, self._password)
        if self._mqtt.tls:
            client.tls_set_context(ssl.create_default_context(cafile=self._ca_file))
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            self.why = f"it refuses: {reason}"
            client.disconnect()
            return
        once = SubscribeOptions(qos=1, noLocal=True)
        client.subscribe([(topic, once) for topic in self._topics])

    def _on_subscribe(
        self, client: paho.Client, userdata: Any, mid: int, reasons: Any, properties: Any
    ) -> None:
        refused = next((reason for reason in reasons if reason.is_failure), None)
        if refused is not None:
            self.why = f"it refuses the subscription: {refused}"
            client.disconnect()
            return
        self._acknowledged.clear()
        self._count += 1
        self.why, self.connection = "", self._count
        if self._has_lost:
            _log.info("broker_returned", broker=self.name)
        self._has_lost = False

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        if len(self._messages) >= MESSAGES_MAX:
            if not self._is_overflowing:
                _log.warning("peer_messages_overflow", waiting=MESSAGES_MAX)
            self._is_overflowing = True
            return
        self._is_overflowing = False
        # No message of ours is longer, and nothing in one that is longer is worth its memory.
        is_short = len(message.payload) <= MESSAGE_BYTES_MAX
        with contextlib.suppress(UnicodeDecodeError):  # a topic that is no text is none of ours
            self._messages.append(
                Published(message.topic, bytes(message.payload) if is_short else b""))

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason: Any, properties: Any
    ) -> None:
        if not reason.is_failure:
            self._acknowledged.append(mid)
            self.refusal = ""
            return
        if not self.refusal:
            _log.warning("broker_refuses", broker=self.name, why=str(reason))
        self.refusal = str(reason)

    def _note_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        reason = error.strerror if isinstance(error, OSError) else None
        self._note_loss(reason or str(error))

    def _note_loss(self, why: str) -> None:
        self.why = why
        if not self._has_lost:
            _log.warning("broker_unreachable", broker=self.name, why=why)
        self._has_lost = True
