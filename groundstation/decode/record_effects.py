"""Side effects of the payload's records at the station: answers, pictures, questions.

Of another payload's records only the pictures are put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from groundstation.archive import counters, outbox, record_table
from groundstation.archive.archive import Archive
from groundstation.archive.outbox import PLAIN_TEXTS_MAX
from groundstation.decode import mosaic
from wire import bodies
from wire.bodies import SEALED, Models
from wire.frames import DataFrame
from wire.records import Kind, Record

_log = structlog.get_logger()


class RecordEffects:
    """Of one archive, whose batch the caller holds. ``can_ask``: the station, of this number, has
    the uplink key."""

    def __init__(
        self, archive: Archive, node_id: int, can_ask: bool, models: Models, station: int = 0
    ) -> None:
        self._archive = archive
        self._node_id = node_id
        self._can_ask = can_ask
        self._station = station
        self._models = models
        self._missing_models: set[str] = set()  # that were logged

    def keep(self, frame: DataFrame, life: int, records: Sequence[Record], utc_ms: int) -> None:
        """Keep records under the authenticity of the frame that made them readable: with the key
        none but genuine frames come here, without it none is verified."""
        new = record_table.add(
            self._archive, frame.node_id, records, utc_ms, frame.authenticity, life)
        for record in new:
            is_picture = record.kind in (Kind.THUMBNAIL, Kind.TILE)
            if is_picture and (flaw := mosaic.keep(
                    self._archive.db, frame.node_id, life, record)):
                self._archive.count({flaw: 1})
            if frame.node_id == self._node_id:
                self._act_on(record, utc_ms)

    def _act_on(self, record: Record, utc_ms: int) -> None:
        body, db = record.body, self._archive.db
        if SEALED in body:
            self._ask_for_text(record, utc_ms)
        match record.kind:
            case Kind.REPLY if (question_id := _u32(body.get("question_id"))) is not None:
                outbox.answer(db, question_id, utc_ms)
            case Kind.QUESTION if (question_id := _u32(body.get("question_id"))) is not None:
                outbox.confirm(db, question_id, utc_ms)
            case Kind.COMMAND_RESULT if (counter := _u32(body.get("counter"))) is not None:
                is_ok = body.get("result") == "ok"
                why = str(body.get("why") or body.get("result") or "refused")[:80]
                counters.finish(db, counter, utc_ms, None if is_ok else why)
            case Kind.EVENT:
                self._on_event(body.get("event"), body.get("fields"), utc_ms)

    def _on_event(self, event: object, fields: object, utc_ms: int) -> None:
        fields = fields if isinstance(fields, dict) else {}
        if event == "command_refused":
            self._on_command_refused(fields)
        elif event == "question_begun":
            begun_id = _u32(fields.get("question_id"))
            if begun_id is not None:
                outbox.begin(self._archive.db, begun_id, utc_ms)

    def _on_command_refused(self, fields: dict[str, Any]) -> None:
        """The payload received one of our commands and refused it for its age."""
        counter = _u32(fields.get("counter"))
        if counter is not None:
            counters.refuse(self._archive.db, counter, str(fields.get("why"))[:80])

    def _ask_for_text(self, record: Record, utc_ms: int) -> None:
        """A record is sealed with a model that is not here: request plain text, once a model."""
        model = bodies.sealed_model(record.body)
        if model is None or bytes.fromhex(model) in self._models:
            return
        if self._can_ask:
            outbox.ask_plain_text(self._archive.db, model, utc_ms, self._station)
        if model not in self._missing_models and len(self._missing_models) < PLAIN_TEXTS_MAX:
            self._missing_models.add(model)
            _log.warning("text_model_absent", model=model, why="its texts are stored undecoded; "
                         "pass the bundle's text.codec with --codec and run rebuild")


def _u32(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 1 << 32 else None
