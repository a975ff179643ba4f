"""Optional tables of ``persona.toml``: how writing is selected, scrubbed and filtered."""

from __future__ import annotations

import fnmatch
import unicodedata
import zoneinfo
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from host_training.common.messages import Layer
from host_training.errors import TrainingError

REPEAT_MAX = 3.0  # how often a text is learnt: more would be by heart
KEEP_MIN = 0.1  # less would be as good as thrown away

Action = Literal["drop", "replace", "keep"]
DateOrder = Literal["dmy", "mdy", "ymd", "ydm"]
ThirdParty = Literal["context", "drop", "train"]


def _is_zone(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        raise ValueError(f"{value!r} is not a time zone like Europe/Amsterdam")
    return value


Zone = Annotated[str, AfterValidator(_is_zone)]
Weight = Annotated[float, Field(ge=KEEP_MIN, le=REPEAT_MAX)]  # 1 when nothing is said
Pattern = Annotated[str, Field(min_length=1)]  # * is anything, ? one character, [ab] one of these


def is_chat(pattern: str, chat_name: str, chat_id: str) -> bool:
    """True if a pattern matches a chat's name or id, or the id of the room of a thread.

    Case and the encoding of accents are ignored: a typing error must not teach what was excluded.
    """
    wanted = _folded(pattern)
    return any(_folded(known) == wanted or fnmatch.fnmatchcase(_folded(known), wanted)
               for known in (chat_name, chat_id, chat_id.partition("/")[0]))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


class Table(BaseModel):
    """A table that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Chats(Table):
    """Which chats of a file are read. Patterns match names or ids, as ``scan`` shows them."""

    include: tuple[Pattern, ...] = Field(("*",), min_length=1)
    exclude: tuple[Pattern, ...] = ()

    def has(self, chat_name: str, chat_id: str) -> bool:
        """True for a chat that is included and not excluded."""
        return (any(is_chat(pattern, chat_name, chat_id) for pattern in self.include)
                and not any(is_chat(pattern, chat_name, chat_id) for pattern in self.exclude))


class Chat(Table):
    """Settings of a chat: the first ``[[source.chat]]`` whose ``name`` matches applies."""

    name: Pattern  # or the id
    tier: int | None = Field(None, ge=1, le=4)
    layer: Layer | None = None
    weight: Weight | None = None


class Source(Table):
    """Settings of some files: the first ``[[source]]`` whose ``path`` matches applies."""

    path: str  # like "mail/*.mbox"; * also crosses folders
    tier: int | None = Field(None, ge=1, le=4)
    layer: Layer | None = None
    weight: Weight | None = None
    timezone: Zone | None = None  # where the phone was that wrote it in local time
    date_order: DateOrder | None = None  # of its days, months and years; None: as the dates tell
    ignore: bool = False
    chats: Chats = Chats()
    chat: tuple[Chat, ...] = ()

    @model_validator(mode="after")
    def _says_one_thing(self) -> Source:
        if self.ignore and (self.chats != Chats() or self.chat):
            raise ValueError("ignore excludes the whole file, so chats must not be set")
        return self

    def chat_of(self, chat_name: str, chat_id: str) -> Chat | None:
        """The settings of one chat, if there are any."""
        return next((c for c in self.chat if is_chat(c.name, chat_name, chat_id)), None)


class Privacy(Table):
    """What is removed before anything is learnt."""

    secrets: Literal["drop", "keep"] = "drop"  # keys, passwords, codes: the whole message
    personal: Action = "replace"  # mails, links, numbers, addresses: by a word like [phone]
    names: Literal["replace", "keep"] = "replace"  # of everybody in the exports: by a letter
    extra_names: tuple[str, ...] = ()
    keep_names: tuple[str, ...] = ()
    third_party: ThirdParty = "context"  # what others wrote: read before an answer, out, or learnt
    without: tuple[str, ...] = ()  # people whose talks with the author are left out, whole
    blocked: tuple[str, ...] = ()  # a message with one of these is dropped
    region: str | None = Field(None, pattern="^[A-Z]{2}$")  # of phone numbers without +


class Clean(Table):
    """What is left out, and the weights of the rest."""

    languages: tuple[Annotated[str, Field(pattern="^[a-z]{2,3}$")], ...] = ()  # none: all of them
    recency_half_life_years: float | None = Field(None, gt=0)
    max_age_years: float | None = Field(None, gt=0)  # before the newest message; None: any age
    chat_share: float = Field(0.5, gt=0, le=1)  # of one chat in what is learnt from chats, at most
    thoughtful_share: float = Field(0.7, ge=0, lt=1)  # of tiers 1 and 2 in what is learnt
    near_duplicate: float = Field(0.8, gt=0, le=1)  # similarity from which a text is one again
    # that what is answered saves on an answer, by the base model; None: it is not asked
    pair_score_bits: float | None = Field(None, ge=-100, le=100)


class VoiceSettings(Table):
    """Whether voice notes are transcribed; by default, if there is a speech model."""

    model: str = ""  # the folder of a Whisper model, like "~/models/whisper-small"
    language: str | None = Field(None, pattern="^[a-z]{2,3}$")  # None: found out for each note


class SessionSettings(Table):
    """How a chat is divided into sessions."""

    gap_min: float | None = Field(None, gt=0)  # None: from each chat's own rhythm
    context_turns: int = Field(6, ge=1, le=50)


class PersonaSettings(Table):
    """All optional tables, with defaults."""

    timezone: Zone = "UTC"  # of exports that write local time
    nobody: tuple[str, ...] = ()  # accounts whose messages are nobody's, e.g. a family's
    people: dict[str, tuple[str, ...]] = {}  # pseudonym -> accounts and names of one person
    source: tuple[Source, ...] = ()
    privacy: Privacy = Privacy()
    clean: Clean = Clean()
    sessions: SessionSettings = SessionSettings()
    voice: VoiceSettings = VoiceSettings()

    def zone_of(self, name: str) -> zoneinfo.ZoneInfo:
        """The time zone of local times in an export by this name."""
        source = self.source_of(name)
        return zoneinfo.ZoneInfo((source and source.timezone) or self.timezone)

    def date_order_of(self, name: str) -> DateOrder | None:
        """The order of day, month and year in an export by this name, if it is set."""
        source = self.source_of(name)
        return source.date_order if source else None

    def unsayable(self) -> list[str]:
        """Words that a persona must never say: the people's names, and what is blocked.

        Account ids, which contain a digit or an @, are not names.
        """
        known = (*self.people.values(), self.privacy.without)
        names = {name for names in known for name in names
                 if not any(c.isdigit() or c == "@" for c in name)}
        return sorted(names.union(self.privacy.extra_names, self.privacy.blocked))

    def source_of(self, name: str) -> Source | None:
        """The settings of a file, by its path below the persona directory."""
        return next((s for s in self.source if fnmatch.fnmatchcase(name, s.path)), None)


def parse(table: dict[str, Any], place: str) -> PersonaSettings:
    """Parse the tables of ``persona.toml``. Raises TrainingError naming keys and place."""
    try:
        return PersonaSettings.model_validate(table)
    except ValidationError as error:
        raise TrainingError(*(f"{place}: {_fault(one)}." for one in error.errors())) from error


def _fault(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"])
    reason = _PLAIN.get(error["type"], error["msg"].removeprefix("Value error, "))
    if error["type"] == "extra_forbidden":
        reason += f"; allowed are {', '.join(_table_of(error['loc']).model_fields)}"
    return f"{key}: {reason}"


_PLAIN = {  # pydantic's words for what a maker knows by another name
    "extra_forbidden": "unknown key", "missing": "is missing",
    "model_type": "must be a table, like { key = value }", "too_short": "must not be empty",
    "string_too_short": "must not be empty", "tuple_type": "must be a list, like [a, b]"}


def _table_of(place: Sequence[int | str]) -> type[BaseModel]:
    """The model of the table that contains a key, by its path from the top."""
    table: type[BaseModel] = PersonaSettings
    for part in place[:-1]:
        if isinstance(part, str) and part in table.model_fields:
            of_key = table.model_fields[part].annotation
            table = next((kind for kind in (of_key, *get_args(of_key))
                          if isinstance(kind, type) and issubclass(kind, Table)), table)
    return table
