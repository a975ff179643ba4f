"""The eyes: how much of what a picture shows can be believed, given where the payload is.

A picture alone can be mistaken: a lamp at night is a sun, snow is cloud, a picture upside down has
a black sky. Height and time say what cannot be, and that is then unknown, not absent.
"""

from __future__ import annotations

from dataclasses import replace

from payload.navigation.sun import horizon_dip_deg
from payload.sight import LIKELY_MIN, SightValues
from wire.record_bodies import ThumbnailBody

STALE_MS = 180_000  # older, and nobody knows what there is to see
BLACK_M_MIN = 12_000.0  # lower, the sky is too bright by day
CURVED_M_MIN = 5_000.0  # lower, no lens is straight enough to tell
CLOUD_BELOW_M_MIN = 3_000.0  # lower, what is white below is mist, snow or sand
_ERRORS_MAX = 3.0


def believed(sight: SightValues, altitude_m: float | None, sun: str | None) -> SightValues:
    """``sight`` without what cannot be told here.

    Args:    sun: high | low | down as prompts say it; None is unknown, as for ``altitude_m``.
    """
    height_m = altitude_m if altitude_m is not None else 0.0
    doubtful = set() if sun in ("high", "low") else {"sun"}
    doubtful |= {"black"} if height_m < BLACK_M_MIN else set()
    is_flat = height_m < CURVED_M_MIN or _is_too_curved(sight, height_m)
    doubtful |= {"curved"} if is_flat else set()
    doubtful |= {"clouds"} if height_m < CLOUD_BELOW_M_MIN else set()
    return replace(
        sight,
        dip_deg=None if "curved" in doubtful else sight.dip_deg,
        dip_error_deg=None if "curved" in doubtful else sight.dip_error_deg,
        cover=None if "clouds" in doubtful else sight.cover,
        sky=None if "black" in doubtful else sight.sky,
        traits={name: it for name, it in sight.traits.items() if name not in doubtful})


def _is_too_curved(sight: SightValues, height_m: float) -> bool:
    """More than the Earth is, by more than the error: a cloud's edge, or a lens."""
    if sight.dip_deg is None or sight.dip_error_deg is None:
        return False
    return sight.dip_deg > horizon_dip_deg(height_m) + _ERRORS_MAX * sight.dip_error_deg


def scene(word: str | None, sight: SightValues) -> str | None:
    """The scene, which calls any large bright spot a sun; the eyes also ask whether it is round."""
    sun = sight.traits.get("sun")
    if word != "sun" or sun is None or sun >= LIKELY_MIN:
        return word
    return None if sight.tilt_deg is None else "horizon"


def into(body: ThumbnailBody, sight: SightValues) -> None:
    """Write what is known into the picture's record."""
    body["sees"] = " ".join(sight.seen)
    numbers = {
        "tilt": _scaled(sight.tilt_deg, 10), "tilt_err": _scaled(sight.tilt_error_deg, 10),
        "dip": _scaled(sight.dip_deg, 10), "dip_err": _scaled(sight.dip_error_deg, 10),
        "cover": _scaled(sight.cover, 100), "sky": _scaled(sight.sky, 1000),
    } | {name: round(value * 100) for name, value in sight.traits.items()}
    known = {key: value for key, value in numbers.items() if value is not None}
    body.update(known)  # type: ignore[typeddict-item]


def _scaled(value: float | None, factor: int) -> int | None:
    return None if value is None else round(value * factor)
