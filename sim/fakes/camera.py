"""A synthetic camera: the view from the payload, as thumbnail and tiles.

The tiles are cut and encoded by the payload's own camera worker, which also has the eyes. Without a
section [eyes] in the mission the view is ``sim.fakes.scenery``'s; what is measured must be true to
physics, so a camera with eyes photographs ``sim.optics``.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import Image

from payload.camera_worker import COLUMNS, ROWS, scene_word, sight, tiles
from payload.ports import DeviceAbsent, Picture, PortError
from sim.balloon import AirState
from sim.clock import SimClock
from sim.fakes.scenery import FIELD_DEG, Scenery, View, scene
from sim.sky import Sky, horizon_dip_deg, sun_position_deg
from wire.earth import wrapped_deg
from wire.mission_eyes import EyesSection

if TYPE_CHECKING:
    from sim.optics import Shot

CAPTURE_MS = 2_600  # warm-up, exposure and encoding
THUMBNAIL_SIZE = (192, 144)
THUMBNAIL_BYTES_MAX = 3_400
PHOTOGRAPH_SIZE = (480, 360)
CALM_SWING_DEG, FALL_SWING_DEG = 5.0, 16.0  # standard deviations
QUALITIES = (88, 80, 72, 60, 48, 36, 24, 12, 5)


class SyntheticCamera:
    """``ports.Camera``: one capture per request."""

    def __init__(
        self, clock: SimClock, state: Callable[[], AirState], sky: Sky, rng: random.Random,
        eyes: EyesSection | None = None,
    ) -> None:
        self.is_unplugged = False
        self._clock = clock
        self._state = state
        self._sky = sky
        self._rng = rng
        self._eyes = eyes
        self._scenery = Scenery(rng)
        self._ready_ms: int | None = None

    def start(self, now_ms: int) -> bool:
        """True if the camera took the request."""
        if self._ready_ms is not None:
            return False
        self._ready_ms = self._clock.now_ms + CAPTURE_MS
        return True

    def poll(self, now_ms: int) -> Picture | PortError | None:
        """The picture once it is there; an error as a value when the camera is gone."""
        if self._ready_ms is None or self._clock.now_ms < self._ready_ms:
            return None
        self._ready_ms = None
        if self.is_unplugged:
            return DeviceAbsent("the camera is unplugged")
        if self._eyes is not None:
            return self._seen(now_ms, self._eyes.field_deg)
        view = self._view()
        image = self._scenery.draw(view)
        return Picture(now_ms, thumbnail(image), scene(view), tiles(image), COLUMNS, ROWS)

    def cancel(self, now_ms: int) -> None:
        self._ready_ms = None

    def _seen(self, now_ms: int, field_deg: float) -> Picture:
        """A photograph, and what the payload's eyes make of it."""
        from sim.optics import photograph  # numpy, which only a flight with eyes needs

        image = photograph(self._shot(field_deg), self._rng, PHOTOGRAPH_SIZE)
        return Picture(now_ms, thumbnail(image), scene_word(image), tiles(image), COLUMNS, ROWS,
                       sight(image, field_deg))

    def _shot(self, field_deg: float) -> Shot:
        """On a slow pendulum below its line on the way up, and shaken on the way down."""
        from sim.optics import Shot

        state, utc_ms = self._state(), self._clock.utc_ms
        elevation_deg, azimuth_deg = sun_position_deg(
            utc_ms, state.latitude_deg, state.longitude_deg)
        swing_deg = CALM_SWING_DEG if state.climb_mps > -1 else FALL_SWING_DEG
        cloud = self._sky.cloud
        return Shot(
            altitude_m=max(2.0, state.altitude_m), field_deg=field_deg,
            pitch_deg=self._rng.gauss(-2.0, swing_deg), tilt_deg=self._rng.gauss(0.0, swing_deg),
            sun_deg=elevation_deg, sun_aside_deg=azimuth_deg - self._rng.uniform(0, 360),
            cover=cloud.cover, cloud_base_m=cloud.base_m, cloud_top_m=cloud.top_m,
            is_in_cloud=self._sky.is_in_cloud(state.altitude_m))

    def _view(self) -> View:
        state, utc_ms = self._state(), self._clock.utc_ms
        elevation_deg, azimuth_deg = sun_position_deg(
            utc_ms, state.latitude_deg, state.longitude_deg
        )
        heading_deg = self._rng.uniform(0, 360)  # the box spins slowly below its line
        aside_deg = wrapped_deg(azimuth_deg - heading_deg)
        cloud = self._sky.cloud
        return View(
            altitude_m=state.altitude_m,
            above_ground_m=max(0.0, state.altitude_m - state.ground_m),
            sun_deg=elevation_deg + horizon_dip_deg(state.altitude_m),
            sun_x=0.5 + aside_deg / FIELD_DEG if abs(aside_deg) < 0.6 * FIELD_DEG else None,
            pitch_deg=self._rng.gauss(-2.0, 5.0),
            is_in_cloud=self._sky.is_in_cloud(state.altitude_m)
            and self._rng.random() < 0.3 + 0.7 * cloud.cover,
            is_above_cloud=state.altitude_m > cloud.top_m,
            cover=cloud.cover,
        )


def thumbnail(image: Image.Image) -> bytes:
    """WebP of at most THUMBNAIL_BYTES_MAX, where any quality allows it."""
    small = image.resize(THUMBNAIL_SIZE, Image.Resampling.BOX)
    data = b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=quality, method=4)
        data = buffer.getvalue()
        if len(data) <= THUMBNAIL_BYTES_MAX:
            break
    return data
