"""Elements for the tests: real ones of three kinds of orbit."""

from __future__ import annotations

from wire.orbit import Elements

ISS = (
    "1 25544U 98067A   19343.69339541  .00001764  00000-0  38792-4 0  9991",
    "2 25544  51.6439 211.2001 0007417  17.6667  85.6398 15.50103472202482",
)
# Vanguard 1, the first case of SGP4-VER.TLE (AIAA 2006-6753).
VANGUARD = (
    "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753",
    "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667",
)
GEOSTATIONARY = (
    "1 28626U 05008A   06176.46683397 -.00000205  00000-0  10000-3 0  2190",
    "2 28626   0.0019 286.9433 0000335  13.7918  55.6504  1.00270176  4891",
)
HOUR_MS = 3_600_000


def iss() -> Elements:
    return Elements(*ISS)
