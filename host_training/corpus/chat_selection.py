"""Selects the chats that are read, and their tier, layer and weight, as ``persona.toml`` sets.

Every chat is counted, those left out included, so that the maker can name it. A pattern in
``persona.toml`` that matches no export causes a warning: a typing error there would teach what was
meant to be left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from host_training.common.messages import CHAT_KINDS, Message, Notes
from host_training.common.settings import PersonaSettings, Source, is_chat
from host_training.corpus.summary import ChatRow

NAMED_MAX = 12  # chats in a warning
KEPT_MAX = 10_000  # chats counted; a mailbox of a life has more threads, which nobody names

Change = dict[str, Any]  # fields of a Message that persona.toml sets


@dataclass(slots=True)
class _Seen:
    """A chat: its name, its counts, and the ``[[source]]`` it belongs to."""

    name: str
    source: int | None
    n_messages: int = 0
    n_left_out: int = 0


@dataclass(slots=True)
class Chooser:
    """Selects messages, one export after another."""

    settings: PersonaSettings
    me: Collection[str]
    notes: Notes
    _seen: dict[tuple[str, str], _Seen] = field(default_factory=dict)
    _used: set[tuple[int, str]] = field(default_factory=set)  # pattern places that fitted
    _changes: dict[tuple[int, str, str], Change | None] = field(default_factory=dict)

    def source_of(self, file_name: str) -> tuple[int, Source] | None:
        """The ``[[source]]`` of a file, and its number."""
        source = self.settings.source_of(file_name)
        if source is None:
            return None
        number = self.settings.source.index(source)
        self._used.add((number, "path"))
        return number, source

    def chosen(self, read: Iterable[Message], file_name: str) -> Iterator[Message]:
        """The selected messages, with the tier and layer that persona.toml sets."""
        of_file = self.source_of(file_name)
        for message in read:
            seen = self._count(message, of_file)
            change = self._change(of_file, message) if of_file is not None else {}
            if change is None:
                self._leave_out(message, seen)
            else:
                yield replace(message, **change) if change else message

    def _count(self, message: Message, of_file: tuple[int, Source] | None) -> _Seen:
        key = message.source, message.room
        seen = self._seen.get(key)
        if seen is None:
            seen = _Seen(message.chat_name, of_file and of_file[0])
            if len(self._seen) < KEPT_MAX and message.chat_kind in CHAT_KINDS:
                self._seen[key] = seen
        seen.n_messages += 1
        return seen

    def _leave_out(self, message: Message, seen: _Seen) -> None:
        seen.n_left_out += 1
        self.notes.skip("chat that persona.toml leaves out")
        account = f"{message.source}:{message.author}"
        if not (message.is_me or {account, message.author} & set(self.me)
                or account in self.notes.own_accounts):
            self.notes.called(account, message.name)  # others may speak of them

    def _change(self, of_file: tuple[int, Source], message: Message) -> Change | None:
        """What persona.toml sets for the messages of this chat; None where it leaves them out."""
        number, source = of_file
        key = number, message.chat_id, message.chat_name
        if key not in self._changes:
            if len(self._changes) >= KEPT_MAX:
                self._changes.clear()
            self._changes[key] = self._decided(number, source, message)
        return self._changes[key]

    def _decided(self, number: int, source: Source, message: Message) -> Change | None:
        chat = message.chat_name, message.chat_id
        self._used |= {(number, place) for place, pattern in _patterns(source)
                       if is_chat(pattern, *chat)}
        if not source.chats.has(*chat):
            return None
        named = source.chat_of(*chat)
        return {key: value for key in ("tier", "layer", "weight") for value in (
            (named and getattr(named, key)) or getattr(source, key),) if value is not None}

    def warnings(self) -> list[str]:
        """A sentence for each path and pattern of ``[[source]]`` that matched nothing."""
        found = []
        for number, source in enumerate(self.settings.source):
            if (number, "path") not in self._used:
                found.append(f"persona.toml: source.{number}.path: {source.path!r} matches no "
                             "file, or only files of an earlier [[source]].")
                continue
            found += [f"persona.toml: source.{number}.{place}: {pattern!r} matches no chat of "
                      f"{source.path}, which has {self._named(number)}."
                      for place, pattern in _patterns(source)
                      if not source.ignore and (number, place) not in self._used]
        return found

    def name_of(self, chat: str) -> str:
        """The display name of a chat, by ``Message.chat``."""
        source, _, room = chat.partition(":")
        seen = self._seen.get((source, room))
        return _label(seen.name if seen else "", room)

    def _named(self, number: int) -> str:
        """The chats of a ``[[source]]``, the most talkative first."""
        sizes = Counter({_label(seen.name, room): seen.n_messages
                         for (_, room), seen in self._seen.items() if seen.source == number})
        shown = [label for label, _ in sizes.most_common(NAMED_MAX)]
        more = f" and {len(sizes) - len(shown)} more" * (len(sizes) > len(shown))
        return (", ".join(shown) + more) or "none"

    def report(self) -> list[ChatRow]:
        """Every chat, the most talkative first, JSON-ready; private, because it names people."""
        rows: list[ChatRow] = [
            {"source": source, "id": room, "name": seen.name, "messages": seen.n_messages,
             "left out": seen.n_left_out} for (source, room), seen in self._seen.items()]
        return sorted(rows, key=lambda r: (-r["messages"], r["source"], r["id"]))


def _label(name: str, room: str) -> str:
    return f'"{name}" ({room})' if name not in ("", room) else f'"{room}"'


def _patterns(source: Source) -> list[tuple[str, str]]:
    """(place in persona.toml, pattern) of every chat pattern but "everything"."""
    places = [*((f"chats.{key}.{number}", pattern) for key in ("include", "exclude")
                for number, pattern in enumerate(getattr(source.chats, key))),
              *((f"chat.{number}.name", chat.name) for number, chat in enumerate(source.chat))]
    return [(place, pattern) for place, pattern in places if pattern != "*"]
