"""What a reader of the archive gives to page, terminal and exports: the fields of each JSON object.

A unit ends each name: ``_ms`` of a time is UTC since 1970. None is unknown, never zero. Objects
that one other module makes are described there (``lives``, ``landing``, ``archive.rows``).
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from groundstation.archive.acknowledgements import Acknowledgement
from groundstation.archive.connections import ConnectionJson
from groundstation.archive.rows import CommandJson
from groundstation.decode.foreign import NeighbourJson, NodeJson
from groundstation.reading.lives import LifeJson
from groundstation.reading.payloads import PayloadJson
from groundstation.reading.receiving_stations import StationJson
from groundstation.share.upload_queue import UploadJson


class _StateJson(TypedDict):
    """The payload's state as one packet told it."""

    id: int  # of the reception
    utc_ms: int  # when it was received
    authenticity: str  # a value of wire.auth.Authenticity
    time_of_day_s: float | None
    latitude_deg: float | None
    longitude_deg: float | None
    altitude_m: float | None
    climb_mps: float | None
    speed_mps: float | None
    heading_deg: float | None
    satellites: float | None
    fix_age_s: float | None
    phase: str | None
    power_mode: str | None
    battery_mv: float | None
    outside_c: float | None
    inside_c: float | None
    pressure_hpa: float | None
    queue_records: float | None
    faults: float | None
    fault_words: list[str]
    command_counter: float | None
    expected_every_s: int  # the pause to the next one
    clock_gap_s: float | None  # of the payload's clock to the station's


class BeaconJson(_StateJson):
    """A beacon."""

    node_id: int
    boot: int | None
    number: int | None
    is_listening: int | None
    is_cutdown_armed: int | None


class SightingJson(_StateJson):
    """A beacon of ours in another format; these are unsigned."""

    via: str  # the format
    callsign: str
    boot: int | None
    humidity_percent: float | None
    is_cutdown_armed: int | None
    musing: str


class PhaseJson(TypedDict):
    """A change of phase, and the altitude at which it was received."""

    at_ms: int
    phase: str
    alt_m: float | None


class LinkJson(TypedDict):
    """The link; beside these fields every tally of the archive under its name."""

    heard: int  # frames
    lost: int
    receptions: int  # of anything
    loss_recent: float | None  # a fraction
    last_ms: int | None
    rssi_dbm: float | None
    snr_db: float | None
    forgotten: int
    dropped: int
    impostor: NotRequired[int]  # frames under our name that our key did not sign


class RecordJson(TypedDict):
    """A record of the diary."""

    id: int  # groundstation.archive.rows.key_of
    when_ms: int
    is_exact: bool  # ``when_ms`` may be believed to the second
    heard_ms: int
    authenticity: str
    incarnation: str
    alt_m: float | None


class TurnJson(TypedDict):
    """What a payload said before; without words and ``authenticity`` where that has not come."""

    node_id: int
    text: str
    authenticity: str | None


class LineJson(RecordJson):
    """A musing, or the reply to a question."""

    kind: Literal["musing", "reply"]
    text: str
    senses: str
    question: str
    about: str
    by: Literal["model", "canned"] | None
    question_id: float | None
    lat: float | None
    lon: float | None


class AnswerJson(LineJson):
    """A musing that answers another payload."""

    turns: list[TurnJson]  # before it, oldest first


class CallJson(RecordJson):
    """A call of a web API, or of a source by radio."""

    kind: Literal["api_call"]
    api: str
    outcome: str
    summary: str


class PictureJson(RecordJson):
    """A picture: ``tiles`` are (place, key) of the pieces that have come, row by row."""

    kind: Literal["thumbnail"]
    scene: str
    sees: list[str]
    is_shown: bool
    columns: int
    rows: int
    tiles: list[tuple[int, int]]


class SoundJson(RecordJson):
    """What the microphone heard: names of sounds, and the level where it is known in dB SPL."""

    kind: Literal["sound"]
    heard: list[str]
    spl_db: float | None


class TroubleJson(RecordJson):
    """An event that is a warning or an error."""

    kind: Literal["event"]
    event: str


EntryJson = LineJson | AnswerJson | CallJson | PictureJson | SoundJson | TroubleJson


class QueuedJson(CommandJson):
    """A command, the id of its asker's question before it, and the line that answers it."""

    follows: int | None
    reply: LineJson | None


class WaitingJson(TypedDict):
    """How many commands wait, and the first of them in the order in which they are sent."""

    count: int
    letters: list[QueuedJson]


class FlightJson(TypedDict):
    """The state of the flight now; ``sighting`` only while beacons fail to come."""

    change_id: int
    name: str
    disclosure: str
    station: str
    radio: ConnectionJson | None
    broker: ConnectionJson | None
    control_room: ConnectionJson | None  # the one that is shared with other stations
    acknowledged: list[Acknowledgement]  # alarms, at any station
    stations: list[StationJson]
    callsign: str
    node_id: int
    is_ours: bool  # the mission's own payload
    payloads: list[PayloadJson]  # that can be shown
    can_transmit: bool
    is_signed: bool
    is_verifying: bool
    beacon_ground_s: int
    beacon: BeaconJson | None
    sighting: SightingJson | None
    phases: list[PhaseJson]
    launch_ms: int | None
    link: LinkJson
    carries: dict[str, Any] | None  # wire.airtime_budget.HourlyCapacity
    counts: dict[str, int]  # of records, by kind
    lives: list[LifeJson]
    silences: list[list[int]]  # [from, to], UTC ms
    foreign: list[NodeJson]
    neighbours: list[NeighbourJson]
    sondehub: UploadJson
    outbox: list[QueuedJson]
    waiting: WaitingJson


Columns = dict[str, list[Any]]  # one list for each column, as plots want them


class HistoryJson(TypedDict):
    """The whole flight as columns."""

    change_id: int
    verified: Columns  # t, lat, lon, alt
    unverified: Columns
    state: Columns  # t, mv, out, in
    link: Columns  # t, heard, lost
    silences: list[list[int]]
    diary: Columns  # t, kind
    gap_ms: int
