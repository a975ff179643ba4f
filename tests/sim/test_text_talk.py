"""A station without the persona's text model: it asks, the payload answers, every line is read."""

import sqlite3
from pathlib import Path

import pytest

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from sim.fakes.card_disk import DeskStore
from sim.replay import Replay
from sim.world import PersonaParts, World
from tests.sim.flights import hop_rows, mission, sealed_without_model, write_csv
from tests.wire.test_text_codec import model
from wire.bodies import SEALED
from wire.records import Kind, unpack_body


class BareStation(World):
    """A world whose station was set up without the bundle."""

    def _open_ground(self) -> None:
        self.archive = Archive(self.archive_path, is_durable=False)
        self.ground = Ground(self.mission, self.archive, self.uplink_key, self.downlink_key)


def hop(folder: Path, kind: type[World]) -> World:
    replay = Replay(write_csv(folder / "hop.csv", hop_rows()))
    return kind(mission(), 5, "scripted", folder, replay, PersonaParts(codec=model()))


def bodies_of(world: World) -> list[dict]:
    db = sqlite3.connect(world.archive_path)
    kinds = (int(Kind.MUSING), int(Kind.REPLY), int(Kind.QUESTION))
    rows = db.execute(f"SELECT body FROM record WHERE kind IN {kinds}").fetchall()
    db.close()
    return [unpack_body(row[0]) for row in rows]


def test_texts_sealed_at_first_are_all_readable_in_the_end(tmp_path: Path) -> None:
    world = hop(tmp_path, BareStation)
    world.run_until(900)
    world.reboot()  # it is not forgotten with the power
    world.run_until(world.end_s)
    world.close()
    bodies = bodies_of(world)
    assert sealed_without_model(world), "it began with coded texts"
    assert len(bodies) > 8 and all(SEALED not in body and body["text"] for body in bodies)
    archive = Archive(world.archive_path, is_durable=False)
    outbox = archive.db.execute("SELECT state FROM outbox WHERE opcode = 6").fetchall()
    conflicts = archive.db.execute("SELECT COUNT(*) FROM record_conflict").fetchone()[0]
    archive.close()
    assert [row["state"] for row in outbox] == ["answered"] and conflicts == 0
    store = DeskStore(world.payload_path)
    assert store.get("plain_text_models") == [int.from_bytes(model().model_id[:2])]
    store.close()


@pytest.mark.thorough
def test_a_station_with_the_model_reads_them_at_once(tmp_path: Path) -> None:
    world = hop(tmp_path, World)
    world.run_until(900)
    world.restart_ground()
    world.run_until(world.end_s)
    world.close()
    bodies = bodies_of(world)
    assert len(bodies) > 8 and all("text" in body for body in bodies)
    assert len(sealed_without_model(world)) >= len(bodies)
