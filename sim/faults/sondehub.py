"""SondeHub faults (docs/faults.md, 77 and 81): arbitrary answers, and a station restart."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial

from groundstation.archive.schema import connect_reader
from groundstation.share.sondehub import Unanswered
from groundstation.share.upload_queue import UploadQueue
from groundstation.share.uploader import EVERY_S, Uploader
from sim.fakes.sondehub import SimSondeHub, StationKilled
from sim.faults.stage import End, Fault, Stage

CALLSIGN = "D0TEST"
TURNS_MAX = 200  # of an uploader that is given a calm server


class _Station:
    """The uploader of the station, and what comes after it when it is killed."""

    def __init__(self, stage: Stage, may_kill: bool) -> None:
        self._stage = stage
        ground = {"sondehub": "on", "sondehub_callsign": CALLSIGN}
        world = stage.world
        self._mission = world.mission.model_copy(
            update={"ground": world.mission.ground.model_copy(update=ground)})
        self.server = SimSondeHub(stage.rng)
        self.server.may_kill = may_kill
        self._restart()
        self._before = replace(self._queue.progress)

    def _restart(self) -> None:
        self._queue = UploadQueue(self._stage.world.archive_path, self._mission)
        self._uploader = Uploader(self._queue, self._mission, self.server)

    def look(self) -> None:
        """What comes every few seconds."""
        self.turn()

    def turn(self) -> bool:
        """One round; False when there is nothing to tell, or nobody to tell it to."""
        try:
            return self._uploader.turn(self._stage.world.air.ground_utc_ms)
        except Unanswered:
            return False
        except StationKilled:
            self._queue.close()
            self._restart()
            return True

    def finish(self) -> None:
        """The other end is calm again: everything must be settled, and once."""
        self.server.is_calm, self.server.may_kill = True, False
        for _ in range(TURNS_MAX):
            if not self.turn():
                break
        self._queue.close()
        for flaw in self._flaws():
            self._stage.violate("archive_complete", flaw)

    def _flaws(self) -> list[str]:
        server, progress, before = self.server, self._queue.progress, self._before
        with closing(connect_reader(self._stage.world.archive_path)) as db:
            beacons, last = db.execute(
                "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM beacon WHERE node_id = ? AND id > ?",
                (self._mission.payload.node_id, before.upto)).fetchone()
        flaws = list(server.flaws)
        uploaded = progress.taken + progress.refused - before.taken - before.refused
        aside = progress.set_aside - before.set_aside
        passed_over = progress.passed_over - before.passed_over
        if progress.upto < last or uploaded + aside + passed_over != beacons:
            flaws.append(
                f"of {beacons} beacons {uploaded} were told to SondeHub, {aside} set aside and"
                f" {passed_over} passed over, up to {progress.upto} of {last}")
        if any(count > 1 + server.alone[key] for key, count in server.settled.items()):
            flaws.append("a position was settled with SondeHub twice")
        if any(count > 1 + server.alone[key] + server.unsettled[key]
               for key, count in server.stored.items()):
            flaws.append("SondeHub has a position twice, though its answer got through")
        if not uploaded <= len(server.settled) <= uploaded + aside:
            flaws.append("the page counts other uploads than SondeHub")
        return flaws


def _upload(stage: Stage, may_kill: bool) -> End | None:
    """A station has one uploader: while one is at work, there is no place for another."""
    if stage.is_uploading:
        return None
    stage.is_uploading = True
    station = _Station(stage, may_kill)
    stop = stage.every(EVERY_S, station.look)

    def end() -> None:
        stop()
        station.finish()
        stage.is_uploading = False

    return end


FAULTS: tuple[Fault, ...] = (
    Fault(77, "sondehub.answers", "SondeHub answers 202, 400, 429, 500, HTML, or not at all",
          partial(_upload, may_kill=False), (300.0, 1800.0)),
    Fault(81, "sondehub.restart", "the station is killed after an upload, before it is recorded",
          partial(_upload, may_kill=True), (300.0, 1800.0)),
)
