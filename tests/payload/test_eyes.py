"""The eyes: what is believed where the payload is, and how it stands in the record."""

from __future__ import annotations

import pytest

from payload import eyes
from payload.eyes import believed, into
from payload.sight import TRAITS, SightValues, line_of, sight_of
from wire.record_bodies import ThumbnailBody
from wire.records import BODY_FIELDS, Kind

ALL = dict.fromkeys(TRAITS, 0.9)
FULL = SightValues(-8.24, 0.3, 2.3, 1.1, 0.384, 0.022, ALL)


@pytest.mark.parametrize(("altitude_m", "sun", "gone"), [
    (20_000.0, "high", set()), (20_000.0, "low", set()), (20_000.0, "down", {"sun"}),
    (20_000.0, None, {"sun"}), (11_999.0, "high", {"black"}),
    (4_999.0, "high", {"black", "curved"}), (2_999.0, "high", {"black", "curved", "clouds"}),
    (None, "high", {"black", "curved", "clouds"}),
])
def test_what_cannot_be_here_is_unknown(
    altitude_m: float | None, sun: str | None, gone: set[str]
) -> None:
    sight = believed(FULL, altitude_m, sun)
    assert set(TRAITS) - sight.traits.keys() == gone
    assert (sight.sky is None, sight.dip_deg is None, sight.cover is None) == (
        "black" in gone, "curved" in gone, "clouds" in gone)
    assert sight.tilt_deg == FULL.tilt_deg


@pytest.mark.parametrize(("word", "sight", "scene"), [
    ("sun", SightValues(5.0, traits={"sun": 0.1}), "horizon"),
    ("sun", SightValues(traits={"sun": 0.1}), None),
    ("sun", SightValues(5.0, traits={"sun": 0.7}), "sun"), ("sun", SightValues(5.0), "sun"),
    ("cloud", SightValues(5.0, traits={"sun": 0.1}), "cloud"), (None, SightValues(5.0), None),
])
def test_a_bright_cloud_is_no_sun(word: str | None, sight: SightValues, scene: str | None) -> None:
    assert eyes.scene(word, sight) == scene


def test_more_curved_than_the_earth_is_no_horizon_of_it() -> None:
    """Goal: a lens or a cloud's edge. Method: 12 degrees of dip at 20 km, which has 4.5."""
    sight = believed(SightValues(0.0, 0.3, 12.0, 1.0, traits={"curved": 0.99}), 20_000, "high")
    assert sight.dip_deg is None and "curved" not in sight.traits


def test_the_record_has_what_is_known_only() -> None:
    body = ThumbnailBody(image=b"", picture=1)
    into(body, SightValues(traits={"sun": 0.02}))
    assert body == {"image": b"", "picture": 1, "sees": "", "sun": 2}
    into(body, FULL)
    assert body.keys() <= BODY_FIELDS[Kind.THUMBNAIL].keys()
    assert body["tilt"] == -82 and body["sky"] == 22 and body["cover"] == 38
    assert body["sees"] == " ".join(TRAITS)


def test_a_line_comes_back() -> None:
    for sight in (SightValues(), FULL, SightValues(1.0, 0.5, traits={"level": 0.7})):
        again = sight_of(line_of(sight))
        assert again is not None and again.traits == pytest.approx(sight.traits)
        assert again.tilt_deg == pytest.approx(sight.tilt_deg) and again.seen == sight.seen


@pytest.mark.parametrize("line", [
    "", "1 2 3", line_of(FULL) + " 1", line_of(FULL).replace("0.900", "nan", 1),
    line_of(FULL).replace("0.900", "1.001", 1), line_of(FULL).replace("-8.240", "-90.1"),
    line_of(FULL).replace("2.300", "many"),
])
def test_what_is_no_line_of_a_sight(line: str) -> None:
    assert sight_of(line) is None

