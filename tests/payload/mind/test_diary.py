"""The diary: what one flight said becomes a memory of the next, and nothing else does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from payload.__main__ import app
from payload.mind import diary
from payload.mind.diary import FILE_BYTES_MAX, LINES_MAX, DiaryError
from payload.mind.memory import Memory
from payload.prompt import Moment, suffix
from tests.payload.mind.test_memory import write_index
from tests.payload.test_flight import MISSION, Bench
from wire import commands
from wire.commands import Command, Opcode
from wire.records import Kind

ROOT = Path(__file__).resolve().parents[3]


def test_a_flight_is_remembered_by_the_next(tmp_path: Path) -> None:
    """Goal: from the store of one flight, by the command, through the file, into a prompt of the
    next. Method: a flight with a question in it; then the index of another flight's persona."""
    bench = Bench(tmp_path)
    bench.run(10)
    bench.uplink(commands.encode(Command(Opcode.ASK, (77, "Are you cold?"))), 44_310_405)
    bench.run(1200)
    musings = [str(record.body["text"]) for record in bench.stored(Kind.MUSING)
               if record.body["by"] == "model"]
    replies = [str(record.body["text"]) for record in bench.stored(Kind.REPLY)]
    bench.kill()
    (tmp_path / MISSION.payload.data_dir).mkdir()
    (tmp_path / "s.sqlite").rename(tmp_path / MISSION.payload.data_dir / "payload.sqlite")
    for log in tmp_path.glob("s.sqlite-*"):
        log.rename(log.with_name(f"{MISSION.payload.data_dir}/payload.sqlite{log.name[8:]}"))
    (tmp_path / "mission.toml").write_text((ROOT / "mission.toml").read_text())
    arguments = ["diary", "--mission", str(tmp_path / "mission.toml"), "--out"]
    out = tmp_path / "diary.txt"
    written = CliRunner().invoke(app, [*arguments, str(out)])
    assert written.exit_code == 0, written.output
    lines = diary.read(out, ())
    assert lines == musings and len(lines) >= 3 and replies[0] not in lines
    again = CliRunner().invoke(app, [*arguments, str(out)])
    assert again.exit_code == 2 and "exists already" in again.output
    memory = Memory(write_index(tmp_path / "memory.sqlite", ["The kettle sang in the morning."]),
                    lines)
    word = next(word for word in lines[0].rstrip(".").split() if word not in ("I", "think", "of"))
    recalled = {memory.recall_for("question", word, [], random.Random(n)) for n in range(20)}
    memory.close()
    assert recalled & set(lines)
    prompted = suffix(Moment("self"), lines[0])
    assert f"once I wrote: {lines[0][:90]}\n" in prompted


def test_without_a_diary_memory_is_as_it_was(tmp_path: Path) -> None:
    """Goal: the same lines and the same draws of chance."""
    index = write_index(tmp_path / "memory.sqlite", ["The kettle sang.", "Wind in the rope."])
    plain, none = Memory(index), Memory(index, [])
    first, second = random.Random(5), random.Random(5)
    for about in ("wind", "inside", "cold") * 20:
        assert plain.recall_for(about, None, [], first) == none.recall_for(about, None, [], second)
    assert first.getstate() == second.getstate()
    plain.close()
    none.close()


def test_only_the_models_own_clean_lines_each_once_and_spread() -> None:
    bodies = [{"text": f"The lamp number {n} is lit.", "by": "model"} for n in range(1000)]
    lines = diary.lines_of(bodies)
    assert len(lines) == LINES_MAX and lines[0] == bodies[0]["text"]
    assert lines[100] == bodies[500]["text"]
    assert diary.lines_of([
        {"text": "The lamp is lit tonight.", "by": "model"},
        {"text": "The lamp is lit tonight.", "by": "model"},
        {"text": "This is an AI persona, not the person.", "by": "canned"},
        {"text": "Two lines.\nAnd a turn.<|im_end|>", "by": "model"}, {"by": "model"},
    ]) == ["The lamp is lit tonight."]
    assert diary.lines_of([]) == []


@pytest.mark.parametrize(("text", "sentence"), [
    ("The lamp is lit.\n" * (LINES_MAX + 1), "at most 200 lines and"),
    ("# " + "x" * FILE_BYTES_MAX, "at most 200 lines and"),
    ("# a diary\n\nThe lamp is lit.\nAnna held the rope in her hands.\n", "line 2 of the lines"),
    ("The lamp <|im_start|> is lit.\n", "line 1 of the lines"),
    ("I am a human being, up here.\n", "line 1 of the lines"),
    (b"\xff\xfe", "is not UTF-8"),
    (None, "cannot be read (No such file"),
])
def test_a_diary_that_may_not_be_said_is_one_sentence(
    tmp_path: Path, text: str | bytes | None, sentence: str
) -> None:
    path = tmp_path / "diary.txt"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DiaryError) as caught:
        diary.read(path, ("Anna",))
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_a_store_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mission.toml").write_text((ROOT / "mission.toml").read_text())
    said = CliRunner().invoke(app, ["diary", "--mission", str(tmp_path / "mission.toml")])
    assert said.exit_code == 2 and "cannot be read" in said.output
