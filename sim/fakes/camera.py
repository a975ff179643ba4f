"""A synthetic camera: the view from the payload, as thumbnail and tiles.

The tiles are cut and encoded by the payload's own camera worker.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable

from PIL import Image

from payload.camera_worker import COLUMNS, ROWS, tiles
from payload.ports import DeviceAbsent, Picture, PortError
from sim.balloon import AirState
from sim.clock import SimClock
from sim.fakes.scenery import FIELD_DEG, Scenery, View, scene
from sim.sky import Sky, horizon_dip_deg, sun_position_deg

CAPTURE_MS = 2_600  # warm-up, exposure and encoding
THUMBNAIL_SIZE = (192, 144)
THUMBNAIL_BYTES_MAX = 3_400
QUALITIES = (88, 80, 72, 60, 48, 36, 24, 12, 5)


class SyntheticCamera:
    """``ports.Camera``: one capture per request."""

    def __init__(
        self, clock: SimClock, state: Callable[[], AirState], sky: Sky, rng: random.Random
    ) -> None:
        self.is_unplugged = False
        self._clock = clock
        self._state = state
        self._sky = sky
        self._rng = rng
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
        view = self._view()
        image = self._scenery.draw(view)
        return Picture(now_ms, thumbnail(image), scene(view), tiles(image), COLUMNS, ROWS)

    def cancel(self, now_ms: int) -> None:
        self._ready_ms = None

    def _view(self) -> View:
        state, utc_ms = self._state(), self._clock.utc_ms
        elevation_deg, azimuth_deg = sun_position_deg(
            utc_ms, state.latitude_deg, state.longitude_deg
        )
        heading_deg = self._rng.uniform(0, 360)  # the box spins slowly below its line
        aside_deg = (azimuth_deg - heading_deg + 180) % 360 - 180
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
