"""The camera manager: when a picture is due, and which parts of it become records.

A picture without an intact thumbnail is a failure (``payload.takes``); a flawed tile is only left
out.
"""

from __future__ import annotations

from collections.abc import Callable
from textwrap import shorten

from payload import eyes
from payload.camera.tiles import TiledPicture, WholePictures
from payload.notes import Note, event
from payload.ports import Camera, Picture, PortError
from payload.sight import SightValues
from payload.storage.durable_store import Store
from payload.takes import Takes
from wire.record_bodies import ThumbnailBody
from wire.records import BODY_BYTES_MAX, TILE_BYTES_MAX, TILES_ASIDE_MAX, Kind

DEADLINE_MS = 20_000
FIRST_PICTURE_MS = 30_000
THUMBNAIL_BYTES_MIN = 64
THUMBNAIL_BYTES_MAX = BODY_BYTES_MAX - 192  # leaves room for the other keys of the body
SCENES = frozenset(("dark", "cloud", "horizon", "sun"))
REASON_LETTERS_MAX = 40
_NUMBER_KEY = "picture"


def picture_flaw(image: bytes, bytes_max: int = THUMBNAIL_BYTES_MAX) -> str | None:
    """Why these bytes are not a picture that can be sent; None when they can be.

    Source: JPEG begins FF D8 FF and ends FF D9 (ITU T.81 B.1.1.3); WebP is a RIFF whose length
    field counts what follows its first eight bytes.
    """
    if len(image) < THUMBNAIL_BYTES_MIN:
        return "empty"
    if len(image) > bytes_max:
        return "too_long"
    if image[:3] == b"\xff\xd8\xff":
        return None if b"\xff\xd9" in image[-16:] else "truncated"
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        is_whole = int.from_bytes(image[4:8], "little") + 8 <= len(image)
        return None if is_whole else "truncated"
    return "not_a_picture"


class CameraManager:
    """Takes a picture every ``every_s`` while allowed, and on request."""

    def __init__(self, camera: Camera | None, every_s: int, store: Store) -> None:
        self._camera = camera
        self._store = store
        self.whole = WholePictures(store)
        self.flawed_tiles = 0
        self._are_tiles_flawed = False
        self._takes = Takes("camera", FIRST_PICTURE_MS, every_s * 1000, DEADLINE_MS)
        self._altitude_m: float | None = None
        self._sun: str | None = None  # as prompts say it, when the picture was begun
        self._is_wanted = False
        self.last_scene: str | None = None
        self.last_picture_ms: int | None = None
        self._last_sight: SightValues | None = None

    def set_interval(self, every_s: int) -> None:
        """From the next picture on."""
        self._takes.every_ms = every_s * 1000

    def known_sight(self, now_ms: int) -> SightValues | None:
        """What the last picture shows; None where it is stale, and without eyes."""
        taken_ms = self.last_picture_ms
        is_stale = taken_ms is None or now_ms - taken_ms > eyes.STALE_MS
        return None if is_stale else self._last_sight

    @property
    def is_busy(self) -> bool:
        return self._takes.is_busy

    @property
    def is_failing(self) -> bool:
        """Is it off after its failures, until it delivers again?"""
        return self._takes.is_failing

    def take_now(self) -> None:
        """Request one picture as soon as it is allowed; a second request meanwhile adds nothing."""
        self._is_wanted = True

    def update(
        self, now_ms: int, is_allowed: bool, altitude_m: float | None = None,
        sun: Callable[[], str | None] = lambda: None,
    ) -> list[Note]:
        """Collect a picture or start one; ``altitude_m`` is where the payload is now, if known,
        and ``sun`` says where the sun is, as prompts do."""
        if self._camera is None:
            return []
        if self._takes.is_busy:
            return self._collect(self._camera, now_ms)
        is_due = self._takes.is_due(now_ms, self._is_wanted)
        notes = self.whole.update(now_ms)
        if not is_allowed or not is_due:
            return notes
        self._altitude_m, self._sun = altitude_m, sun()
        return notes + self._takes.start(self._camera, now_ms)

    def _collect(self, camera: Camera, now_ms: int) -> list[Note]:
        result = self._takes.poll(camera, now_ms)
        if result is None:
            return []
        if not isinstance(result, Picture):
            return self._takes.fail(_brief(result), now_ms)
        flaw = picture_flaw(result.thumbnail)
        if flaw is not None:
            return self._takes.fail(flaw, now_ms)
        return self._takes.succeed() + self._keep(result, now_ms)

    def _keep(self, picture: Picture, now_ms: int) -> list[Note]:
        is_asked_for, self._is_wanted = self._is_wanted, False
        self.last_scene = picture.scene if picture.scene in SCENES else None
        self.last_picture_ms = now_ms
        self._last_sight = None
        if picture.sight is not None:
            self._last_sight = eyes.believed(picture.sight, self._altitude_m, self._sun)
            self.last_scene = eyes.scene(self.last_scene, self._last_sight)
        number = int(self._store.get(_NUMBER_KEY, 0)) + 1
        self._store.put(_NUMBER_KEY, number)
        body = ThumbnailBody(image=picture.thumbnail, picture=number)
        if self.last_scene is not None:
            body["scene"] = self.last_scene
        if self._altitude_m is not None:
            body["alt"] = round(self._altitude_m)
        if self._last_sight is not None:
            eyes.into(body, self._last_sight)
        tiles, flaws = _sound_tiles(picture)
        notes = self._note_flaws(flaws)
        if not tiles:
            return [*notes, Note(Kind.THUMBNAIL, body)]
        whole = TiledPicture(number, self.last_scene, picture.columns, picture.rows, tiles)
        if not self.whole.may_go(is_asked_for):
            return [*notes, Note(Kind.THUMBNAIL, body), *self.whole.hold(whole)]
        body |= {"cols": whole.columns, "rows": whole.rows}
        return [*notes, Note(Kind.THUMBNAIL, body), *self.whole.lay(whole)]

    def _note_flaws(self, flaws: list[str]) -> list[Note]:
        """Count tiles that cannot be sent; one event when that begins and one when it is over."""
        self.flawed_tiles += len(flaws)
        if bool(flaws) == self._are_tiles_flawed:
            return []
        self._are_tiles_flawed = bool(flaws)
        if not flaws:
            return [event("tiles_sound", flawed_tiles=self.flawed_tiles)]
        return [event("tiles_flawed", "warning", tiles=len(flaws), reason=flaws[0])]


def _brief(failure: PortError) -> str:
    """Whole words of it, since it goes over the air."""
    return shorten(str(failure), REASON_LETTERS_MAX, placeholder=" …") or type(failure).__name__


def _sound_tiles(picture: Picture) -> tuple[dict[int, bytes], list[str]]:
    """(the tiles that can be sent by their place, the flaws of the others)."""
    count = len(picture.tiles)
    sides = picture.columns, picture.rows
    if not all(1 <= side <= TILES_ASIDE_MAX for side in sides) or sides[0] * sides[1] != count:
        return {}, ["grid"] * count
    flaws = [picture_flaw(tile, TILE_BYTES_MAX) for tile in picture.tiles]
    sound = {at: picture.tiles[at] for at, flaw in enumerate(flaws) if flaw is None}
    return sound, [flaw for flaw in flaws if flaw is not None]
