"""``spacepi-ground``: hear a payload, show what it says, answer it."""

from __future__ import annotations

import logging
import secrets
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import structlog
import typer

from groundstation import export as exports
from groundstation import gateway, outbox
from groundstation.archive import Archive, ArchiveBusy
from groundstation.gateway import KissServer, Road, RoadError
from groundstation.ground import Ground
from groundstation.hygiene import clean_text
from groundstation.reader import FlightReader
from groundstation.schema import WrongVersion
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
    Path, typer.Option("--mission", "-m", help="The mission file that the payload flies with.")
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
_SENTENCES = (ArchiveBusy, MissionError, KeyFileError, RoadError, WrongVersion)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _archive_path(mission: Mission, mission_path: Path) -> Path:
    return mission_path.parent / mission.ground.archive_dir / ARCHIVE_NAME


def _uplink_key(mission: Mission, mission_path: Path) -> bytes | None:
    path = mission_path.parent / mission.keys.file
    if not path.exists():
        return None
    return derive_key(key_file.load(path), mission.payload.node_id, Direction.UPLINK)


def _road(mission: Mission, listen: str | None) -> Callable[[], Road] | None:
    if listen is None:
        return gateway.opener(mission)
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise RoadError(f"--listen {listen}: write it as HOST:PORT, such as 127.0.0.1:8001")
    server = KissServer(host.strip("[]"), int(port))
    return lambda: server


def _receive(
    mission: Mission, mission_path: Path, listen: str | None, replay: Path | None,
    stop: threading.Event, ended: Callable[[], None] = lambda: None,
) -> threading.Thread | None:
    """Open the archive and hear on a thread of its own, which calls ``ended`` when it stops.

    Replays are read at once.
    """
    archive = Archive(_archive_path(mission, mission_path))
    ground = Ground(mission, archive, _uplink_key(mission, mission_path))
    if replay is not None:
        heard = list(gateway.replay(replay))
        for start in range(0, len(heard), 500):
            ground.receive_many(heard[start : start + 500])
        archive.close()
        return None
    road = _road(mission, listen)
    if road is None:
        archive.close()
        return None

    def carry() -> None:
        try:
            gateway.run(ground, road, Envelope(mission), _now_ms, stop)
        finally:
            archive.close()
            ended()

    thread = threading.Thread(target=carry, name="radio")
    thread.start()
    return thread


@app.command()
def serve(
    mission: MissionOption = Path("mission.toml"), listen: ListenOption = None,
    replay: ReplayOption = None,
) -> None:
    """Receive, and serve the page."""
    loaded = load_mission(mission)
    address = (loaded.ground.web_host, loaded.ground.web_port)
    try:
        web_socket = socket.create_server(address)
    except OSError as error:
        raise RoadError(
            f"the page cannot be served at http://{address[0]}:{address[1]}: "
            f"{error.strerror}; change ground.web_port in {mission}"
        ) from error
    page = create_app(_archive_path(loaded, mission), loaded)
    server = make_server(page)

    def leave() -> None:
        server.should_exit = True

    stop = threading.Event()
    thread = _receive(loaded, mission, listen, replay, stop, leave)
    print(f"The page is at http://{address[0]}:{address[1]}/ (Ctrl-C ends)", flush=True)
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
    replay: ReplayOption = None,
) -> None:
    """Receive without a page."""
    loaded = load_mission(mission)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    thread = _receive(loaded, mission, listen, replay, stop)
    if thread is None and replay is None:
        raise RoadError(f"{mission}: radio.kind is none, so there is nothing to receive from")
    print(f"Receiving into {_archive_path(loaded, mission)} (Ctrl-C ends)", flush=True)
    while thread is not None and thread.is_alive():
        thread.join(0.2)


@app.command()
def keygen(mission: MissionOption = Path("mission.toml")) -> None:
    """Make the key that signs what goes up. The payload needs a copy of the file."""
    loaded = load_mission(mission)
    path = mission.parent / loaded.keys.file
    key_file.create(path, secrets.token_bytes(MASTER_KEY_BYTES))
    print(f"{path}: 32 random bytes, mode 0600. Copy it to the payload; keep it out of git.")


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="The question, at most 160 bytes.")],
    mission: MissionOption = Path("mission.toml"),
) -> None:
    """Queue a question; the running station sends it when the payload listens."""
    loaded = load_mission(mission)
    if _uplink_key(loaded, mission) is None:
        raise KeyFileError(
            f"{mission.parent / loaded.keys.file}: there is no key, so nothing can be sent; "
            "run `spacepi-ground keygen`"
        )
    path = _existing(loaded, mission)
    try:
        letter = outbox.post(path, Opcode.ASK, clean_text(text), _now_ms())
    except ValueError as error:
        raise RoadError(f"{error}") from error
    print(f"Question {letter.letter_id} is queued.")


@app.command()
def rebuild(mission: MissionOption = Path("mission.toml")) -> None:
    """Decode the whole archive again from the raw receptions."""
    loaded = load_mission(mission)
    path = _existing(loaded, mission)
    archive = Archive(path)
    archive.rebuild()
    Ground(loaded, archive, _uplink_key(loaded, mission))
    count = archive.last_reception_id()
    archive.close()
    print(f"{path}: {count} receptions decoded again.")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="The folder to write into.")],
    mission: MissionOption = Path("mission.toml"),
) -> None:
    """Write musings.txt, diary.csv, track.geojson, telemetry.csv and pictures/index.html."""
    loaded = load_mission(mission)
    reader = FlightReader(_existing(loaded, mission), loaded)
    for path in exports.write_all(reader, out):
        print(path)
    reader.close()


def _existing(mission: Mission, mission_path: Path) -> Path:
    path = _archive_path(mission, mission_path)
    if not path.exists():
        raise RoadError(f"{path}: there is no archive yet; `spacepi-ground serve` makes it")
    return path


def main() -> None:
    """Entry point: every bad input is one sentence and a non-zero exit."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
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
