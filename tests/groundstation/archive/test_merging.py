"""The logs of several stations become one, the same bytes in whatever order they are merged."""

from __future__ import annotations

from pathlib import Path

from groundstation.archive import rawlog
from groundstation.archive.rawlog import BY_MQTT, RawLog, Reception
from groundstation.inputs import gateway
from tests.groundstation.peers.stations import Clock, Station, flight


def log(path: Path, receptions: list[Reception]) -> Path:
    """A raw log with these, numbered."""
    file = RawLog(path, is_durable=False)
    file.append(each._replace(reception_id=number) for number, each in enumerate(receptions, 1))
    file.close()
    return path


def heard(station: str, *seconds: int, source: str = "radio") -> list[Reception]:
    return [Reception(1000 * s, b"frame %d" % s, station, -100.0 - s, None, source)
            for s in seconds]


def test_merging_is_idempotent_to_the_byte(tmp_path: Path, ground) -> None:
    hill = log(tmp_path / "hill.raw", heard("hill", 1, 3, 5))
    car = log(tmp_path / "car.raw", [
        *heard("car", 2, 3), *heard("hill", 3, 5, source=BY_MQTT), *heard("car", 4)])
    orders = ([hill, car], [car, hill], [hill, car, hill], [car, car, hill])
    for number, logs in enumerate(orders):
        status, out, err = ground("merge", *logs, "--out", tmp_path / f"{number}.raw")
        assert (status, err) == (0, "") and "6 receptions; " in out
    merged = [(tmp_path / f"{number}.raw").read_bytes() for number in range(4)]
    assert len(set(merged)) == 1
    ground("merge", tmp_path / "0.raw", hill, "--out", tmp_path / "again.raw")
    assert (tmp_path / "again.raw").read_bytes() == merged[0]
    found = [reception for reception, _ in rawlog.read(tmp_path / "0.raw")]
    assert [r.reception_id for r in found] == [1, 2, 3, 4, 5, 6]
    assert [(r.utc_ms, r.station) for r in found] == sorted((r.utc_ms, r.station) for r in found)
    assert {r.source for r in found} == {"radio"}, "each by the station that received it"


def test_what_cannot_be_merged_is_one_sentence(tmp_path: Path, ground) -> None:
    hill = log(tmp_path / "hill.raw", heard("hill", 1))
    (tmp_path / "empty.raw").touch()
    for logs, out, sentence in (
        ([tmp_path / "none.raw"], "out.raw", "no such raw log"),
        ([hill], "hill.raw", "exists already, and is not overwritten"),
        ([hill], "out.sqlite", "the name of a raw log ends in .raw"),
        ([tmp_path / "empty.raw"], "out.raw", "there is no reception in these files"),
    ):
        status, _, err = ground("merge", *logs, "--out", tmp_path / out)
        assert status == 1 and sentence in err and err.count("\n") == 1, err
        assert not (tmp_path / "out.raw").exists()


def test_half_a_flight_each_merged_after_it_is_what_the_union_heard(tmp_path: Path, ground) -> None:
    clock = Clock()
    hill, car, union = (Station(tmp_path, name, clock, None) for name in ("hill", "car", "all"))
    for number, (at_ms, frame) in enumerate(flight(200)):
        clock.utc_ms = at_ms
        for station in ((hill,), (car,), (hill, car))[number % 3]:
            station.hear(frame)
        union.hear(frame)
    ground("merge", tmp_path / "hill.raw", tmp_path / "car.raw", "--out", tmp_path / "both.raw")
    both = Station(tmp_path / "new", "desk", clock, None)
    both.ground.receive_many(gateway.replay(tmp_path / "both.raw"))
    assert both.flight() == union.flight()
    assert both.rows("SELECT station, frames FROM ear ORDER BY station") == [
        ("car", 133), ("hill", 133)]
