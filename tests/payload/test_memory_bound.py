"""Promise P8: seventy-two hours on, the flight core holds what it held after the first few."""

from __future__ import annotations

import gc
import os
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from payload.flight import Flight
from payload.flight_ports import FlightPorts
from payload.storage.durable_store import RING_RECORDS_MAX
from sim.fakes.card_disk import DeskStore
from tests.bundles import sign_bundle
from tests.payload.fakes import FakeGnss, FakeMind, FakeRadio, FakeSensor, SilentHttp
from tests.payload.test_flight import MISSION, PERSONA
from wire.transfer import OUTGOING_BLOCKS_MAX

ROOT = Path(__file__).resolve().parents[2]
HOURS = 72
EXAMPLE = ROOT / "host_training" / "examples" / "edda.bundle"
STEP_S = 60  # the flight core does not ask how often it is stepped; a radio sends a frame a step
BLOCKS_PER_HOUR_MAX = 40  # of Python's allocator, 64 B or so each


class ForgetfulRadio(FakeRadio):
    """Nobody listens, and nothing is kept of what was sent."""

    def offer(self, frame: bytes, now_ms: int) -> bool:
        is_taken = super().offer(frame, now_ms)
        self.sent.clear()
        return is_taken


class ForgetfulMind(FakeMind):
    """Numbers its sentences, and keeps only the last request."""

    asked = 0

    def poll(self, now_ms: int):  # type: ignore[no-untyped-def]
        reply = super().poll(now_ms)
        if reply is not None:
            self.asked += 1
            reply = replace(
                    reply, drafts=[f"{reply.drafts[0][:-1]}, for the {self.asked}th time."])
            del self.requests[:-1]
        return reply


def test_three_days_of_flight_hold_no_more_than_the_first_hours(tmp_path: Path) -> None:
    """Nobody ever answers, so that every queue fills to its bound; then nothing grows."""
    store = DeskStore(tmp_path / "s.sqlite", is_durable=False)
    ports = FlightPorts(
        gnss=FakeGnss(), radio=ForgetfulRadio(), mind=ForgetfulMind(), http=SilentHttp(),
        sensors={
            "outside": FakeSensor("bme280", {"temperature_c": 11.0, "pressure_hpa": 1000.0}),
            "power": FakeSensor("ina219", {"battery_mv": 4000.0}),
        })
    flight = Flight(MISSION, ports, store, PERSONA, None, None, random.Random(1))
    held: dict[int, int] = {}
    for minute in range(HOURS * 60 + 1):
        flight.step(minute * 60_000)
        if minute % (12 * 60) == 0:
            gc.collect()
            held[minute // 60] = sys.getallocatedblocks()
    assert store.count() > 5_000
    assert flight.downlink.outgoing_blocks <= OUTGOING_BLOCKS_MAX
    assert not store._ring and RING_RECORDS_MAX
    growth = (held[HOURS] - held[24]) / (HOURS - 24)
    assert growth < BLOCKS_PER_HOUR_MAX, held
    store.close()


def test_the_flight_core_holds_only_the_libraries_it_uses(tmp_path: Path) -> None:
    """Goal: 60 MB. Method: what is loaded when a signed persona was read and nothing has a pin;
    rich is not on the Pi, and without it neither is a page of help in colours."""
    bundle = tmp_path / "edda.bundle"
    bundle.mkdir()
    (bundle / "persona.json").write_bytes((EXAMPLE / "persona.json").read_bytes())
    trusted = sign_bundle(bundle)
    mission = (ROOT / "mission.toml").read_text()
    for key, value in (("bundle", f'"{bundle.name}"'), ("trusted_keys", f'["{trusted.hex()}"]')):
        mission = re.sub(rf"(?m)^{key} = .*", f"{key} = {value}", mission)
    (tmp_path / "mission.toml").write_text(mission)
    script = (
        "import sys; sys.modules['rich'] = None\n"
        "from pathlib import Path; import payload.__main__ as aboard\n"
        "from payload import onboard_files\n"
        "plan = aboard.mission.load(Path('mission.toml'))\n"
        "assert onboard_files.persona(plan, Path()) is not None\n"
        "print(*sys.modules)\n"
        "sys.argv = ['spacepi-payload', 'run', '--help']; aboard.main()\n")
    ended = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True,
                           text=True, timeout=120, check=True,
                           env={**os.environ, "PYTHONPATH": os.fspath(ROOT)})
    loaded, helped = ended.stdout.split("\n", 1)
    assert not set(loaded.split()) & {
        "cryptography", "cffi", "gpiozero", "llama_cpp", "numpy", "sgp4", "_ssl", "asyncio.events"}
    assert "--mission" in helped
