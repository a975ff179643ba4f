"""Memory: a small index made here with the schema of the bundle."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from payload.mind.memory import (
    CANDIDATES_MAX,
    VALUE_BYTES_MAX,
    Memory,
    MemoryAbsent,
    indexed,
    sentence,
)

TEXTS = ["The frost on the gate was thick this morning.", "Frost again, and the pump is stuck.",
         "Nobody wrote back about the lamp.", "Über den Hügeln lag Nebel."]


# Of writing without spaces: what is asked, and the one sentence that answers it.
PLANTED = {
    "月亮": "我在篱笆旁边又看见了月亮。", "你还记得祖母说过什么吗？": "祖母说过,云会自己走开。",
    "猫は好きですか": "猫が屋根の上で眠っていた。", "カメラは今どこ？": "カメラは箱の中に入れた。",
    "さくらを見た？": "庭にさくらが咲いていた。", "ｶﾒﾗ": "カメラは箱の中に入れた。",
    "คุณยังจำย่าของคุณได้ไหม": "ฉันไปเยี่ยมย่าเมื่อวานนี้", "ดวงจันทร์": "คืนนี้ดวงจันทร์สว่างมาก",
    "ยาอยู่ที่ไหน": "หมอลืมยาอยู่ที่บ้าน", "바람은 어때?": "바람이 지붕을 흔들었다.",
    "ທ່ານເຫັນດວງເດືອນບໍ": "ດວງເດືອນຢູ່ເທິງຫຼັງຄາ", "abc月亮abc": "我在篱笆旁边又看见了月亮。",
}


def write_index(path: Path, texts: list[str]) -> Path:
    database = sqlite3.connect(path)
    database.execute(
        "CREATE VIRTUAL TABLE memory USING fts5(text, source UNINDEXED, utc_ms UNINDEXED,"
        " tokenize='unicode61 remove_diacritics 2')")
    database.executemany("INSERT INTO memory VALUES (?, 'note', 0)", [(text,) for text in texts])
    database.commit()
    database.close()
    return path


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return write_index(tmp_path / "memory.sqlite", TEXTS)


@pytest.mark.parametrize("asked", PLANTED)
def test_writing_without_spaces_is_found(tmp_path: Path, asked: str) -> None:
    """Goal: a word inside a line without spaces is found, its second line never shown.

    Method: all planted sentences in one index beside English ones, each asked for in its script.
    """
    texts = [*TEXTS, *dict.fromkeys(PLANTED.values())]
    memory = Memory(write_index(tmp_path / "memory.sqlite", [indexed(text) for text in texts]))
    assert memory.recall(asked.split(), []) == PLANTED[asked]
    assert memory.recall(["frost"], []) in TEXTS[:2]
    assert memory.recall(["に"], []) is None


def test_a_sentence_with_spaces_is_stored_as_it_is_read() -> None:
    """So an index made before there were pieces is read in the same way."""
    assert [indexed(text) for text in TEXTS] == TEXTS
    assert indexed("two\nlines 月亮星") == "two lines 月亮星\n月亮 亮星"
    for text in (*TEXTS, *PLANTED.values()):
        assert sentence(indexed(text)) == text


def test_a_value_of_megabytes_is_no_sentence(index: Path) -> None:
    """A damaged size is not believed: SQLite would ask for that much memory."""
    database = sqlite3.connect(index)
    database.execute("DELETE FROM memory")
    database.execute("INSERT INTO memory VALUES (?, 'note', 0)", ("x " * VALUE_BYTES_MAX,))
    database.commit()
    database.close()
    with pytest.raises(MemoryAbsent, match="too big"):
        Memory(index)


def test_it_finds_and_avoids(index: Path) -> None:
    """Goal: the best sentence, the next one when it is to be avoided, then none."""
    memory = Memory(index)
    first = memory.recall(["frost"], [])
    second = memory.recall(["frost"], [first])
    assert {first, second} == set(TEXTS[:2])
    assert memory.recall(["frost"], [first, second]) is None
    assert memory.recall(["hugeln"], []) == TEXTS[3]
    assert memory.recall(["frost"], []) == first


@pytest.mark.parametrize(
    "words",
    [[], [""], ["a"], ['"', "'"], ["NEAR("], ['frost" OR "lamp'], ["text:frost*"], ["-"] * 99,
     ["\udcff" * 4], ["AND", "OR", "NOT"], ["x" * 100_000], ["\x00abc"],
     ["月" * 100_000], ['月"亮', "\u0e31" * 5], ["\ue000" * 4]])
def test_hostile_words_are_only_words(index: Path, words: list[str]) -> None:
    """Goal: nothing from the radio reaches the query language. Method: nasty words."""
    memory = Memory(index)
    assert memory.recall(words, []) in {None, *TEXTS}
    assert memory.recall(["frost"], []) is not None


def test_a_missing_or_foreign_file_is_one_named_error(tmp_path: Path, index: Path) -> None:
    """Goal: fly without. Method: no file, an empty one, noise, and half an index."""
    with pytest.raises(MemoryAbsent):
        Memory(tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
    for name, data in (("empty", b""), ("noise", b"\x00" * 9000), ("text", b"hello" * 2000)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MemoryAbsent):
            Memory(tmp_path / name)


def test_a_damaged_index_costs_the_memory_only(index: Path) -> None:
    """Goal: errors are counted, None is answered. Method: noise in every page but the first."""
    data = bytearray(index.read_bytes())
    for offset in range(4096 + 100, len(data), 7):
        data[offset] ^= 0x5A
    index.write_bytes(data)
    try:
        memory = Memory(index)
    except MemoryAbsent:
        return
    assert memory.recall(["frost"], []) in {None, *TEXTS}
    assert CANDIDATES_MAX < 100


def test_it_writes_nothing(index: Path) -> None:
    """Goal: read-only on a read-only card. Method: compare the folder and the bytes."""
    before = index.read_bytes()
    Memory(index).recall(["frost"], [])
    assert index.read_bytes() == before
    assert list(index.parent.iterdir()) == [index]


def test_what_comes_to_mind_at_a_moment(index: Path) -> None:
    """Goal: a question always looks, a topic as often as training was given a memory.

    Method: a thousand moments of each; the words of a topic are the table's.
    """
    memory, rng = Memory(index), random.Random(1)
    asked = [memory.recall_for("question", "Who wrote of the lamp?", [], rng) for _ in range(100)]
    assert asked == [TEXTS[2]] * 100
    found = [memory.recall_for("cold", None, [], rng) for _ in range(1000)]
    assert set(found) == {None, memory.recall(["cold", "winter", "frost", "snow"], [])}
    assert 0.25 < sum(text is not None for text in found) / 1000 < 0.35
    assert {memory.recall_for("no such topic", None, [], rng) for _ in range(100)} == {None}
