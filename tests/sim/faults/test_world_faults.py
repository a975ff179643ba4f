"""Hooks at the level of the world: wired to the right place, and survivable where they must be.

What the payload makes of every fault in a whole flight is for the list of faults; here a hook is
shown to reach the flight, and to leave it again.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from sim.fakes.board import PI_4, PI_5, Firmware
from sim.fakes.gnss_settings import M10
from sim.hardware import Hardware
from sim.replay import Replay
from sim.scenario import Conditions
from sim.world import World
from tests.payload import aboard
from tests.sim.flights import hop_rows, hop_world, mission, write_csv
from tests.thorough import sampled
from wire.beacon import PowerMode
from wire.mission import Mission
from wire.records import Kind, unpack_body


def _world(
    folder: Path, hardware: Hardware | None = None, plan: Mission | None = None,
    charge: float | None = None,
) -> World:
    replay = Replay(write_csv(folder / "hop.csv", hop_rows()))
    conditions = Conditions(hardware=hardware or Hardware(), charge=charge)
    return World(plan or mission(), 5, "scripted", folder, replay, None, conditions)


def _events(world: World) -> list[str]:
    assert world.store is not None
    bodies = world.store.writer.db.execute(
        "SELECT body FROM record WHERE kind = ? ORDER BY id", (int(Kind.EVENT),)
    ).fetchall()
    return [unpack_body(body)["event"] for (body,) in bodies]


def _musings(world: World) -> int:
    assert world.store is not None
    return sum(r.kind is Kind.MUSING for r in aboard.records(world.store).values())


def _value(world: World, quantity: str) -> float | None:
    assert world.flight is not None
    now_ms = world.daemon.now_ms
    return world.flight.sensors.latest(quantity, now_ms)


@pytest.mark.thorough
def test_sensors_and_receiver_are_chosen(tmp_path: Path) -> None:
    """BMP388 and INA226 from the mission file, an M10 and a Pi 5 as hardware: all measure."""
    plan = mission()
    sensors = plan.sensors.model_copy(update={
        "outside": "bmp388", "outside_address": 0x77, "power": "ina226", "power_address": 0x44,
    })
    world = _world(tmp_path, Hardware(PI_5, M10), plan.model_copy(update={"sensors": sensors}))
    world.run_until(100)
    outside_c, pressure_pa, _ = world.body.air()
    assert _value(world, "outside_c") == pytest.approx(outside_c, abs=0.5)
    assert _value(world, "pressure_hpa") == pytest.approx(pressure_pa / 100, abs=0.5)
    assert _value(world, "humidity_pct") is None
    assert world.flight is not None
    assert world.receiver.dynamic_model == 6
    assert world.flight.navigation.fix is not None
    world.close()


@pytest.mark.thorough
def test_without_sensors(tmp_path: Path) -> None:
    plan = mission()
    sensors = plan.sensors.model_copy(update={"outside": "none", "power": "none"})
    world = _world(tmp_path, None, plan.model_copy(update={"sensors": sensors}))
    world.run_until(60)
    assert world.flight is not None
    assert (world.flight.sensors.faults, _value(world, "battery_mv")) == (set(), None)
    world.close()


def test_the_payload_starts_with_the_first_run(tmp_path: Path) -> None:
    """A modem that is absent then is absent from the first step; it appears later."""
    world = hop_world(tmp_path)
    assert (world.flight, world.boots) == (None, 0)
    world.radio.is_unplugged = True
    world.run_until(60)
    assert (world.boots, sum(world.channel.sent.values())) == (1, 0)
    world.radio.is_unplugged = False
    world.run_until(100)
    assert world.channel.sent["beacon"] >= 1
    world.close()


def test_a_bus_held_low_takes_time_from_the_flight(tmp_path: Path) -> None:
    """Two chips at 900 ms a transfer: every round of a second takes nearly two."""
    world = hop_world(tmp_path)
    world.run_until(100)
    assert world.watchdog.longest_wait_ms <= 1_000
    world.bus.is_stuck_low, world.bus.stall_ms = True, 900
    world.run_until(160)
    assert world.watchdog.longest_wait_ms >= 1_800
    assert 30 <= world.bus.failures["ETIMEDOUT"] / 2 <= 34
    world.bus.is_stuck_low = False
    world.run_until(200)
    assert _value(world, "outside_c") is not None
    assert world.boots == 1
    world.close()


def test_a_call_that_blocks_for_a_minute_is_ended_by_the_watchdog(tmp_path: Path) -> None:
    """Without a limit in the driver the daemon is killed within the call, and started again."""
    world = hop_world(tmp_path)
    world.run_until(100)
    world.bus.is_stuck_low, world.bus.stall_ms = True, 60_000
    world.run_until(130)
    assert world.flight is None
    assert world.watchdog.bites == 1
    assert not world.body.is_off
    world.bus.is_stuck_low = False
    world.run_until(200)
    assert world.boots == 2
    assert world.flight is not None
    world.close()


@pytest.mark.thorough
def test_a_board_that_hangs_takes_time_too(tmp_path: Path) -> None:
    world = hop_world(tmp_path)
    world.run_until(50)
    world.board.firmware, world.board.hang_ms = Firmware.HANGING, 3_000
    world.run_until(80)
    assert 3_000 <= world.watchdog.longest_wait_ms < 8_000
    world.close()


@pytest.mark.thorough
def test_a_brown_out_ends_the_boot_and_warmth_begins_another(tmp_path: Path) -> None:
    """Receiver, chips and modem start afresh too; what was committed is still there."""
    world = _world(tmp_path, Hardware(PI_4, has_brownout=True))
    world.run_until(100)
    assert world.store is not None
    stored = aboard.records(world.store).keys()
    world.radio.is_stuck_sending = True
    world.body.forced_battery_mv = lambda t_s: 2_500.0
    world.run_until(130)
    assert (world.flight, world.body.is_off, world.body.is_browned_out) == (None, True, True)
    world.reboot(1_000)
    world.run_until(200)
    assert world.flight is None, "nothing starts without a supply"
    world.body.forced_battery_mv = None
    world.run_until(203)
    assert world.receiver.dynamic_model == 0
    assert not world.radio.is_stuck_sending
    world.run_until(300)
    assert (world.boots, world.receiver.dynamic_model) == (2, 6)
    assert world.store is not None
    assert aboard.records(world.store).keys() >= stored
    world.close()


@pytest.mark.thorough
def test_two_reboots_at_once_are_one(tmp_path: Path) -> None:
    world = hop_world(tmp_path)
    world.run_until(50)
    world.reboot(5_000)
    world.reboot(9_000)
    world.run_until(58)
    assert world.flight is None
    world.run_until(100)
    assert world.boots == 2
    world.close()


def test_hot_and_under_voltage_reach_the_flight(tmp_path: Path) -> None:
    world = _world(tmp_path, Hardware(PI_4))
    world.run_until(60)
    world.board.forced_soc_c = 85.0
    world.body.forced_battery_mv = lambda t_s: 2_900.0
    world.run_until(90)
    assert world.flight is not None
    assert world.flight.power.mode is PowerMode.CRITICAL
    assert {"mind_paused", "undervoltage"} <= set(_events(world))
    world.close()


@pytest.mark.thorough
def test_a_frozen_box_stops_the_mind_until_it_has_been_warm_for_ten_minutes(
    tmp_path: Path
) -> None:
    """At -45 C in the box the board is below -20 C; the first musing would be due at 60 s."""
    world = hop_world(tmp_path)
    world.run_until(10)
    world.body.forced_inside_c = -45.0
    world.run_until(400)
    assert world.flight is not None
    assert not world.flight.power.may_think
    assert world.flight.power.mode is not PowerMode.UNKNOWN
    assert _events(world).count("battery_frozen") == 1
    assert _musings(world) == 0
    world.body.forced_inside_c = 20.0
    world.run_until(1_300)
    assert _events(world).count("battery_frozen_over") == 1
    assert _musings(world) > 0
    world.close()


@pytest.mark.thorough
def test_what_was_drawn_halves_the_thoughts_while_the_voltage_is_still_good(
    tmp_path: Path
) -> None:
    """A cell of 100 mAh and a limit at its end: ECO comes with a quarter left, over a reboot."""
    plan = mission()
    power = plan.power.model_copy(update={
        "capacity_mah": 100, "eco_mv": 3450, "low_mv": 3300, "critical_mv": 3200})
    world = _world(tmp_path, plan=plan.model_copy(update={"power": power}), charge=1.0)
    world.run_until(500)
    world.reboot(5_000)
    world.run_until(600)
    while world.flight is not None and world.flight.power.mode is PowerMode.NOMINAL:
        world.run_until(world.clock.now_s + 10)
        assert world.clock.now_s < 1_500
    assert world.flight is not None
    assert (world.boots, world.flight.power.mode) == (2, PowerMode.ECO)
    assert world.body.supply_mv() > power.eco_mv
    assert world.body.charge() == pytest.approx(0.25, abs=0.1)
    assert "battery_changed" not in _events(world)
    world.close()


def test_the_camera_jams_the_receiver_while_it_runs(tmp_path: Path) -> None:
    world = hop_world(tmp_path)
    world.receiver.jam_level = 1.0
    seen = []
    for second in range(25, 60):
        world.run_until(second)
        seen.append((world.camera.is_capturing, world.receiver._settings.jam_indicator > 200))
    assert {now for now, _ in seen} == {False, True}
    assert any(is_jammed for _, is_jammed in seen)
    for (was_capturing, _), (is_capturing, is_jammed) in pairwise(seen):
        assert not is_jammed or was_capturing or is_capturing  # shown until the next epoch
    world.close()


@pytest.mark.thorough
def test_strangers_and_an_attacker_are_heard_and_change_nothing(tmp_path: Path) -> None:
    """Foreign frames are filed as foreign, replays and forgeries move no counter."""
    world = hop_world(tmp_path)
    world.strangers.foreign_per_hour = world.strangers.noise_per_hour = 400
    world.strangers.replays_per_hour = world.strangers.forged_per_hour = 400
    world.run_until(900)
    assert {"foreign", "noise", "replay", "forged"} <= set(world.channel.counts)
    assert world.flight is not None
    assert world.archive is not None
    nodes = {row[0] for row in world.archive.db.execute("SELECT DISTINCT node_id FROM beacon")}
    ours = world.mission.payload.node_id
    assert nodes == {ours, ours % 254 + 1}
    counts, gate = world.channel.counts, world.flight.gate
    assert 0 < gate.bad_frames <= counts["forged"] + counts["up_flipped"] + counts["noise"]
    assert 0 < gate.replayed_frames <= counts["replay"] + counts["up_duplicated"]
    assert world.archive.take_counter(world.clock.utc_ms, "feedback") > gate.last_counter
    world.close()


@pytest.mark.thorough
@pytest.mark.parametrize("direction", sampled(["down", "up"]))
def test_an_outage_of_one_direction(tmp_path: Path, direction: str) -> None:
    world = hop_world(tmp_path)
    world.run_until(100)
    leg = getattr(world.channel, direction)
    leg.cuts.append((100_000, 400_000))
    heard = dict(world.channel.heard)
    world.run_until(395)
    names = {"down": ("beacon", "data"), "up": ("feedback", "command")}
    assert all(world.channel.heard[name] == heard.get(name, 0) for name in names[direction])
    assert world.channel.counts[f"{direction}_cut"] > 0
    world.run_until(700)
    assert sum(world.channel.heard[name] for name in names[direction]) > sum(
        heard.get(name, 0) for name in names[direction])
    world.close()


@pytest.mark.thorough
def test_heavy_wear_loses_and_falsifies_nothing(tmp_path: Path) -> None:
    """A third of all frames damaged, doubled, late or joined, both ways: what is heard is true."""
    world = hop_world(tmp_path)
    for leg in (world.channel.down, world.channel.up):
        for name in ("flipped", "duplicated", "truncated", "reordered", "late", "joined"):
            setattr(leg.wear, name, 0.05)
    world.run_until(world.end_s)
    assert world.store is not None
    assert world.archive is not None
    aboard = dict(world.store.writer.db.execute("SELECT id, body FROM record").fetchall())
    heard = world.archive.db.execute("SELECT record_id, body FROM record").fetchall()
    assert len(heard) > 0.8 * len(aboard)
    assert all(unpack_body(aboard[number]) == unpack_body(body) for number, body in heard)
    world.close()


def _battered(folder: Path) -> bytes:
    """Ten minutes with something wrong everywhere; the station's raw log of it."""
    world = _world(folder, Hardware(PI_4, M10, has_brownout=True, send_dip_mv=200.0))
    world.bus.eio_one_in = 4
    world.receiver.bad_checksum_part = world.receiver.jam_level = 0.5
    for leg in (world.channel.down, world.channel.up):
        for name in ("flipped", "duplicated", "truncated", "reordered", "late", "joined"):
            setattr(leg.wear, name, 0.03)
    for name in ("foreign", "noise", "replays", "forged"):
        setattr(world.strangers, f"{name}_per_hour", 200)
    world.run_until(250)
    world.body.forced_battery_mv = lambda t_s: 2_500.0 if t_s < 300 else 3_700.0
    world.run_until(600)
    assert world.boots == 2
    world.close()
    return (folder / "archive.raw").read_bytes()


@pytest.mark.thorough
def test_a_battered_flight_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert _battered(first) == _battered(second)
