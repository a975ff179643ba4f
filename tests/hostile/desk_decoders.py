"""The decoders of the desk: a person's exports, and recorded flights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from host_training.common.messages import Message, Notes
from host_training.common.persona_dir import read_persona
from host_training.corpus.sessions import split_sessions
from host_training.errors import TrainingError
from host_training.importers import word
from host_training.importers.notebook import import_notebook
from host_training.importers.registry import read_all, recognise
from host_training.importers.tree import Tree
from host_training.importers.word import NotWordError
from sim.replay import Replay, ReplayError
from tests.host_training.conftest import NOTEBOOK, telegram_export
from tests.host_training.importers.chat_exports import CHATS
from tests.host_training.importers.chats_as_text import READABLE
from tests.host_training.importers.reading import as_bytes, zipped
from tests.host_training.importers.writing_exports import WRITING
from tests.hostile.registry import (
    CELLS,
    JSON_WORDS,
    TOML_WORDS,
    XML_WORDS,
    Decoder,
    Take,
    Tape,
    in_file,
    plain,
)
from tests.sim.flights import hop_rows, write_csv

_MIB = 1 << 20
_PEAK_BYTES = 8 * _MIB  # the encoding of 64 KiB is guessed by trying every one there is
_UTC_MS_MAX = 253_402_300_800_000  # the end of the year 9999
_CHANNEL = "package/messages/c1"
_DISCORD = [{"ID": 5, "Timestamp": "2024-11-17 20:05:17", "Contents": "Nothing <@1> flew."}]
_CSV = b"ID,Timestamp,Contents,Attachments\n5,2024-11-17 20:05:17.123000+00:00,Nothing flew.,\n"
_WHATSAPP = b"25/12/2020, 22:05 - Bo: Did it fly?\n[25.12.20, 22:06:11] Ada: It did.\nMostly.\n"
_MAIL = (b"From x@y Sat Mar 06 17:00:00 2021\nFrom: Ada <ada@x.org>\nDate: Sat, 6 Mar 2021 18:00:00"
         b" +0100\nContent-Type: text/html\n\n<p>It flew.</p><blockquote>Did it?</blockquote>\n")
_PAIRS = b'{"instruction": "Are you cold?", "output": "No."}\n'
_RELATIONS = b'<R><Relationship Type="x/officeDocument" Target="word/document.xml"/></R>'
_DOCUMENT = (b'<w:document xmlns:w="x"><w:body><w:p><w:r><w:t>It flew.</w:t><w:br w:type="page"/>'
             b"</w:r></w:p></w:body></w:document>")
_PERSONA = b'name = "Ada"\nauthor = "A"\ndisclosure = "An AI."\nsystem = "Be Ada."\nme = ["u1"]\n'


def _usable(messages: list[Message]) -> object:
    """What was imported can be dated, put into sessions and kept in a table."""
    for message in messages:
        assert isinstance(message.text, str) and message.text
        assert message.utc_ms is None or -_UTC_MS_MAX < message.utc_ms < _UTC_MS_MAX
    return list(split_sessions(messages))


def imported(folder: Path) -> tuple[list[Message], Notes]:
    """What lies below a folder of exports, by the door that every import takes."""
    notes = Notes()
    with Tree(folder, notes) as tree:
        return list(read_all(recognise(list(tree.files(folder)), notes), notes)), notes


def _export(name: str) -> Callable[[Path], Take]:
    """One file of an export, ``name`` below the folder."""

    def read(path: Path) -> object:
        messages, notes = imported(path.parents[name.count("/")])
        json.dumps(notes.report())
        return _usable(messages)

    return in_file(name, read)


def _word(document: bytes) -> bytes:
    """A Word document whose text is this part."""
    return zipped({"_rels/.rels": _RELATIONS, "word/document.xml": document,
                   "docProps/core.xml": b"<p><created>2021-03-06T18:00:00Z</created></p>"})


def _notebook(path: Path) -> object:
    return _usable([entry.message for entry in import_notebook(path, Notes())])


def _persona(path: Path) -> object:
    (path.parent / "values.md").write_text("- I say what I saw.\n")
    return read_persona(path.parent)


def _replay(path: Path) -> object:
    replay = Replay(path)
    return [replay.state(replay.end_s * share / 7) for share in range(-1, 9)]


def _recorded(name: str) -> list[Tape]:
    """Twelve seconds of a flight as CSV."""
    with TemporaryDirectory() as folder:
        return [(write_csv(Path(folder) / name, hop_rows()[:12]).read_bytes(),)]


DESK: list[Decoder] = [
    Decoder("host_training.importers.telegram", _export("result.json"),
            lambda: [(json.dumps(telegram_export()).encode(),)], (TrainingError,), cost=40,
            words=JSON_WORDS, held_bytes=4 * _MIB, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.discord_package json", _export(f"{_CHANNEL}/messages.json"),
            lambda: [(json.dumps(_DISCORD).encode(),)], (TrainingError,), cost=55,
            words=JSON_WORDS, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.discord_package csv", _export(f"{_CHANNEL}/messages.csv"),
            lambda: [(_CSV,)], (TrainingError,), cost=45, words=CELLS, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.whatsapp", _export("chat.txt"), lambda: [(_WHATSAPP,)],
            (TrainingError,), cost=50, words=CELLS, held_bytes=4 * _MIB, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.text_chats", _export("talk.txt"), lambda: [
        (READABLE[name].encode(),) for name in ("kakaotalk windows", "line english", "pidgin")],
            (TrainingError,), cost=50, words=CELLS, held_bytes=4 * _MIB, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.sigtop", _export("talk.txt"),
            lambda: [(READABLE["sigtop"].encode(),)], (TrainingError,), cost=50, words=CELLS,
            held_bytes=4 * _MIB, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.chat_log", _export("note.txt"), lambda: [
        (b"A note, at 18:00 of the day.\n\nBo: no.\n\nI went home.\n",)],
            (TrainingError,), cost=50, words=CELLS, held_bytes=4 * _MIB, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.onenote", _export("Yard.mht"),
            lambda: [(as_bytes(WRITING["onenote"][0]["onenote/Yard.mht"]),)], (TrainingError,),
            cost=50, words=CELLS, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.teams", _export("chat.json"),
            lambda: [(as_bytes(CHATS["teams"][0]["teams/chat.json"]),)], (TrainingError,),
            cost=50, words=JSON_WORDS, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.mail", _export("all.mbox"), lambda: [(_MAIL,)],
            (TrainingError,), cost=30, words=CELLS, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.word", plain(lambda data: word.read(_word(data))),
            lambda: [(_DOCUMENT,)], (NotWordError,), words=XML_WORDS, cost=2),
    Decoder("host_training.importers.documents", _export("essay.docx"),
            lambda: [(_word(_DOCUMENT),)], cost=40),
    Decoder("host_training.importers.jsonl_chat", _export("pairs.jsonl"), lambda: [(_PAIRS,)],
            (TrainingError,), cost=40, words=JSON_WORDS, peak_bytes=_PEAK_BYTES),
    Decoder("host_training.importers.notebook", in_file("flight.md", _notebook),
            lambda: [(NOTEBOOK.encode(),)], (TrainingError,), cost=10, words=CELLS),
    Decoder("host_training.common.persona_dir", in_file("persona.toml", _persona),
            lambda: [(_PERSONA,)], (TrainingError,), cost=10, words=TOML_WORDS),
    Decoder("sim.replay", in_file("flight.csv", _replay), lambda: _recorded("flight.csv"),
            (ReplayError,), cost=10, words=CELLS),
    Decoder("sim.replay packed", in_file("flight.csv.gz", _replay),
            lambda: _recorded("flight.csv.gz"), (ReplayError,), cost=10),
]
