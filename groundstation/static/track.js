// The flight as columns, in order of time, shared by the map and the plots; and its chapters.
//
// There are two ways, as at the station: the one that is verified and the other. Where the station
// verifies what it hears the first is the way it went, and the second is only drawn beside it.
//
// The payload tells its phases; the burst, which it does not tell, is the highest point of the track
// and lasts until the payload knows that it falls.

import { flight } from "./flight.js";

const verified = []; // [t, lat, lon, alt]
const unverified = [];
const state = []; // [t, mv, out, in]
let link = { t: [], heard: [], lost: [] };
let gapMs = 90_000; // a pause that is not drawn through; the station knows how slow the link is
let quiet = new Map(); // from -> to, of the pauses in which nothing was received
let thought = []; // {t, kind} of lines and pictures, also of those that are not loaded; of a long flight not of all
const POINTS_MAX = 4000;
const TITLES = {
  BOOT: "On the ground", GROUND: "On the ground", ASCENT: "The ascent", FLOAT: "Afloat",
  BURST: "The burst", DESCENT: "The descent", LANDED: "The landing", INFLIGHT_UNKNOWN: "In flight",
};
const REPORTS_HEIGHT = new Set(["BURST", "LANDED"]); // of the others it is only where the news came

const rows = (columns, names) => columns[names[0]].map((_, i) => names.map((name) => columns[name][i]));

export function setHistory(history) {
  verified.splice(0, verified.length, ...rows(history.verified, ["t", "lat", "lon", "alt"]));
  unverified.splice(0, unverified.length, ...rows(history.unverified, ["t", "lat", "lon", "alt"]));
  state.splice(0, state.length, ...rows(history.state, ["t", "mv", "out", "in"]));
  link = history.link;
  gapMs = history.gap_ms;
  quiet = new Map(history.silences);
  thought = rows(history.diary, ["t", "kind"]).map(([t, kind]) => ({ t, kind }));
}

/** The way it went, verified where anything can be, and what others claim beside it. */
export const points = () => (flight()?.is_verifying ? verified : unverified);
export const claims = () => (flight()?.is_verifying ? unverified : []);
export const samples = () => state;
export const minutes = () => link;
/** {t, kind} of the lines and pictures of the diary; where they are very many, of every n-th. */
export const marks = () => thought;
/** [from, to] of every pause in which nothing was received. */
export const silences = () => [...quiet];

function insert(list, row) {
  let at = list.length;
  while (at > 0 && list[at - 1][0] > row[0]) at -= 1;
  if (at > 0 && list[at - 1][0] === row[0]) return;
  list.splice(at, 0, row);
}

/** New rows from the live stream; a pause becomes a row of nothing. */
export function extend(update) {
  for (const row of update.verified) insert(verified, row);
  for (const row of update.unverified) insert(unverified, row);
  for (const row of update.state) {
    const last = state.at(-1);
    if (last && isGap(last[0], row[0])) state.push([last[0] + 1, null, null, null]);
    insert(state, row);
  }
  for (const [from, to] of update.flight.silences) quiet.set(from, to);
  for (const { when_ms: t, kind } of update.entries) { // a picture comes again with each further piece
    if (!thought.some((mark) => mark.t === t && mark.kind === kind)) thought.push({ t, kind });
  }
  [verified, unverified, state].forEach(thin);
}

function thin(list) {
  if (list.length <= POINTS_MAX) return;
  const top = list.reduce((best, row, i) => ((row[3] ?? -1e9) > (list[best][3] ?? -1e9) ? i : best), 0);
  const kept = list.filter((row, i) => i % 2 === 0 || i === top || i === list.length - 1 || row[1] === null);
  list.splice(0, list.length, ...kept);
}

/** The two points around a time and how far it is between them; null outside the track. */
function around(ms) {
  const track = points();
  let low = 0;
  let high = track.length - 1;
  if (high < 1 || ms < track[0][0] || ms > track[high][0] + gapMs) return null;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (track[middle][0] <= ms) low = middle;
    else high = middle;
  }
  const [a, b] = [track[low], track[high]];
  const share = b[0] === a[0] ? 0 : Math.min(1, Math.max(0, (ms - a[0]) / (b[0] - a[0])));
  return { a, b, share };
}

const between = ({ a, b, share }, column) => a[column] + (b[column] - a[column]) * share;

/** [lat, lon] at a time, between the two points around it; null outside the track. */
export function placeAt(ms) {
  const found = around(ms);
  return found && [between(found, 1), turned(found.a[2] + turned(found.b[2] - found.a[2]) * found.share)];
}

/** Metres at a time, null where it is not known. */
export function altitudeAt(ms) {
  const found = around(ms);
  return found && found.a[3] !== null && found.b[3] !== null ? between(found, 3) : null;
}

/** Over ground, from one [lat, lon] to another, as the crow flies. */
export function kilometres([lat, lon], [otherLat, otherLon]) {
  const rad = Math.PI / 180;
  const half = (angle) => Math.sin((angle * rad) / 2) ** 2;
  const square = half(otherLat - lat) + Math.cos(lat * rad) * Math.cos(otherLat * rad) * half(otherLon - lon);
  return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(square)));
}

/** The highest point, and whether it has come down from it. */
export function peak() {
  const track = points();
  let top = null;
  for (const row of track) if (row[3] !== null && (top === null || row[3] > top[3])) top = row;
  const last = track.at(-1);
  return top && last && last[3] !== null && top[3] - last[3] > 400 ? top : null;
}

/** A longitude, or the difference of two, as -180 up to 180 degrees. */
export const turned = (lon) => ((lon + 540) % 360) - 180;

/** How longitudes are drawn beside this way: counted from its beginning, so that one over the date
    line is in one piece; as they are where it goes around the Earth. */
export function longitudes(rows) {
  if (rows.length === 0) return (lon) => lon;
  const first = rows[0][2];
  const beside = (lon) => first + turned(lon - first);
  const placed = rows.map((row) => beside(row[2]));
  return Math.max(...placed) - Math.min(...placed) < 180 ? beside : (lon) => lon;
}

export const isGap = (from, to) => to - from > gapMs;

// -- chapters -------------------------------------------------------------------------------

/** [{kind, title, from_ms, alt_m}] of each part, oldest first; the first begins with the diary. */
export function chapters() {
  const found = [];
  const add = (kind, at, alt) => {
    const title = TITLES[kind] ?? kind;
    if (found.at(-1)?.title === title) return;
    found.push({ kind, title, from_ms: at, alt_m: REPORTS_HEIGHT.has(kind) ? alt : null });
  };
  const top = peak();
  for (const { phase, at_ms: at, alt_m: alt } of flight()?.phases ?? []) {
    const isFalling = ["DESCENT", "LANDED"].includes(phase);
    if (top && isFalling && top[0] <= at && !found.some((chapter) => chapter.kind === "BURST")) {
      add("BURST", top[0], top[3]);
    }
    add(phase, at, alt);
  }
  return found;
}

/** The number of the part in which this moment lies. */
export function chapterAt(parts, ms) {
  return Math.max(0, parts.findLastIndex((part) => part.from_ms <= ms));
}
