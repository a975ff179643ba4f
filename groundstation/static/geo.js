// Distance, bearing, elevation and ellipses on a round earth. Pure arithmetic: nothing of the page.
//
// Places are [latitude, longitude] in degrees, WGS 84. Source: great-circle formulas; a sphere is
// wrong by 0.5 % at most, which no chase notices.

const EARTH_M = 6_371_000;
const RAD = Math.PI / 180;
const POINTS = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];

function angle([lat1, lon1], [lat2, lon2]) {
  const half = Math.sin(((lat2 - lat1) * RAD) / 2) ** 2
    + Math.cos(lat1 * RAD) * Math.cos(lat2 * RAD) * Math.sin(((lon2 - lon1) * RAD) / 2) ** 2;
  return 2 * Math.asin(Math.min(1, Math.sqrt(half)));
}

/** Over ground, m. */
export const distanceM = (from, to) => EARTH_M * angle(from, to);

/** The direction to set out in, degrees from true north by east, 0 to 360; at the same place 0. */
export function bearingDeg([lat1, lon1], [lat2, lon2]) {
  const turn = (lon2 - lon1) * RAD;
  const east = Math.sin(turn) * Math.cos(lat2 * RAD);
  const north = Math.cos(lat1 * RAD) * Math.sin(lat2 * RAD) - Math.sin(lat1 * RAD) * Math.cos(lat2 * RAD) * Math.cos(turn);
  return (Math.atan2(east, north) / RAD + 360) % 360;
}

/** How far above the horizontal it stands, degrees; below it negative. Altitudes in m above the sea,
    over a curved earth, without refraction. */
export function elevationDeg(from, fromAltM, to, toAltM) {
  const apart = angle(from, to);
  const [low, high] = [EARTH_M + fromAltM, EARTH_M + toAltM];
  return Math.atan2(Math.cos(apart) - low / high, Math.sin(apart)) / RAD;
}

/** One of the sixteen points of the compass. */
export const compassPoint = (bearing) => POINTS[Math.round(bearing / 22.5) % 16];

/** The place that lies so many metres away in this direction. */
export function placeFrom([lat, lon], bearing, metres) {
  const [lat1, turn, far] = [lat * RAD, bearing * RAD, metres / EARTH_M];
  const lat2 = Math.asin(Math.sin(lat1) * Math.cos(far) + Math.cos(lat1) * Math.sin(far) * Math.cos(turn));
  const east = Math.atan2(Math.sin(turn) * Math.sin(far) * Math.cos(lat1), Math.cos(far) - Math.sin(lat1) * Math.sin(lat2));
  return [lat2 / RAD, ((lon + east / RAD + 540) % 360) - 180];
}

/** The places of an ellipse with these semi-axes, the first of which lies in direction ``bearing``. */
export function ellipse(centre, alongM, acrossM, bearing, count = 48) {
  return Array.from({ length: count }, (_, i) => {
    const at = (2 * Math.PI * i) / count;
    const [along, across] = [alongM * Math.cos(at), acrossM * Math.sin(at)];
    return placeFrom(centre, bearing + Math.atan2(across, along) / RAD, Math.hypot(along, across));
  });
}

/** A link that opens the device's own map there (RFC 5870). */
export const geoUri = ([lat, lon]) => `geo:${lat.toFixed(6)},${lon.toFixed(6)}`;
