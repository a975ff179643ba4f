"""A short flight of the real processes on the bench rig: killed, muted, commanded, nothing lost.

The test waits for what must happen, never for time to pass. Longer ones are flown by hand with
``spacepi-sim bench-rig``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.__main__ import app
from sim.rig import faults
from sim.rig.bench import Bench, RigSettings
from sim.rig.command import judge
from sim.rig.faults import RigPlayer
from tests.sim.flights import ROOT, mission
from wire import frames
from wire.frames import FrameCounter, IncarnationFrame
from wire.mission import Mission
from wire.records import Kind, Priority, Record, TimeQuality
from wire.session import Session
from wire.transfer import Sender

WAIT_MS = 120_000  # a bound for a hung test, never the measure of a passing one
KEY = bytes(range(32))


def quick() -> Mission:
    """The example mission, more talkative."""
    plan = mission()
    return plan.model_copy(update={
        "radio": plan.radio.model_copy(
            update={"rate_bps": 200_000, "listen_every_s": 5, "listen_s": 1}),
        "cadence": plan.cadence.model_copy(
            update={"beacon_ground_s": 5}),
        "sensors": plan.sensors.model_copy(update={"i2c_bus": 20, "camera": False}),
    })


class Flight:
    """A bench flight that goes on from event to event."""

    def __init__(self, folder: Path) -> None:
        self.lines: list[str] = []
        settings = RigSettings(3600.0, loss=0.0, has_mind=False, command_every_s=0.0)
        self.bench = Bench(
            folder, quick(), ROOT / "mission.toml", KEY, settings, self.lines.append)
        self.player = RigPlayer(self.bench, [])

    def until(self, is_over: Callable[[], bool]) -> None:
        loop = self.bench.loop
        end_ms = loop.clock.now_ms + WAIT_MS
        loop.run_until(lambda: is_over() or loop.clock.now_ms > end_ms)
        assert is_over(), "\n".join(self.lines)

    def more(self, beacons: int, records: int) -> None:
        """Until so many more of each went out at the radio port."""
        sent = self.bench.sent
        beacons += sent.counts["BeaconFrame"]
        records += len(sent.records)
        self.until(lambda: sent.counts["BeaconFrame"] >= beacons and len(sent.records) >= records)

    def kill(self) -> None:
        starts = self.bench.payload.counts["starts"]
        faults.find("core.kill").begin(self.bench)
        self.until(lambda: self.bench.payload.counts["starts"] > starts)
        self.more(beacons=1, records=1)


@pytest.mark.thorough
def test_two_kills_a_stuck_log_and_a_killed_station_lose_nothing(tmp_path: Path) -> None:
    flight = Flight(tmp_path / "bench")
    bench = flight.bench
    with closing(bench):
        bench.start()
        flight.more(beacons=1, records=1)
        faults.find("core.second_instance").begin(bench)
        flight.until(lambda: any("has this store open" in line for line in flight.lines))
        bench.command(0)
        flight.kill()
        unmute = faults.find("journal.stuck").begin(bench)
        flight.until(lambda: any(
            record.kind is Kind.COMMAND_RESULT for record in bench.sent.records.values()))
        assert unmute is not None
        unmute()
        faults.find("ground.kill").begin(bench)
        flight.kill()
        flight.until(lambda: bench.station.is_running and bench.station_modem.is_used)
        flight.more(beacons=1, records=1)
        bench.stop()
        findings, numbers = judge(bench, flight.player)
    # How late a beacon was is a question of time, which no test may ask.
    broken = [str(found) for found in findings
              if not found.is_good and "beacons sent" not in found.sentence]
    assert broken == [], "\n".join(flight.lines)
    assert bench.payload.counts == {"starts": 3, "kills": 2}
    assert bench.station.counts == {"starts": 2, "kills": 1}
    words = "\n".join(map(str, findings))
    assert "records of 3 lives" in words and "1 commands: " in words
    assert numbers[0].endswith("lost 0") and numbers[3] == "kills     daemon 2   mind 0   station 1"
    assert not any(line.startswith("Traceback") for line in flight.lines)


def test_two_that_wait_for_a_new_record_are_two(tmp_path: Path) -> None:
    """Found by the bench: a kill whose time was over took that of the next one with it."""
    struck: list[str] = []
    with closing(Flight(tmp_path / "bench").bench) as bench:
        strike = partial(struck.append, "!")
        forget = bench.at_next_record(strike)
        bench.at_next_record(strike)
        key = bench.mission.downlink_key(KEY)
        session = Session(16, 1)
        sender = Sender(7, bench.mission.symbol_mtu_bytes, session)
        told = IncarnationFrame(7, FrameCounter(1, 0), session)
        bench.payload_modem.on_frame(frames.encode_downlink(told, key))
        for number in range(1, 4):
            body = {"event": "boot", "severity": "info"}
            sender.push(Record(number, Kind.EVENT, 1, 0, TimeQuality.NONE, body), 0)
            sender.flush(Priority.EVENT)
            frame = sender.next_frame(FrameCounter(1, number), number, 10_000 * number)
            assert frame is not None
            bench.payload_modem.on_frame(frames.encode_downlink(frame, key))
            forget()
            assert len(bench.sent.records) == number and len(struck) == min(number, 2)


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--fault", "00:00:10 gnss.melt"], "unknown bench fault 'gnss.melt'"),
    (["--fault", "00:11:00 core.kill"], "ends after 600 s"),
    (["--mission", "absent.toml"], "absent.toml: no such mission file"),
    (["--replay", "absent.csv"], "absent.csv"),
    (["--out", "."], "is not empty: choose another --out."),
])
def test_what_cannot_be_flown_is_one_sentence(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mission.toml").write_text((ROOT / "mission.toml").read_text())
    ended = CliRunner().invoke(app, ["bench-rig", *arguments])
    assert ended.exit_code == 2
    assert sentence in ended.output and len(ended.output.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mission.toml"], "nothing was begun"
