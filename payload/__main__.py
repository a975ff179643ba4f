"""The payload daemon: real devices are connected to the flight core here, and nowhere else.

    spacepi-payload preflight --mission mission.toml    GO or NO-GO, on one page; on the Pi, where
                                                        it flies already: spacepi-preflight
    spacepi-payload run --mission mission.toml          fly
    spacepi-payload assemble --mission mission.toml     make the model of an adapter bundle
    spacepi-payload scan                                what is connected, as a [sensors] section
    spacepi-payload powersave                           what can be switched off in flight
    spacepi-payload diary --mission mission.toml        what this flight said, for the next one

If something is missing (a sensor, the radio, the model, the disk), the daemon flies without it,
says so once, and keeps the beacon going.
"""

from __future__ import annotations

# isort: off
from payload import late_imports  # noqa: F401 (before structlog: see there)
# isort: on
import atexit
import contextlib
import os
import random
import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated

import structlog
import typer

from payload import (
    assembly,
    diary_command,
    flight_log,
    llama_library,
    mind_start,
    onboard_files,
    preflight,
)
from payload.devices import fitted
from payload.devices.buses import Buses
from payload.drivers import one_wire
from payload.drivers.aplay import AplaySpeaker
from payload.drivers.baud_search import BaudSearch
from payload.drivers.camera import wired_camera
from payload.drivers.clock import BootClock
from payload.drivers.codec_thread import CodecThread
from payload.drivers.disk_thread import DiskThread
from payload.drivers.http import HttpClient
from payload.drivers.i2c import LinuxI2cBus
from payload.drivers.journal import hold_standard_streams, log_to_standard_error
from payload.drivers.microphone import wired_microphone
from payload.drivers.mind_socket import MindSocket
from payload.drivers.modems.wiring import wired_radio
from payload.drivers.one_wire import KernelThermometer
from payload.drivers.powersave_socket import PowersaveSocket
from payload.drivers.serial_port import SerialStream, serial_ports
from payload.drivers.single_instance import AnotherPayload, SingleInstance
from payload.drivers.system import SysfsBoard
from payload.drivers.systemd import SystemdWatchdog
from payload.flight import Flight
from payload.flight_ports import FlightPorts
from payload.link import horus_fsk
from payload.mind.persona import load_persona
from payload.ports import DeviceAbsent, Radio, Switch
from payload.preflight import Line, Machine
from payload.scan import look, scan_command
from payload.storage.database import free_bytes
from payload.storage.durable_store import END_MS_MAX, OPEN_MS_MAX, Store
from payload.storage.writer import Writer
from wire import key_file, mission
from wire.bundle import BundleError
from wire.key_file import KeyFileError
from wire.mission import Mission, MissionError
from wire.records import Kind

NO_GO, USAGE_ERROR, DISK_STALLED = 1, 2, 3
LOOK_MS = 10  # how soon to look again whether the disk has answered
RUN_DIR_VARIABLE = "RUNTIME_DIRECTORY"  # set by systemd: /run/spacepi
MIND_SOCKET = "mind.sock"

# Plain text: the Pi has no rich, and the journal no colours.
app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None,
                  pretty_exceptions_enable=False)
app.command()(assembly.assemble)
app.command("diary")(diary_command.write_diary)
log = structlog.get_logger("payload")
# Whether it can be read is said in our own words, in one sentence.
MissionOption = Annotated[
    Path, typer.Option("--mission", help="Mission file.", readable=False)
]


@app.callback()
def _describe() -> None:
    """The flight computer of a balloon payload."""
    hold_standard_streams()
    log_to_standard_error()


@app.command()
def run(
    mission_path: MissionOption = Path("mission.toml"),
    start_mind: Annotated[
        bool, typer.Option(help="Also start the mind worker; on the Pi it is a separate unit.")
    ] = False,
) -> None:
    """Run the flight computer until SIGTERM, SIGINT or power loss."""
    with contextlib.ExitStack() as open_things:
        watchdog = SystemdWatchdog()
        flight, codec = _wired(mission_path, start_mind, watchdog, open_things)
        store, node = flight.store, flight.settings.mission.payload.node_id
        log.info("flying", boot=store.boot, mission=str(mission_path), node=node)
        try:
            _fly(flight, codec, watchdog)
        finally:
            watchdog.stopping()
            log.info("stopped", records=store.count())


@app.command("preflight")
def run_preflight(
    mission_path: MissionOption = Path("mission.toml"),
    seconds: Annotated[
        int, typer.Option(min=1, max=600, help="Seconds to wait for a first fix and other pending "
                                               "checks.")
    ] = 60,
    leave_safe: Annotated[
        bool, typer.Option("--leave-safe", help="Clear the starts that led to SAFE, and examine "
                                                "camera and mind too.")
    ] = False,
) -> None:
    """Print a one-page GO or NO-GO check. On the Pi use spacepi-preflight, which pauses the daemon.

    It transmits, as in flight. Without systemd it starts the mind worker itself.
    """
    log_to_standard_error(is_quiet=True)
    with contextlib.ExitStack() as open_things:
        start_mind = RUN_DIR_VARIABLE not in os.environ
        flight, codec = _wired(mission_path, start_mind, SystemdWatchdog(), open_things)
        if leave_safe:
            flight.starts.clear()
        machine = _machine(flight.settings.mission, mission_path.resolve().parent)
        typer.echo(f"Checking for up to {seconds} s; transmits as in flight.", err=True)
        flight.camera.take_now()
        flight.mind.muse_now()
        clock = BootClock()
        started_ms, now_ms = clock.now_ms(), 0
        lines: list[Line] = []
        while now_ms < seconds * 1000 and not preflight.is_settled(lines, now_ms):
            clock.wait_until(started_ms + flight.step(now_ms))
            codec.hand_to(flight.downlink.queue.use)
            now_ms = clock.now_ms() - started_ms
            for note in flight.notes:
                if note.kind is Kind.MUSING:
                    machine = replace(machine, musing=note.body["text"])
            lines = preflight.examine(flight, machine, now_ms)
        _end(flight, clock, started_ms)
    typer.echo(preflight.page(lines))
    raise typer.Exit(0 if preflight.is_go(lines) else NO_GO)


@app.command()
def scan(
    write: Annotated[
        Path | None, typer.Option("--write", help="Mission file whose section `sensors` is to be "
                                                  "updated.", readable=False)
    ] = None,
    bus: Annotated[int, typer.Option(help="Number of the I2C bus.", min=0, max=20)] = 1,
) -> None:
    """Find what is connected to the buses and serial ports, and print its `sensors` section.

    The flight core must not run meanwhile: sudo systemctl stop spacepi-payload.
    """
    with contextlib.ExitStack() as open_things:
        i2c, clock = LinuxI2cBus(bus), BootClock()
        open_things.callback(i2c.close)
        connected = look.look(
            bus, i2c if i2c.is_there() else None, one_wire.found(), serial_ports(), SerialStream,
            lambda pause_ms: clock.wait_until(clock.now_ms() + pause_ms))
    scan_command.conclude(connected, write)


@app.command()
def powersave(
    try_s: Annotated[
        int | None, typer.Option("--try", min=5, max=120, help="Save power for this many seconds, "
                                                               "as in flight, then undo it.")
    ] = None,
) -> None:
    """Print what this machine can switch off in flight, and try it."""
    saver, clock = PowersaveSocket(), BootClock()
    summary = saver.summary
    if summary is None:
        typer.echo("The service is off: sudo systemctl enable --now spacepi-powersave", err=True)
        raise typer.Exit(NO_GO)
    typer.echo(summary)
    if try_s is not None:
        typer.echo(f"Saving for {try_s} s; a connection by Wi-Fi pauses.")
        with contextlib.closing(saver):
            saver.ask(is_away=True, is_idle=True)
            end_ms = clock.now_ms() + 1000 * try_s
            while clock.now_ms() < end_ms:
                clock.wait_until(end_ms)
        typer.echo("Everything is back.")


def _machine(plan: Mission, base: Path) -> Machine:
    """The state of the machine that preflight examines beside the flight core."""
    key_flaw = persona_flaw = free = None
    try:
        key_file.load(base / plan.keys.file)
    except KeyFileError as error:
        key_flaw = str(error)
    try:
        load_persona(base / plan.mind.bundle, plan.mind.public_keys)  # every file read anew
    except BundleError as error:
        persona_flaw = str(error)
    with contextlib.suppress(OSError):
        free = free_bytes(base / plan.payload.data_dir)
    return Machine(SysfsBoard().is_hardware_watchdog_armed(), free, persona_flaw, key_flaw,
                   llama_library.absence())


def _wired(
    mission_path: Path, start_mind: bool, watchdog: SystemdWatchdog,
    open_things: contextlib.ExitStack,
) -> tuple[Flight, CodecThread]:
    """The flight computer of the mission file with its real devices; exits with a message on error.

    Where the file is wrong, or another payload has its store open. The disk opens meanwhile.
    """
    base = mission_path.resolve().parent
    clock = BootClock()
    try:
        plan = mission.load(mission_path)
        radio = wired_radio(plan, open_things)
        path = base / plan.payload.data_dir / diary_command.STORE_NAME
        open_things.callback(SingleInstance(path).close)
    except (MissionError, AnotherPayload) as error:
        with contextlib.suppress(OSError):  # its reader may be gone
            typer.echo(str(error), err=True)
        raise typer.Exit(USAGE_ERROR) from error
    disk = DiskThread(Writer(path))
    open_things.callback(_close, disk)
    store, asked_ms = Store(disk, random.SystemRandom()), clock.now_ms()
    persona = onboard_files.persona(plan, base)
    ports = _ports(
        plan, base, persona is not None and start_mind, watchdog, radio, open_things)
    uplink_key, downlink_key = onboard_files.keys(plan, base)
    memory = onboard_files.memory(persona, plan, base)
    while not store.open() and clock.now_ms() - asked_ms < OPEN_MS_MAX:
        clock.wait_until(clock.now_ms() + LOOK_MS)
    flight = Flight(
        plan, ports, store, persona.text if persona else None, memory, uplink_key,
        random.Random(f"{plan.payload.node_id}:{store.boot}"), downlink_key,
        sampling=persona.manifest.sampling if persona else None,
        neighbours=onboard_files.known_neighbours(plan, base))
    return flight, CodecThread(lambda: onboard_files.codec(persona))


def _close(disk: DiskThread) -> None:
    """A card that blocks its thread must delay neither the shutdown nor the next start."""
    if not disk.close(END_MS_MAX / 1000):
        log.error("store_stalled", reason="the disk does not answer; closing without it")
        atexit.register(os._exit, DISK_STALLED)


def _fly(flight: Flight, codec: CodecThread, watchdog: SystemdWatchdog) -> None:
    """Step, wait until the next step is due, repeat; SIGTERM and SIGINT end it between steps."""
    is_asked_to_stop = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal is_asked_to_stop
        is_asked_to_stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    clock = BootClock()
    started_ms = clock.now_ms()
    due_ms = flight.step(0)  # sends a beacon, which waits for no codec
    flight_log.tell(flight.notes)
    watchdog.ready()
    while not (is_asked_to_stop or flight.commands.is_ending):
        clock.wait_until(started_ms + due_ms)
        now_ms = clock.now_ms() - started_ms
        if now_ms >= due_ms:
            codec.hand_to(flight.downlink.queue.use)
            due_ms = flight.step(now_ms)
            flight_log.tell(flight.notes)
    _end(flight, clock, started_ms)


def _end(flight: Flight, clock: BootClock, started_ms: int) -> None:
    """Shut down in order; pending data is committed if the disk answers in time."""
    begun_ms = clock.now_ms()
    flight.end(begun_ms - started_ms)
    while flight.store.is_busy and clock.now_ms() - begun_ms < END_MS_MAX:
        clock.wait_until(clock.now_ms() + LOOK_MS)
        flight.store.commit(clock.now_ms() - started_ms)


def _ports(
    plan: Mission, base: Path, start_mind: bool, watchdog: SystemdWatchdog,
    radio: Radio | None, open_things: contextlib.ExitStack,
) -> FlightPorts:
    """The real devices of ``plan``; ``start_mind`` if no other unit starts the worker."""
    sensors = plan.sensors
    bus = None if sensors.i2c_bus is None else LinuxI2cBus(sensors.i2c_bus)
    if bus is not None:
        open_things.callback(bus.close)
    buses = Buses(bus, KernelThermometer)
    gnss_stream = BaudSearch(SerialStream(sensors.gnss_device, sensors.gnss_baud))
    open_things.callback(gnss_stream.close)
    run_dir, pin = _run_dir(base, open_things), plan.flight.cutdown_pin
    return FlightPorts(
        gnss=fitted.receiver(sensors, buses, gnss_stream),
        sensors=fitted.sensors(sensors, buses),
        radio=radio,
        mind=_mind(plan, base, run_dir / MIND_SOCKET, start_mind, open_things),
        camera=wired_camera(plan, run_dir),
        microphone=wired_microphone(plan, base),
        http=HttpClient(user_agent=f"spacepi/{plan.payload.callsign}"),
        watchdog=watchdog,
        board=SysfsBoard(),
        cutdown=None if pin is None else _output_pin(pin, "no_cutdown", open_things),
        saver=_saver(plan, open_things),
        speaker=_speaker(plan, open_things),
    )


def _mind(
    plan: Mission, base: Path, socket: Path, start_mind: bool, open_things: contextlib.ExitStack
) -> MindSocket | None:
    """None where no worker can ever listen: that is no mind, not one that is lost."""
    absence = llama_library.absence()
    if absence is not None:
        log.warning("no_mind", reason=absence)
        return None
    mind = MindSocket(socket, mind_start.worker_command(plan, base, socket) if start_mind else None)
    open_things.callback(mind.close)
    return mind


def _output_pin(number: int, lost: str, open_things: contextlib.ExitStack) -> Switch | None:
    """None where it cannot be driven, with the event ``lost``."""
    from payload.drivers.pins import OutputPin  # gpiozero: 2 MB, which most flights do not need

    try:
        pin = OutputPin(number)
    except DeviceAbsent as error:
        log.error(lost, reason=str(error))
        return None
    open_things.callback(pin.close)
    return pin


def _saver(plan: Mission, open_things: contextlib.ExitStack) -> PowersaveSocket | None:
    if not plan.power.powersave:
        return None
    saver = PowersaveSocket()
    open_things.callback(saver.close)
    return saver


def _speaker(plan: Mission, open_things: contextlib.ExitStack) -> AplaySpeaker | None:
    """The transmitter of [horus]; without its pin it is keyed by the sound, or not at all."""
    own = plan.horus
    if own is None:
        return None
    key = None if own.key_pin is None else _output_pin(own.key_pin, "no_horus_key", open_things)
    speaker = AplaySpeaker(
        own.device, horus_fsk.RATE_HZ,
        lambda frame: horus_fsk.samples(frame, own.level_percent, own.base_hz), key)
    open_things.callback(speaker.close)
    return speaker


def _run_dir(base: Path, open_things: contextlib.ExitStack) -> Path:
    """Where sockets and pictures go; beside the mission file when the disk gives nothing else."""
    given = os.environ.get(RUN_DIR_VARIABLE)
    if given:
        return Path(given)
    try:
        return Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="spacepi-")))
    except OSError as error:
        log.warning("no_run_dir", reason=str(error))
        return base


def main() -> None:
    """Entry point of ``spacepi-payload``."""
    app()


if __name__ == "__main__":
    main()
