"""The body of each kind of record: its keys, their types, their meaning and unit.

The payload writes these and the ground reads them. A key that is unknown at the time is left out,
never zero. Off the air any key may hold anything: these types say what our payload sends, and a
reader of ``wire.bodies.Body`` checks each value.

A key's place in its class is its number on the air (``wire.bodies``): keys are only ever added, at
the end.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict, get_type_hints

Severity = Literal["info", "warning", "error"]


class EventBody(TypedDict):
    event: Annotated[str, "name of the event, snake_case"]
    severity: Annotated[Severity, "info | warning | error"]
    fields: Annotated[NotRequired[dict[str, Any]], "map of details, each name with its unit"]


class TrackBody(TypedDict, total=False):
    lat: Annotated[int, "latitude, degrees x 1e7"]
    lon: Annotated[int, "longitude, degrees x 1e7"]
    alt: Annotated[int, "altitude above mean sea level, m"]
    climb: Annotated[int, "climb, cm/s"]
    spd: Annotated[int, "ground speed, cm/s"]
    hdg: Annotated[int, "course over ground, degrees"]
    sats: Annotated[int, "satellites used"]


HousekeepingBody = TypedDict("HousekeepingBody", {  # ``in`` cannot be the name of a class's field
    "mv": Annotated[int, "battery, mV"],
    "ma": Annotated[int, "current drawn, mA"],
    "out": Annotated[int, "outside temperature, 0.1 C"],
    "in": Annotated[int, "inside temperature, 0.1 C"],
    "soc": Annotated[int, "processor temperature, C"],
    "hpa": Annotated[int, "pressure, 0.1 hPa"],
    "rh": Annotated[int, "relative humidity, %"],
    "phase": Annotated[int, "flight phase"],
    "power": Annotated[int, "power mode"],
    "queue": Annotated[int, "records not yet confirmed"],
    "faults": Annotated[int, "fault bits, see wire.beacon.FaultBits"],
    "land_lat": Annotated[int, "predicted landing: latitude, degrees x 1e7"],
    "land_lon": Annotated[int, "longitude, degrees x 1e7"],
    "land_s": Annotated[
        int, "time until landing, s; in ascent and float for a burst here and now"],
    "land_along": Annotated[int, "one standard deviation in the direction of the drift, m"],
    "land_across": Annotated[int, "one standard deviation across it, m"],
    "land_dir": Annotated[int, "direction of the drift, degrees from north by east"],
    "beacon": Annotated[int, "current interval between beacons, s"],
    "pmv": Annotated[int, "solar panel, mV"],
    "pma": Annotated[int, "current from the solar panel, mA"],
    "spin": Annotated[int, "spin about the vertical, degrees/s, anticlockwise seen from above"],
}, total=False)


class MusingBody(TypedDict):
    text: Annotated[str, "the line"]
    about: Annotated[str, "its topic"]
    lat: Annotated[NotRequired[int], "latitude at which it was generated, degrees x 1e7"]
    lon: Annotated[NotRequired[int], "longitude, degrees x 1e7"]
    alt: Annotated[NotRequired[int], "altitude, m"]
    senses: Annotated[str, "sensor readings as words of the prompt"]
    by: Annotated[Literal["model", "canned"], "model | canned"]
    tok: Annotated[NotRequired[int], "tokens of the reply"]
    ms: Annotated[NotRequired[int], "generation time, ms"]
    answers: Annotated[
        NotRequired[list[int]], "musing of a neighbour: node id, incarnation, record id"]


class ReplyBody(TypedDict):
    text: Annotated[str, "the line"]
    question: Annotated[str, "the question it answers"]
    question_id: Annotated[int, "id assigned by the ground"]
    alt: Annotated[NotRequired[int], "altitude, m"]
    by: Annotated[Literal["model", "canned"], "model | canned"]
    tok: Annotated[NotRequired[int], "tokens of the reply"]
    ms: Annotated[NotRequired[int], "generation time, ms"]


class ApiCallBody(TypedDict):
    api: Annotated[str, "name from the mission file"]
    outcome: Annotated[
        str, "ok | 404 | 429 | 500 | other | timeout | unreachable | garbage | redirected"
             " | blocked | asked"]
    status: Annotated[NotRequired[int], "HTTP status, if one was received"]
    ms: Annotated[int, "time until the outcome, ms"]
    summary: Annotated[NotRequired[str], "first words of a successful answer"]
    request: Annotated[NotRequired[int], "id of a request by radio, of its answer or its end"]
    lat: Annotated[NotRequired[int], "latitude of the place asked about, degrees x 1e7"]
    lon: Annotated[NotRequired[int], "longitude, degrees x 1e7"]
    alt: Annotated[NotRequired[int], "altitude, m"]


class ThumbnailBody(TypedDict):
    image: Annotated[bytes, "a complete small picture, JPEG or WebP"]
    scene: Annotated[NotRequired[str], "dark | cloud | horizon | sun"]
    alt: Annotated[NotRequired[int], "altitude, m"]
    picture: Annotated[int, "its number, increasing by one over the payload's life"]
    cols: Annotated[NotRequired[int], "tiles across, 1..8, if tiles follow immediately"]
    rows: Annotated[NotRequired[int], "tiles down, 1..8, if tiles follow immediately"]
    sees: Annotated[
        NotRequired[str], "what it was taken to show, separated by spaces:"
                          " sun | tilted | level | curved | clouds | black"]
    tilt: Annotated[NotRequired[int], "tilt of the horizon, 0.1 degrees, its right end down"]
    tilt_err: Annotated[NotRequired[int], "one standard deviation of it, 0.1 degrees"]
    dip: Annotated[NotRequired[int], "dip of the horizon by its curve, 0.1 degrees"]
    dip_err: Annotated[NotRequired[int], "one standard deviation of it, 0.1 degrees"]
    cover: Annotated[NotRequired[int], "cloud below the horizon, % of what is seen there"]
    sky: Annotated[NotRequired[int], "light of the sky above, 0.1 % of the brightest below"]
    sun: Annotated[NotRequired[int], "confidence that the sun is in it, %; unknown where left out"]
    tilted: Annotated[NotRequired[int], "confidence of a tilted horizon, %"]
    level: Annotated[NotRequired[int], "confidence of a level horizon, %"]
    curved: Annotated[NotRequired[int], "confidence of a curved horizon, %"]
    clouds: Annotated[NotRequired[int], "confidence of cloud below, %"]
    black: Annotated[NotRequired[int], "confidence of a nearly black sky above, %"]


class TileBody(TypedDict):
    picture: Annotated[int, "number of the picture that the tile belongs to"]
    index: Annotated[int, "its index, row by row from the top left, 0..cols*rows-1"]
    cols: Annotated[int, "tiles across the picture, 1..8"]
    rows: Annotated[int, "tiles down the picture, 1..8"]
    image: Annotated[bytes, "a complete JPEG or WebP that can be displayed on its own"]


class CommandResultBody(TypedDict):
    counter: Annotated[int, "uplink counter of the command"]
    command: Annotated[str, "its name"]
    result: Annotated[
        Literal["ok", "refused", "failed", "unknown"], "ok | refused | failed | unknown"]
    why: Annotated[NotRequired[str], "reason if refused or failed"]


class QuestionBody(TypedDict):
    question_id: Annotated[int, "id assigned by the ground"]
    text: Annotated[str, "the question"]


class RelayedBody(TypedDict):
    frames: Annotated[list[bytes], "whole signed frames of one neighbour, as they were heard"]
    ages: Annotated[list[int], "age of each when the record was made, s"]


class SoundBody(TypedDict):
    heard: Annotated[
        str, "what it was taken for, separated by spaces: quiet | wind | bang | flutter | voices"]
    level: Annotated[int, "level, 0.1 dB to a full sine"]
    spl: Annotated[NotRequired[int], "sound pressure level, 0.1 dB, where the sensitivity is known"]
    quiet: Annotated[NotRequired[int], "confidence that it is quiet, %; unknown where left out"]
    wind: Annotated[NotRequired[int], "confidence of wind, %"]
    bang: Annotated[NotRequired[int], "confidence of a single bang, %"]
    flutter: Annotated[NotRequired[int], "confidence of noise that swells at one frequency, %"]
    voices: Annotated[NotRequired[int], "confidence of voices, %"]
    alt: Annotated[NotRequired[int], "altitude, m"]


def meanings(body: type) -> dict[str, str]:
    """key -> its meaning with unit, in the order of their numbers."""
    hints = get_type_hints(body, include_extras=True)
    return {key: hint.__metadata__[0] for key, hint in hints.items()}
