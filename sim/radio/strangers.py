"""Other senders on the frequency: another payload, noise, and forged commands.

Nothing of it happens while the rates are 0, and then no random number is drawn. The world asks once
a minute what is to arrive in it.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from typing import Literal, NamedTuple

from sim.radio.forgeries import Forger
from wire import beacon
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import (
    BeaconFrame,
    DataFrame,
    FrameCounter,
    encode_downlink,
)

MINUTE_MS = 60_000
OVERHEARD_MAX = 256
NOISE_BYTES_MAX = 255
SYMBOL_BYTES = 64


Hearer = Literal["both", "payload", "station"]
HEARERS: dict[str, Hearer] = {"foreign": "both", "noise": "both", "forged_down": "station"}


class Transmission(NamedTuple):
    """Bytes on the air ``after_ms`` from now; ``to`` is who can hear them."""

    after_ms: int
    to: Hearer
    data: bytes


class Strangers:
    """Rates per hour, all 0 at first; ``counts`` gets every transmission by name.

    foreign_per_hour   frames of a payload with another node id, in our format
    noise_per_hour     random bytes of any length
    replays_per_hour   uplink frames that were overheard, sent to our payload once more
    forged_per_hour    frames for our payload, and as many for our station, by ``forger``

    ``overheard`` is the uplink as an enemy has it.
    """

    def __init__(
        self, rng: random.Random, node_id: int, counts: Counter[str], forger: Forger,
    ) -> None:
        self.foreign_per_hour = 0.0
        self.noise_per_hour = 0.0
        self.replays_per_hour = 0.0
        self.forged_per_hour = 0.0
        self._rng = rng
        self._node_id = node_id
        self._foreign_id = node_id % 254 + 1
        self._counts = counts
        self._forger = forger
        self._sent = 0
        self.overheard: deque[bytes] = deque(maxlen=OVERHEARD_MAX)

    def minute(self, utc_ms: int) -> list[Transmission]:
        """What arrives within the minute that begins at ``utc_ms``, in no order."""
        found: list[Transmission] = []
        for name, per_hour in (
            ("foreign", self.foreign_per_hour), ("noise", self.noise_per_hour),
            ("replay", self.replays_per_hour), ("forged", self.forged_per_hour),
            ("forged_down", self.forged_per_hour),
        ):
            at_ms = 0.0
            while per_hour > 0:
                at_ms += self._rng.expovariate(per_hour / 3_600_000)
                if at_ms >= MINUTE_MS:
                    break
                data = self._make(name, utc_ms + int(at_ms))
                if data:
                    self._counts[name] += 1
                    found.append(Transmission(int(at_ms), HEARERS.get(name, "payload"), data))
        return found

    def _make(self, name: str, utc_ms: int) -> bytes:
        if name == "foreign":
            return self._foreign()
        if name == "noise":
            return self._rng.randbytes(self._rng.randint(1, NOISE_BYTES_MAX))
        if name == "replay":
            return self._rng.choice(self.overheard) if self.overheard else b""
        forge = self._forger.uplink if name == "forged" else self._forger.downlink
        return forge(utc_ms)

    def _foreign(self) -> bytes:
        """A beacon or a symbol of the other payload."""
        self._sent += 1
        counter = FrameCounter(1, self._sent & 0xFFF)
        if self._rng.random() < 0.5:
            state = Beacon(
                time_of_day_s=self._rng.randrange(86_400), latitude_deg=47.5, longitude_deg=13.0,
                altitude_m=self._rng.uniform(500, 30_000), satellites=11, phase=Phase.ASCENT,
                power_mode=PowerMode.NOMINAL, battery_mv=3_900.0,
            )
            return encode_downlink(BeaconFrame(
                node_id=self._foreign_id, counter=counter, state=beacon.encode(state),
                is_listening=self._rng.random() < 0.5,
            ))
        return encode_downlink(DataFrame(
            node_id=self._foreign_id, counter=counter, priority=self._rng.randrange(4),
            block=self._rng.randrange(0x10000), block_symbols=self._rng.randint(1, 64),
            esi=self._rng.randrange(64), symbol=self._rng.randbytes(SYMBOL_BYTES), is_open=False,
        ))
