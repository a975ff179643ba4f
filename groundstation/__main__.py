"""``spacepi-ground``: hear a payload, show what it says, answer it."""

from __future__ import annotations

import contextlib
import logging
import secrets
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import structlog
import typer

from groundstation import (
    ccsds,
    commander,
    gateway,
    intake,
    outbox,
    schema,
    text_models,
    upload_thread,
)
from groundstation import export as exports
from groundstation.archive import Archive, ArchiveBusy
from groundstation.beside import Udp, address
from groundstation.gateway import KissServer, Road, RoadError
from groundstation.ground import Ground
from groundstation.hygiene import clean_text
from groundstation.outbox import Letter
from groundstation.reader import FlightReader
from groundstation.schema import WrongVersion
from groundstation.udp import Deaf
from groundstation.web import create_app, make_server
from wire import key_file
from wire.auth import MASTER_KEY_BYTES, Direction, derive_key
from wire.commands import Opcode
from wire.envelope import Envelope
from wire.key_file import KeyFileError
from wire.mission import Mission, MissionError
from wire.mission import load as load_mission

ARCHIVE_NAME = "archive.sqlite"
app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Hear a payload, show what it says, and answer it.",
)
MissionOption = Annotated[
    Path, typer.Option(
        "--mission", "-m", help="The mission file that the payload flies with.", readable=False,
    ),
]
ListenOption = Annotated[
    str | None,
    typer.Option(
        "--listen", metavar="HOST:PORT",
        help="Be the KISS TNC at this address instead of connecting to one (bench).",
    ),
]
ReplayOption = Annotated[
    Path | None, typer.Option("--replay", help="Read an earlier raw log instead of a radio.")
]
CodecOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--codec", metavar="FILE",
        help="A persona's text.codec, to read what it packed. Without it the mission's bundle and"
             " the *.codec files beside the archive are asked.",
    ),
]
HorusUdpOption = Annotated[
    str | None,
    typer.Option(
        "--horus-udp", metavar="PORT",
        help="Hear payload summaries of Horus receivers too (55672). From this machine only; "
        "0.0.0.0:PORT is from anywhere.",
    ),
]
SummaryUdpOption = Annotated[
    str | None,
    typer.Option(
        "--summary-udp", metavar="HOST:PORT",
        help="Tell each new position as a payload summary, for chasemapper and its kin.",
    ),
]
CcsdsUdpOption = Annotated[
    str | None,
    typer.Option(
        "--ccsds-udp", metavar="HOST:PORT",
        help="Send each new record as a CCSDS space packet, for Yamcs and its kin.",
    ),
]
_SENTENCES = (ArchiveBusy, MissionError, KeyFileError, RoadError, WrongVersion)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _say(sentence: str) -> None:
    """To whoever started a station that is to run for days, and may be gone."""
    with contextlib.suppress(OSError):
        print(sentence, flush=True)


def _archive_path(mission: Mission, mission_path: Path) -> Path:
    return mission_path.parent / mission.ground.archive_dir / ARCHIVE_NAME


def _ground(
    mission: Mission, mission_path: Path, archive: Archive, codecs: list[Path] | None
) -> Ground:
    """A station with its keys, where it has a key file, and the text models that it finds."""
    models = text_models.load(mission, mission_path.parent, codecs or [])
    path = mission_path.parent / mission.keys.file
    if not path.exists():
        return Ground(mission, archive, None, models=models)
    master = key_file.load(path)
    uplink_key = derive_key(master, mission.payload.node_id, Direction.UPLINK)
    return Ground(mission, archive, uplink_key, mission.downlink_key(master), models)


def _road(mission: Mission, listen: str | None) -> Callable[[], Road] | None:
    if listen is None:
        return gateway.opener(mission)
    server = KissServer(*address("--listen", listen, "127.0.0.1:8001"))
    return lambda: server


def _receive(
    mission: Mission, mission_path: Path, listen: str | None, replay: Path | None,
    stop: threading.Event, udp: Udp, codecs: list[Path] | None,
    ended: Callable[[], None] = lambda: None,
) -> threading.Thread | None:
    """Open the archive and hear on a thread of its own, which calls ``ended`` when it stops.

    Replays are read at once.
    """
    archive = Archive(_archive_path(mission, mission_path))
    ground = _ground(mission, mission_path, archive, codecs)
    if replay is not None:
        heard = list(gateway.replay(replay))
        for start in range(0, len(heard), 500):
            ground.receive_many(heard[start : start + 500])
        archive.close()
        return None
    road, beside = _road(mission, listen), udp.open(ground, mission, _now_ms)
    if road is None and udp.horus is not None:
        road = Deaf
    if road is None:
        archive.close()
        return None

    def carry() -> None:
        turn = gateway.nothing if beside is None else beside.turn
        try:
            gateway.run(ground, road, Envelope(mission), _now_ms, stop, turn)
        finally:
            if beside is not None:
                beside.close()
            archive.close()
            ended()

    upload_thread.start(archive.path, mission, _now_ms, stop)
    thread = threading.Thread(target=carry, name="radio")
    thread.start()
    return thread


@app.command()
def serve(
    mission: MissionOption = Path("mission.toml"), listen: ListenOption = None,
    replay: ReplayOption = None, codec: CodecOption = None, horus_udp: HorusUdpOption = None,
    summary_udp: SummaryUdpOption = None, ccsds_udp: CcsdsUdpOption = None,
) -> None:
    """Receive, and serve the page."""
    loaded = load_mission(mission)
    address = (loaded.ground.web_host, loaded.ground.web_port)
    try:
        web_socket = socket.create_server(address)
    except OSError as error:
        raise RoadError(
            f"the page cannot be served at http://{address[0]}:{address[1]}: "
            f"{gateway.why(error)}; is another station running? Else change ground.web_port in "
            f"{mission}"
        ) from error
    page = create_app(_archive_path(loaded, mission), loaded)
    server = make_server(page)

    def leave() -> None:
        server.should_exit = True

    stop = threading.Event()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it ends as Ctrl-C does
    udp = Udp(horus_udp, summary_udp, ccsds_udp)
    thread = _receive(loaded, mission, listen, replay, stop, udp, codec, leave)
    _say(f"The page is at http://{address[0]}:{address[1]}/ (Ctrl-C ends)")
    try:
        server.run(sockets=[web_socket])
    except KeyboardInterrupt:
        pass
    finally:
        has_failed = thread is not None and not thread.is_alive()
        stop.set()
        if thread is not None:
            thread.join()
    if has_failed:
        raise RoadError("the receiver stopped by itself; what it heard is in the archive")


@app.command()
def receive(
    mission: MissionOption = Path("mission.toml"), listen: ListenOption = None,
    replay: ReplayOption = None, codec: CodecOption = None, horus_udp: HorusUdpOption = None,
    summary_udp: SummaryUdpOption = None, ccsds_udp: CcsdsUdpOption = None,
) -> None:
    """Receive without a page."""
    loaded = load_mission(mission)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    udp = Udp(horus_udp, summary_udp, ccsds_udp)
    thread = _receive(loaded, mission, listen, replay, stop, udp, codec)
    if thread is None and replay is None:
        raise RoadError(f"{mission}: radio.kind is none, so there is nothing to receive from")
    _say(f"Receiving into {_archive_path(loaded, mission)} (Ctrl-C ends)")
    while thread is not None and thread.is_alive():
        thread.join(0.2)


@app.command()
def keygen(mission: MissionOption = Path("mission.toml")) -> None:
    """Make the key that signs what goes up and down. The payload needs a copy of the file."""
    loaded = load_mission(mission)
    path = mission.parent / loaded.keys.file
    key_file.create(path, secrets.token_bytes(MASTER_KEY_BYTES))
    print(f"{path}: 32 random bytes, mode 0600. Copy it to the payload; keep it out of git. "
          "A new flight deserves a new key.")


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="The question, at most 160 bytes.")],
    mission: MissionOption = Path("mission.toml"),
) -> None:
    """Queue a question; the running station sends it when the payload listens."""
    letter = _post(Opcode.ASK, clean_text(text), mission)
    print(f"Question {letter.letter_id} is queued.")


@app.command(context_settings={"ignore_unknown_options": True})
def command(
    name: Annotated[str, typer.Argument(help=", ".join(commander.names()) + ".")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="What the command takes; most take nothing.")
    ] = None,
    mission: MissionOption = Path("mission.toml"),
) -> None:
    """Queue a command; the running station signs and sends it when the payload listens."""
    try:
        opcode = commander.find(name)
    except ValueError as error:
        raise RoadError(f"{error}") from error
    letter = _post(opcode, clean_text(" ".join(arguments or [])), mission)
    print(f"Command {letter.letter_id} is queued: {commander.in_words(opcode, letter.text)}.")


@app.command("commands")
def list_commands(
    mission: MissionOption = Path("mission.toml"),
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 20,
) -> None:
    """List what was queued, oldest first, and what became of it."""
    loaded = load_mission(mission)
    with contextlib.closing(schema.connect_reader(_existing(loaded, mission))) as db:
        letters = outbox.recent(db, limit)
    for letter in reversed(letters):
        queued = datetime.fromtimestamp(letter.created_ms / 1000, UTC)
        what = commander.in_words(letter.opcode, letter.text)
        why = f": {letter.why}" if letter.why else ""
        print(f"{letter.letter_id}  {queued:%Y-%m-%d %H:%M:%S} UTC  {what}  "
              f"{letter.state}{why}, {letter.attempts} tries")
    if not letters:
        print("Nothing was queued yet.")


def _post(opcode: Opcode, text: str, mission: Path) -> Letter:
    """Queue a letter for the running station. Raises one of ``_SENTENCES``."""
    loaded = load_mission(mission)
    key_path = mission.parent / loaded.keys.file
    if not key_path.exists():
        raise KeyFileError(
            f"{key_path}: there is no key, so nothing can be sent; run `spacepi-ground keygen`"
        )
    key_file.load(key_path)  # one that cannot be used is refused before anything is queued
    path = _existing(loaded, mission)
    try:
        number = loaded.ground.station_number
        return outbox.post(path, opcode, text, _now_ms(), number)
    except ValueError as error:
        raise RoadError(f"{error}") from error


@app.command()
def rebuild(
    mission: MissionOption = Path("mission.toml"), codec: CodecOption = None
) -> None:
    """Decode the whole archive again from the raw receptions."""
    loaded = load_mission(mission)
    path = _existing(loaded, mission)
    archive = Archive(path)
    archive.rebuild()
    _ground(loaded, mission, archive, codec)
    count = archive.last_reception_id()
    undecodable = len(intake.listed(archive.db))
    archive.close()
    left = f"; {undecodable} are undecodable, see `spacepi-ground undecodable`" * bool(undecodable)
    print(f"{path}: {count} receptions decoded again{left}.")


@app.command("undecodable")
def list_undecodable(mission: MissionOption = Path("mission.toml")) -> None:
    """List the receptions that made a decoder raise, oldest first. Each is a bug: report it with
    the raw log."""
    loaded = load_mission(mission)
    with contextlib.closing(schema.connect_reader(_existing(loaded, mission))) as db:
        found = intake.listed(db)
    for one in found:
        heard = datetime.fromtimestamp(one.utc_ms / 1000, UTC)
        print(f"{one.reception_id}  {heard:%Y-%m-%d %H:%M:%S} UTC  {one.source}, "
              f"{one.size_bytes} bytes: {one.error}")
    if not found:
        print("Every reception was decoded.")


@app.command()
def export(
    out: Annotated[Path | None, typer.Argument(help="The folder to write into.")] = None,
    mission: MissionOption = Path("mission.toml"),
    ccsds_path: Annotated[
        Path | None,
        typer.Option("--ccsds", metavar="FILE", help="Every record as a CCSDS space packet."),
    ] = None,
) -> None:
    """Write musings, diary, track, telemetry and pictures; or space packets; or both."""
    loaded = load_mission(mission)
    if out is None and ccsds_path is None:
        raise RoadError("export: name a folder, or --ccsds FILE, or both")
    reader = FlightReader(_existing(loaded, mission), loaded)
    for path in exports.write_all(reader, out) if out is not None else []:
        print(path)
    impostors = reader.flight()["link"].get("impostor", 0)
    if impostors:
        print(f"Frames left out: {impostors}, in the name of {loaded.payload.name} "
              "and not signed by it. The raw log has them.")
    if ccsds_path is not None:
        found = ccsds.of_archive(reader.db, loaded.payload.node_id)
        count = ccsds.export((record for _, record in found), ccsds_path)
        print(f"{ccsds_path}: {count} packets")
    reader.close()


def _existing(mission: Mission, mission_path: Path) -> Path:
    path = _archive_path(mission, mission_path)
    if not path.exists():
        raise RoadError(f"{path}: there is no archive yet; `spacepi-ground serve` makes it")
    return path


def main() -> None:
    """Entry point: every bad input is one sentence and a non-zero exit."""
    # The standard library's handlers never raise: a log that is full does not stop the receiver.
    logging.raiseExceptions = False
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(message)s", force=True)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    try:
        app()
    except _SENTENCES as error:
        print(f"spacepi-ground: {error}", file=sys.stderr)
        sys.exit(1)
    except (OSError, sqlite3.Error) as error:
        print(f"spacepi-ground: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
