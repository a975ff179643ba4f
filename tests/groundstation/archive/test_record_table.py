"""Records that came together: as many statements as for one, and the rows of one at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from groundstation.archive import record_table
from groundstation.archive.archive import Archive
from tests.groundstation.far_end import START_MS
from wire.auth import Authenticity
from wire.records import Kind, Record, TimeQuality

NODE_ID = 7


def musing(number):
    return Record(number, Kind.MUSING, 1, START_MS, TimeQuality.GPS, {"text": f"thought {number}"})


def add(archive, records, life=0):
    with archive.batch():
        return record_table.add(
            archive, NODE_ID, records, START_MS, Authenticity.UNSIGNED, life)


def rows(archive):
    return [tuple(row) for row in archive.db.execute("SELECT * FROM record")]


def changes(archive):
    return [tuple(row) for row in archive.db.execute("SELECT what, ref FROM change")]


def test_records_that_come_together_are_kept_as_if_they_came_alone(archive, tmp_path):
    alone = Archive(tmp_path / "alone.sqlite", is_durable=False)
    sent = [musing(number) for number in (9, 4, 5)]
    assert add(archive, sent) == sent
    assert [add(alone, [record]) for record in sent] == [[record] for record in sent]
    assert rows(archive) == rows(alone) and changes(archive) == changes(alone)
    assert changes(archive) == [("record", 1), ("record", 2), ("record", 3)]
    alone.close()


@pytest.mark.parametrize("known", [(4,), (4, 9), (4, 5, 9)])
def test_of_records_some_of_which_are_known_the_others_are_new(archive, known):
    add(archive, [musing(number) for number in known])
    sent = [musing(number) for number in (9, 4, 5)]
    assert add(archive, sent, life=1) == [each for each in sent if each.record_id not in known]
    assert len(rows(archive)) == len(changes(archive)) == 3


def test_the_same_id_twice_in_one_frame_is_one_record_and_a_conflict(archive):
    other = replace(musing(4), body={"text": "another"})
    assert add(archive, [musing(4), musing(4), other]) == [musing(4)]
    assert len(rows(archive)) == 1
    assert archive.db.execute("SELECT COUNT(*) FROM record_conflict").fetchone()[0] == 1


def test_a_group_of_records_costs_one_look_and_not_one_each(archive):
    said = []
    with archive.batch():
        archive.db.set_trace_callback(said.append)
        record_table.add(
            archive, NODE_ID, [musing(n) for n in range(20)], START_MS, Authenticity.UNSIGNED)
        archive.db.set_trace_callback(None)
    assert sum(statement.startswith("SELECT 1 FROM record") for statement in said) == 1


def test_what_is_rolled_back_leaves_no_line_in_the_change_log(archive):
    def broken():
        with archive.batch():
            record_table.add(archive, NODE_ID, [musing(1)], START_MS, Authenticity.UNSIGNED)
            raise RecursionError

    with pytest.raises(RecursionError):
        broken()
    add(archive, [musing(2)])
    assert changes(archive) == [("record", 1)]
