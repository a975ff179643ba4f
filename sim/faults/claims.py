"""Forged claims at the station (docs/faults.md, 50): unsigned packets in the payload's name.

What such packets claim is kept as a claim. A station that checks signatures puts no claimed place
into the track that is verified, and no number in them ends it (``all_decoded`` in
``sim.trials.liveness``).
"""

from __future__ import annotations

import json
import random
from contextlib import closing

from groundstation.reading.reader import FlightReader
from sim.faults.stage import End, Fault, Stage
from sim.radio.forgeries import ELSEWHERE_DEG
from wire import horus, ukhas
from wire.beacon import Beacon, Phase

CLAIM_EVERY_S = 10.0
STRANGE_EVERY_S = 0.5
NEAR_DEG = 1.0
NUMBERS = (
    "1" + "0" * 309, "-" + "9" * 400, "1" * 5000, "1e400", "-1e999", "NaN", "Infinity",
    "[" * 3000 + "]" * 3000, '{"a":' * 500 + "1" + "}" * 500, '1,"latitude":2', "null", '"52"',
)


def _claims(stage: Stage) -> End:
    """The payload is drowned out, and sentences, Horus packets and summaries say that it lies in
    the sea: that is the way to be believed, if there is one."""
    world, rng = stage.world, stage.rng
    callsign = world.mission.payload.callsign
    world.channel.down.is_cut = True

    def strike() -> None:
        time_s = world.air.ground_utc_ms // 1000 % 86_400
        world.air.ground_hears(_claim(rng, callsign, time_s))

    stop = stage.every(CLAIM_EVERY_S, strike)

    def end() -> None:
        stop()
        world.channel.down.is_cut = False
        _look_at_track(stage)

    return end


def _claim(rng: random.Random, callsign: str, time_s: int) -> bytes:
    latitude, longitude = (degrees + rng.uniform(-0.01, 0.01) for degrees in ELSEWHERE_DEG)
    kind, number = rng.randrange(3), rng.getrandbits(15)
    if kind == 0:
        return ukhas.encode(ukhas.Sentence(callsign, number, time_s, latitude, longitude, 5))
    if kind == 1:
        state = Beacon(time_of_day_s=time_s, latitude_deg=latitude, longitude_deg=longitude,
                       altitude_m=5, phase=Phase.LANDED)
        return horus.encode(horus.Packet(callsign, number, state))
    return json.dumps({
        "type": "PAYLOAD_SUMMARY", "callsign": callsign, "latitude": latitude,
        "longitude": longitude, "altitude": 5,
    }).encode()


def _look_at_track(stage: Stage) -> None:
    """Is a claimed place in what is verified?"""
    with closing(FlightReader(stage.world.archive_path, stage.world.mission)) as reader:
        claimed = [point for point in reader.tracks().verified
                   if abs(point.lat_deg - ELSEWHERE_DEG[0]) < NEAR_DEG]
    if claimed:
        stage.violate("archive_true", f"{len(claimed)} unsigned places in the verified track")


def _strange_numbers(stage: Stage) -> End:
    """Summaries whose numbers no float holds, or that are none."""
    world, rng = stage.world, stage.rng

    def strike() -> None:
        key, value = rng.choice(("latitude", "longitude", "altitude", "speed")), rng.choice(NUMBERS)
        fields = {"latitude": "1", "longitude": "2", "altitude": "3", "speed": "4", key: value}
        numbers = "".join(f',"{name}":{text}' for name, text in fields.items())
        callsign = rng.choice((world.mission.payload.callsign, "N0CALL-9"))
        world.air.ground_hears(
            f'{{"type":"PAYLOAD_SUMMARY","callsign":"{callsign}"{numbers}}}'.encode())

    return stage.every(STRANGE_EVERY_S, strike)


FAULTS: tuple[Fault, ...] = (
    Fault(50, "claims.place",
          "unsigned packets report another position while the payload is silent",
          _claims, (60.0, 600.0)),
    Fault(50, "claims.numbers", "unsigned packets with numbers beyond the range of a float",
          _strange_numbers, (20.0, 120.0)),
)
