"""``spacepi-ground passes``: when the payload in orbit can be heard."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from groundstation.archive import schema
from groundstation.errors import StationError
from groundstation.outbox_commands import MissionOption, archive_path
from groundstation.passes import current_elements, drawing, terminal
from groundstation.passes.upcoming import AGE_DAYS_GOOD, coming
from groundstation.tle_file import read_tle
from wire.mission import Mission
from wire.mission import load as load_mission
from wire.mission_orbit import OrbitStation
from wire.orbit import Elements, OrbitError

HOURS_MAX = 240.0
TleOption = Annotated[
    Path | None,
    typer.Option("--tle", metavar="FILE", help="File with a two-line element set, with or without "
                                               "a name line. Default: the newest in the mission "
                                               "file and among those queued."),
]
AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="LAT,LON[,ALT]", help="A place in degrees and metres. Default: "
                                                       "the mission's stations."),
]
LeastOption = Annotated[
    float | None,
    typer.Option("--elevation", min=0.0, max=80.0, metavar="DEGREES",
                 help="Where a pass begins and ends. Default: each station's own; 5 for --at."),
]
HoursOption = Annotated[
    float, typer.Option(min=0.5, max=HOURS_MAX, help="How many hours to look ahead.")]
SvgOption = Annotated[
    Path | None, typer.Option("--svg", metavar="FILE", help="Write a drawing to this file.")]
HtmlOption = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a page with the drawing to this file."),
]


def command(now_ms: Callable[[], int]) -> Callable[..., None]:
    """The command, with the clock from which it looks ahead."""

    def passes(
        mission: MissionOption = Path("mission.toml"), tle: TleOption = None, at: AtOption = None,
        least: LeastOption = None, hours: HoursOption = 24.0, svg: SvgOption = None,
        html: HtmlOption = None,
    ) -> None:
        """Show when the payload in orbit passes over the stations, and how high."""
        loaded = load_mission(mission) if tle is None or at is None else None
        orbit = None if loaded is None else loaded.orbit
        elements = read_tle(tle) if tle is not None else _known(loaded, mission)
        stations = (place(at),) if at is not None else () if orbit is None else orbit.stations
        if elements is None:
            raise StationError(f"{mission}: has no orbit.tle; add it, or give --tle FILE")
        if not stations:
            raise StationError(f"{mission}: has no [[orbit.stations]]; add one, or give --at "
                               "LAT,LON")
        if least is not None:
            stations = tuple(
                each.model_copy(update={"elevation_min_deg": least}) for each in stations)
        from_ms = now_ms()
        try:
            found = coming(elements, stations, from_ms, hours)
        except OrbitError as error:
            raise StationError(f"passes: {error}; newer elements are required") from error
        name = elements.lines[0][2:7] if loaded is None else loaded.payload.name
        for line in (*terminal.table(found), *terminal.plot(found)):
            print(line)
        if not found:
            print(f"No pass in the next {hours:g} hours.")
        age_days = elements.age_days(from_ms)
        if age_days > AGE_DAYS_GOOD:
            print(f"The elements are {age_days:.0f} days old: times may be off by minutes.")
        if svg is not None:
            svg.write_text(drawing.svg(found), encoding="utf-8")
            print(svg)
        if html is not None:
            html.write_text(drawing.page(found, name), encoding="utf-8")
            print(html)

    return passes


def _known(mission: Mission | None, mission_path: Path) -> Elements | None:
    """The newest elements of the mission's payload, with those that the archive knows."""
    if mission is None or mission.orbit is None:
        return None
    path = archive_path(mission, mission_path)
    if not path.exists():
        return mission.orbit.elements
    with contextlib.closing(schema.connect_reader(path)) as db:
        return current_elements.current(db, mission.orbit)


def place(text: str) -> OrbitStation:
    """A station at LAT,LON or LAT,LON,ALT. Raises StationError."""
    wrong = StationError(f"--at {text!r}: allowed is LAT,LON or LAT,LON,ALT: degrees north -90 to "
                         "90 and east -180 to 180, metres -500 to 9000")
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise wrong from error
    if len(numbers) not in (2, 3):
        raise wrong
    try:
        return OrbitStation(name="here", latitude_deg=numbers[0], longitude_deg=numbers[1],
                            altitude_m=numbers[2] if len(numbers) == 3 else 0.0)
    except ValueError as error:
        raise wrong from error

