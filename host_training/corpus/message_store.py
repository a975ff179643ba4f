"""Stores imported messages on disk, in order of chat and time, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from host_training.common.messages import Message, whole_characters
from host_training.common.scratch_db import Scratch

BATCH_ROWS = 5_000
_COLUMNS = ("source, chat_id, chat_kind, message_id, utc_ms, author, is_me, text, name, tier,"
            " layer, weight, chat_name")
_SCHEMA = ("CREATE TABLE messages (source, chat_id, chat_kind, message_id, utc_ms INTEGER, author,"
           " is_me INTEGER, text, name, tier INTEGER, layer, weight REAL, chat_name)")
# A talk of two, with all its threads; a mail's id may have a slash of its own.
_ROOM = ("CASE chat_kind WHEN 'dm' THEN substr(chat_id, 1, instr(chat_id || '/', '/') - 1)"
         " ELSE chat_id END")
_IS_TALK = "chat_kind IN ('dm', 'mail')"
_IS_CALLED = ("(instr(', ' || lower(chat_name) || ', ', :one) OR"
              " instr(', ' || lower(chat_id) || ', ', :one))")


@dataclass(frozen=True, slots=True)
class Author:
    """An account in a source, with its numbers of messages.

    ``n_own``: messages that an importer knew to be the author's own; ``n_unsure``: messages in
    chats where it knew that of none.
    """

    source: str
    account: str
    name: str
    n_messages: int
    n_own: int
    n_unsure: int


class MessageStore(Scratch):
    """One SQLite file. Messages go in as they come and come out chat by chat, by time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA)

    def add(self, messages: Iterable[Message]) -> int:
        """Store messages; returns how many."""
        before = self._database.total_changes
        rows: list[tuple[object, ...]] = []
        for m in messages:
            rows.append((m.source, m.chat_id, m.chat_kind, m.message_id, m.utc_ms, m.author,
                         m.is_me, m.text, m.name, m.tier, m.layer, m.weight, m.chat_name))
            if len(rows) >= BATCH_ROWS:
                self._insert(rows)
                rows.clear()
        self._insert(rows)
        return self._database.total_changes - before

    def _insert(self, rows: list[tuple[object, ...]]) -> None:
        marks = ",".join("?" * (_COLUMNS.count(",") + 1))
        insert = f"INSERT INTO messages ({_COLUMNS}) VALUES ({marks})"
        try:
            self._database.executemany(insert, rows)
        except UnicodeEncodeError:  # half a character in a name or an id, which JSON allows
            self._database.rollback()
            self._database.executemany(insert, [
                tuple(whole_characters(value) if isinstance(value, str) else value for value in row)
                for row in rows])
        self._database.commit()

    def ordered(self) -> Iterator[Message]:
        """Chat by chat, each in order of time (undated last, equal times as they came).

        A message that two overlapping exports contain is returned once, in its last version:
        it has the same id in both, and different words if it was edited between them.
        """
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM messages"
            " ORDER BY source, chat_id, utc_ms IS NULL, utc_ms, rowid")
        same_time: dict[str, Message] = {}
        last: tuple[object, ...] | None = None
        for row in rows:
            message = Message(row[0], row[1], row[2], row[3], row[4], row[5], bool(row[6]), row[7],
                              row[8], row[9], row[10], row[12], row[11])
            key = (message.source, message.chat_id, message.utc_ms)
            if key != last:
                yield from same_time.values()
                same_time.clear()
                last = key
            twin = same_time.get(message.message_id)
            if twin is not None and twin.is_me and not message.is_me:
                continue  # from the author's own package, which knows whose it is
            same_time[message.message_id] = message
        yield from same_time.values()

    def has_talk_with(self, name: str) -> bool:
        """True if a chat of two, or the addressee of a mail, has this name."""
        row = self._database.execute(
            f"SELECT 1 FROM messages WHERE {_IS_TALK} AND {_IS_CALLED} LIMIT 1", _called(name))
        return row.fetchone() is not None

    def remove(self, people: Iterable[tuple[str, str]], names: Iterable[str] = ()) -> int:
        """Remove people, (source, account): whole chats of two, and their messages in groups.

        Chats named as one of ``names`` are removed too, as the other side may never have written.
        Returns the number of removed messages.
        """
        before = self._database.total_changes
        for source, account in people:
            self._remove_talks("source = :source AND author = :author",
                               {"source": source, "author": account})
            self._database.execute("DELETE FROM messages WHERE source = ? AND author = ?",
                                   (source, account))
        for name in names:
            self._remove_talks(_IS_CALLED, _called(name))
        self._database.commit()
        return self._database.total_changes - before

    def _remove_talks(self, condition: str, values: dict[str, str]) -> None:
        self._database.execute(
            f"DELETE FROM messages WHERE {_IS_TALK} AND (source, {_ROOM}) IN (SELECT source,"
            f" {_ROOM} FROM messages WHERE {_IS_TALK} AND {condition})", values)

    def texts(self) -> Iterator[str]:
        """All texts, in no order."""
        for (text,) in self._database.execute("SELECT text FROM messages"):
            yield text

    def authors(self) -> list[Author]:
        """All authors, by source and account."""
        rows = self._database.execute(
            "WITH own AS (SELECT DISTINCT source, chat_id FROM messages WHERE is_me)"
            " SELECT m.source, m.author, max(m.name), count(*), sum(m.is_me),"
            " sum(own.chat_id IS NULL) FROM messages m"
            " LEFT JOIN own ON own.source = m.source AND own.chat_id = m.chat_id"
            " GROUP BY m.source, m.author ORDER BY m.source, m.author")
        return [Author(*row) for row in rows]


def _called(name: str) -> dict[str, str]:
    """Parameters that match a chat name, which lists people with commas between them."""
    return {"one": f", {name.lower()}, "}
