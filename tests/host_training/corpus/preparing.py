"""What the tests of ``writing`` share: a persona directory, and its way to examples."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from host_training.common.messages import Notes
from host_training.common.persona_dir import read_persona
from host_training.common.settings import Clean
from host_training.corpus import assemble, filtering
from host_training.corpus.example_store import ExampleStore
from host_training.corpus.sessions import Example
from tests.host_training.conftest import telegram_export
from tests.host_training.importers.reading import write_files


def silent(share: float, line: str) -> None:
    """A report nobody reads."""


def prepare(directory: Path, out: Path) -> list[Example]:
    out.mkdir(exist_ok=True)
    n_examples = assemble.prepare(directory, read_persona(directory), out, silent)
    examples = assemble.load(out / assemble.EXAMPLES)
    assert len(examples) == n_examples
    return examples


def weigh(examples: Iterable[Example], settings: Clean, notes: Notes) -> list[Example]:
    with ExampleStore() as store:
        store.add(examples)
        filtering.drop_repeats(store, settings, notes)
        return list(filtering.weigh(store, settings))


def add_toml(directory: Path, text: str) -> None:
    with (directory / "persona.toml").open("a") as file:
        file.write(text)


def with_telegram(directory: Path, rows: list[tuple[int, str]]) -> Path:
    export = telegram_export()
    export["chats"]["list"][0]["messages"] = [
        {"id": i, "type": "message", "date_unixtime": str(1_615_050_000 + 60 * i), "text": text,
         "from": {1: "Ada Test", 2: "Bo Berg"}.get(who, "?"), "from_id": f"user{who}"}
        for i, (who, text) in enumerate(rows)]
    return write_files(directory, {"telegram/result.json": export})
