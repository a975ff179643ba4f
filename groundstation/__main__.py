"""``spacepi-ground``: receives a payload, displays its data, and sends questions and commands."""

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
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import typer

from groundstation.archive import connections, schema
from groundstation.archive.archive import Archive, ArchiveBusy
from groundstation.archive.schema import WrongVersion
from groundstation.control_room import joining
from groundstation.decode import intake, text_models
from groundstation.errors import StationError
from groundstation.export_command import export
from groundstation.ground import Ground
from groundstation.inputs import gateway, sondehub_poll
from groundstation.inputs.gateway import RadioConnection
from groundstation.inputs.kiss_server import KissServer, modem_test
from groundstation.inputs.merge_command import merge
from groundstation.inputs.module_line import ModuleLine, set_up
from groundstation.inputs.udp import NoRadio
from groundstation.inputs.udp_options import (
    CcsdsUdpOption,
    HorusUdpOption,
    SummaryUdpOption,
    Udp,
    address,
)
from groundstation.outbox_commands import (
    MissionOption,
    OutboxCommands,
    archive_path,
    existing_archive,
)
from groundstation.passes import command as passes_command
from groundstation.peers import exchange
from groundstation.process_limits import bound_process
from groundstation.share import upload_thread
from groundstation.sources import source_thread
from groundstation.tui import command as tui_command
from groundstation.web import lan as lan_page
from groundstation.web import token_file
from groundstation.web.link_command import links, links_to
from groundstation.web.map_tiles import MapTiles
from groundstation.web.routes import create_app
from groundstation.web.server import make_server
from wire import key_file
from wire.auth import MASTER_KEY_BYTES, Direction, derive_key
from wire.envelope import Envelope
from wire.key_file import KeyFileError
from wire.mission import Mission, MissionError
from wire.mission import load as load_mission
from wire.mission_radio import MODULES

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Receive a payload, display its data, and send it questions and commands.",
)
ListenOption = Annotated[
    str | None,
    typer.Option(
        "--listen", metavar="HOST:PORT",
        help="Act as the KISS TNC at this address instead of connecting to one (bench).",
    ),
]
ReplayOption = Annotated[
    Path | None, typer.Option("--replay", help="Replay a raw log in place of the radio.")
]
CodecOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--codec", metavar="FILE",
        help="A persona's text.codec, to decode its texts. Default: the mission's bundle and the "
             "*.codec files in the archive folder.",
    ),
]
LanOption = Annotated[
    bool,
    typer.Option(
        "--lan", help="Serve the page to other devices as well, and print their links.",
    ),
]
CHAT_LOOK_S = 0.5  # how often a chat looks into the archive
MapOption = Annotated[
    Path | None,
    typer.Option("--map", metavar="FILE",
                 help="An MBTiles or PMTiles file of raster tiles: the page's map."),
]
_SENTENCES = (ArchiveBusy, MissionError, KeyFileError, StationError, WrongVersion)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _uptime_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _wait() -> None:
    time.sleep(CHAT_LOOK_S)


def _say(sentence: str) -> None:
    """Print for the operator of a station that runs for days; the terminal may be gone."""
    with contextlib.suppress(OSError):
        print(sentence, flush=True)


def _ground(
    mission: Mission, mission_path: Path, archive: Archive, codecs: list[Path] | None
) -> Ground:
    """A station with its keys, where it has a key file, and the text models that it finds."""
    models = text_models.load(mission, mission_path.parent, codecs or [])
    rights = joining.rights(mission, _uptime_ms)
    path = mission_path.parent / mission.keys.file
    if not path.exists():
        return Ground(mission, archive, None, models=models, rights=rights)
    master = key_file.load(path)
    uplink_key = derive_key(master, mission.payload.node_id, Direction.UPLINK)
    return Ground(mission, archive, uplink_key, mission.downlink_key(master), models, rights)


def _radio(
    mission: Mission, listen: str | None, ground: Ground
) -> Callable[[], RadioConnection] | None:
    """How the radio is opened; None for a station without one."""
    if listen is None:
        return gateway.opener(mission, _uptime_ms)
    at = address("--listen", listen, "127.0.0.1:8001")
    server = KissServer(*at, _uptime_ms, modem_test(ground, Envelope(mission)))
    return lambda: server


def _receive(
    mission: Mission, mission_path: Path, listen: str | None, replay: Path | None,
    stop: threading.Event, udp: Udp, codecs: list[Path] | None,
    ended: Callable[[], None] = lambda: None,
) -> threading.Thread | None:
    """Open the archive and receive in a thread of its own, which calls ``ended`` when it stops.

    Replays are read at once.
    """
    archive = Archive(archive_path(mission, mission_path), mission.ground.raw_log_bytes_max)
    ground = _ground(mission, mission_path, archive, codecs)
    if replay is not None:
        ground.receive_many(gateway.replay(replay))
        archive.close()
        return None
    radio, udp_service = _radio(mission, listen, ground), udp.open(ground, mission, _now_ms)
    peers = exchange.start(ground, mission, mission_path.parent, _now_ms, _uptime_ms, stop)
    room = joining.start(ground, mission, mission_path.parent, _now_ms, _uptime_ms, stop)
    uploads = sondehub_poll.start(ground, mission, _now_ms, stop)
    others = [each for each in (udp_service, peers, room, uploads) if each is not None]
    if radio is None and (udp.horus is not None or peers or room or uploads):
        radio = NoRadio
    if radio is None:
        archive.close()
        return None

    def poll() -> None:
        for each in others:
            each.poll()

    def carry() -> None:
        try:
            gateway.run(ground, radio, Envelope(mission), _now_ms, stop, poll,
                        partial(connections.note, archive, connections.RADIO))
        finally:
            for each in others:
                each.close()
            archive.close()
            ended()

    upload_thread.start(archive.path, mission, _now_ms, stop)
    source_thread.start(archive.path, mission, _now_ms, stop)
    thread = threading.Thread(target=carry, name="radio")
    thread.start()
    return thread


@app.command()
def serve(
    mission: MissionOption = Path("mission.toml"), listen: ListenOption = None,
    replay: ReplayOption = None, codec: CodecOption = None, horus_udp: HorusUdpOption = None,
    summary_udp: SummaryUdpOption = None, ccsds_udp: CcsdsUdpOption = None,
    lan: LanOption = False, map_file: MapOption = None,
) -> None:
    """Receive, and serve the web page."""
    loaded = load_mission(mission)
    tiles = None if map_file is None else MapTiles(map_file)
    host, port = lan_page.EVERY_ADDRESS if lan else loaded.ground.web_host, loaded.ground.web_port
    here = "127.0.0.1" if host == lan_page.EVERY_ADDRESS else host
    path = archive_path(loaded, mission)
    tokens = token_file.load(path.parent)
    if tokens is None and lan_page.is_open(host):
        tokens = token_file.create(path.parent)
    try:
        web_socket = socket.create_server((host, port))
    except OSError as error:
        raise StationError(
            f"the page cannot be served at http://{here}:{port}: {gateway.why(error)}; "
            f"is another station running? Otherwise change ground.web_port in {mission}"
        ) from error
    page = create_app(path, loaded, tokens=tokens, tiles=tiles)
    server = make_server(page)

    def leave() -> None:
        server.should_exit = True

    stop = threading.Event()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it ends as Ctrl-C does
    udp = Udp(horus_udp, summary_udp, ccsds_udp)
    thread = None
    try:  # from here on a thread may hear, and must end with us
        thread = _receive(loaded, mission, listen, replay, stop, udp, codec, leave)
        words = f"The page is at http://{here}:{port}/ (Ctrl-C ends)"
        if tokens is not None and lan_page.is_open(host):
            words += "\n" + (links_to(host, port, tokens) if sys.stdout.isatty() else
                             "Other devices need a link: `spacepi-ground links` prints them")
        _say(words)
        server.run(sockets=[web_socket])
    except KeyboardInterrupt:
        pass
    finally:
        has_failed = thread is not None and not thread.is_alive()
        stop.set()
        if thread is not None:
            thread.join()
        page.state.pool.close()
    if has_failed:
        raise StationError("the receiver thread stopped unexpectedly; everything received so far "
                           "is in the archive")


app.command("links")(links)
app.command("tui")(tui_command.command(_now_ms))
app.command("passes")(passes_command.command(_now_ms))
app.command("merge")(merge)
app.command("export")(export)


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
        raise StationError(f"{mission}: radio.kind is none, so there is nothing to receive from")
    _say(f"Receiving into {archive_path(loaded, mission)} (Ctrl-C ends)")
    while thread is not None and thread.is_alive():
        thread.join(0.2)


@app.command("radio")
def set_up_radio(mission: MissionOption = Path("mission.toml")) -> None:
    """Set up the station's LoRa module as the mission file says. An EBYTE module must have its
    jumpers M0 and M1 in configuration mode."""
    radio = load_mission(mission).radio
    if radio.kind not in MODULES:
        raise StationError(f'{mission}: radio.kind = "{radio.kind}" has nothing to set up; allowed '
                           "here: ebyte, rylr")
    with contextlib.closing(ModuleLine(radio, _uptime_ms, has_mode_pins=True)) as line:
        print(f"{radio.device}: {set_up(line)}")
    if radio.kind == "ebyte":
        print("Now set the jumpers M0 and M1 to normal mode, both low.")


@app.command()
def keygen(mission: MissionOption = Path("mission.toml")) -> None:
    """Create the key that signs uplink and downlink. The payload needs a copy of the file."""
    loaded = load_mission(mission)
    path = mission.parent / loaded.keys.file
    key_file.create(path, secrets.token_bytes(MASTER_KEY_BYTES))
    print(f"{path}: a random key of 64 hex digits, mode 0600. Copy it to the payload; keep it out "
          "of git. Use a new key for every flight.")


@app.command()
def neighbour_key(
    out: Annotated[Path, typer.Argument(help="The file to write; one that exists is kept.")],
    mission: MissionOption = Path("mission.toml"),
) -> None:
    """Write the downlink key alone, for a neighbour that answers this payload."""
    loaded = load_mission(mission)
    key = loaded.downlink_key(key_file.load(mission.parent / loaded.keys.file))
    if key is None:
        raise StationError(f"{mission}: keys.downlink_mac = false, so it signs nothing to verify")
    key_file.create(out, key)
    print(f"{out}: with it a neighbour can verify this payload, and pretend to be it. Mode 0600.")


for _name, _run in OutboxCommands(_now_ms, _wait).all().items():
    app.command(_name, context_settings={"ignore_unknown_options": _name == "command"})(_run)


@app.command()
def rebuild(
    mission: MissionOption = Path("mission.toml"), codec: CodecOption = None
) -> None:
    """Decode the whole archive again from the raw receptions."""
    loaded = load_mission(mission)
    path = existing_archive(loaded, mission)
    archive = Archive(path, loaded.ground.raw_log_bytes_max)
    archive.rebuild()
    _ground(loaded, mission, archive, codec)
    count = archive.last_reception_id()
    undecodable = len(intake.listed(archive.db))
    archive.close()
    left = f"; {undecodable} undecodable, see `spacepi-ground undecodable`" * bool(undecodable)
    print(f"{path}: decoded {count} receptions again{left}.")


@app.command("undecodable")
def list_undecodable(mission: MissionOption = Path("mission.toml")) -> None:
    """List the receptions on which a decoder failed, oldest first. Each is a bug: report it with
    the raw log."""
    loaded = load_mission(mission)
    with contextlib.closing(schema.connect_reader(existing_archive(loaded, mission))) as db:
        found = intake.listed(db)
    for one in found:
        received = datetime.fromtimestamp(one.utc_ms / 1000, UTC)
        print(f"{one.reception_id}  {received:%Y-%m-%d %H:%M:%S} UTC  {one.source}, "
              f"{one.size_bytes} bytes: {one.error}")
    if not found:
        print("Every reception was decoded.")


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
    bound_process()
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
