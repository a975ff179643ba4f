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
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import structlog
import typer

from groundstation import ccsds, gateway, outbox, text_models
from groundstation import export as exports
from groundstation.archive import Archive, ArchiveBusy
from groundstation.feeds import PacketFeed, SummaryFeed
from groundstation.gateway import KissServer, Road, RoadError
from groundstation.ground import Ground
from groundstation.hygiene import clean_text
from groundstation.reader import FlightReader
from groundstation.schema import WrongVersion
from groundstation.udp import Beside, Deaf, Listener, Teller
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
    server = KissServer(*_address("--listen", listen, "127.0.0.1:8001"))
    return lambda: server


def _address(option: str, text: str, example: str) -> tuple[str, int]:
    """(host, port) as written. Raises RoadError."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 <= int(port) <= 65535:
        raise RoadError(f"{option} {text}: write it as HOST:PORT, such as {example}")
    return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True)
class _Udp:
    """What is to stand beside the radio, as written on the command line."""

    horus: str | None = None
    summary: str | None = None
    ccsds: str | None = None

    def open(self, ground: Ground, mission: Mission) -> Beside | None:
        """Raises RoadError when an address is wrong or taken; None when nothing is asked for."""
        listener, tellers = None, []
        if self.horus is not None:
            at = self.horus if ":" in self.horus else f"127.0.0.1:{self.horus}"
            listener = Listener(*_address("--horus-udp", at, "127.0.0.1:55672"))
        if self.summary is not None:
            reader = FlightReader(ground.archive.path, mission)
            address = _address("--summary-udp", self.summary, "255.255.255.255:55672")
            tellers.append(Teller(SummaryFeed(reader, mission), *address))
        if self.ccsds is not None:
            address = _address("--ccsds-udp", self.ccsds, "127.0.0.1:10015")
            feed = PacketFeed(ground.archive.db, mission.payload.node_id)
            tellers.append(Teller(feed, *address))
        return Beside(ground, _now_ms, listener, tellers) if listener or tellers else None


def _receive(
    mission: Mission, mission_path: Path, listen: str | None, replay: Path | None,
    stop: threading.Event, udp: _Udp, codecs: list[Path] | None,
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
    road, beside = _road(mission, listen), udp.open(ground, mission)
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
            f"{error.strerror}; change ground.web_port in {mission}"
        ) from error
    page = create_app(_archive_path(loaded, mission), loaded)
    server = make_server(page)

    def leave() -> None:
        server.should_exit = True

    stop = threading.Event()
    udp = _Udp(horus_udp, summary_udp, ccsds_udp)
    thread = _receive(loaded, mission, listen, replay, stop, udp, codec, leave)
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
    replay: ReplayOption = None, codec: CodecOption = None, horus_udp: HorusUdpOption = None,
    summary_udp: SummaryUdpOption = None, ccsds_udp: CcsdsUdpOption = None,
) -> None:
    """Receive without a page."""
    loaded = load_mission(mission)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    udp = _Udp(horus_udp, summary_udp, ccsds_udp)
    thread = _receive(loaded, mission, listen, replay, stop, udp, codec)
    if thread is None and replay is None:
        raise RoadError(f"{mission}: radio.kind is none, so there is nothing to receive from")
    print(f"Receiving into {_archive_path(loaded, mission)} (Ctrl-C ends)", flush=True)
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
        letter = outbox.post(path, Opcode.ASK, clean_text(text), _now_ms(), number)
    except ValueError as error:
        raise RoadError(f"{error}") from error
    print(f"Question {letter.letter_id} is queued.")


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
    archive.close()
    print(f"{path}: {count} receptions decoded again.")


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
