"""The decoders of the desk: a person's exports, and recorded flights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from host_training.errors import TrainingError
from host_training.importers.discord_package import import_discord
from host_training.importers.notebook import import_notebook
from host_training.importers.telegram import import_telegram
from host_training.messages import Message
from host_training.persona_dir import read_persona
from host_training.sessions import split_sessions
from sim.replay import Replay, ReplayError
from tests.host_training.conftest import NOTEBOOK, telegram_export
from tests.hostile.registry import CELLS, JSON_WORDS, TOML_WORDS, Decoder, Take, Tape, in_file
from tests.sim.flights import hop_rows, write_csv

_MIB = 1 << 20
_UTC_MS_MAX = 253_402_300_800_000  # the end of the year 9999
_DISCORD = [{"ID": 5, "Timestamp": "2024-11-17 20:05:17", "Contents": "Nothing <@1> flew."}]
_CSV = b"ID,Timestamp,Contents,Attachments\n5,2024-11-17 20:05:17.123000+00:00,Nothing flew.,\n"
_PERSONA = b'name = "Ada"\nauthor = "A"\ndisclosure = "An AI."\nsystem = "Be Ada."\nme = ["u1"]\n'


def _usable(messages: list[Message]) -> object:
    """What was imported can be dated, put into sessions and kept in a table."""
    for message in messages:
        assert isinstance(message.text, str) and message.text
        assert -_UTC_MS_MAX < message.utc_ms < _UTC_MS_MAX
    return split_sessions(messages)


def _telegram(path: Path) -> object:
    messages, quarantine = import_telegram(path, ["user1"])
    json.dumps(quarantine.report())
    return _usable(messages)


def _discord(name: str) -> Callable[[Path], Take]:
    def read(path: Path) -> object:
        messages, quarantine = import_discord(path.parent.parent.parent)
        json.dumps(quarantine.report())
        return _usable(messages)

    return in_file(f"package/messages/c1/{name}", read)


def _notebook(path: Path) -> object:
    entries, _ = import_notebook(path)
    return _usable([entry.message for entry in entries])


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
    Decoder("host_training.importers.telegram", in_file("result.json", _telegram),
            lambda: [(json.dumps(telegram_export()).encode(),)], (TrainingError,), cost=10,
            words=JSON_WORDS),
    Decoder("host_training.importers.discord_package json", _discord("messages.json"),
            lambda: [(json.dumps(_DISCORD).encode(),)], (TrainingError,), cost=10,
            words=JSON_WORDS),
    Decoder("host_training.importers.discord_package csv", _discord("messages.csv"),
            lambda: [(_CSV,)], (TrainingError,), cost=10, words=CELLS),
    Decoder("host_training.importers.notebook", in_file("flight.md", _notebook),
            lambda: [(NOTEBOOK.encode(),)], (TrainingError,), cost=10, words=CELLS),
    Decoder("host_training.persona_dir", in_file("persona.toml", _persona),
            lambda: [(_PERSONA,)], (TrainingError,), cost=10, words=TOML_WORDS),
    Decoder("sim.replay", in_file("flight.csv", _replay), lambda: _recorded("flight.csv"),
            (ReplayError,), cost=10, words=CELLS),
    Decoder("sim.replay packed", in_file("flight.csv.gz", _replay),
            lambda: _recorded("flight.csv.gz"), (ReplayError,), cost=10),
]
