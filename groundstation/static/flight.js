// What the station knows of the flight now, its newest answer, and how old that is: for the whole page.

import { lag, now } from "./clock.js";
import * as format from "./format.js";

const QUIET_FACTOR = 3; // beacons missed before the page says so
const SILENT_FACTOR = 10;
let state = null; // of /api/flight, as it came
let lostMs = null; // since when the station does not answer, UTC in ms
let end = null; // of a simulated flight; of a real one nobody knows it

/** What only the first answer tells of the station (its map, what is installed) stays known. */
export function setFlight(newest) {
  state = { ...state, ...newest };
}

export function setEnding(found) {
  end = found;
}

/** The station answers, or has not since then (UTC in ms). */
export function setUnreachable(sinceMs) {
  lostMs = sinceMs;
}

/** Since when the station does not answer, null while it does. What the payload does is unknown then. */
export const unreachableSince = () => lostMs;

/** The newest state, null before the first answer. */
export const flight = () => state;

/** {at_ms, kept_in} once the flight is known to be over, otherwise null. */
export const ending = () => end;

/** Why a payload that is not the mission's can be told nothing, a sentence; "" for the mission's own. */
export const unreached = () => (state.is_ours ? "" : `Only ${state.payloads[0].name} can be reached: this station does not have the key of ${state.name}.`);

/** Anything of our payload was received, in its own format or in a stranger's. */
export const isHeard = () => Boolean(state?.beacon ?? state?.sighting) || Object.keys(state?.counts ?? {}).length > 0;

/** The newest that is believed: our own beacon. A stranger's word stands in while there is none, but
    only at a station that cannot verify anything; elsewhere it is a claim, shown as one. */
export const believed = () => (state?.is_verifying ? state.beacon : state?.sighting ?? state?.beacon) ?? null;

/** What a stranger claims at a station that verifies what it believes; null when there is none. */
export const claimed = () => (state?.is_verifying ? state.sighting : null);

/** How long ago that was, or when, once time stands still. */
export function since(ms) {
  return ending() ? `at ${format.clockTime(ms)}` : `${format.span(now() - ms)} ago`;
}

/** fresh, quiet or silent, which are of the payload; unreachable, which is of the station; over. */
export function freshness() {
  const beacon = believed();
  if (ending()) return "over";
  if (unreachableSince() !== null) return "unreachable";
  if (!beacon) return "silent";
  const age = now() - beacon.utc_ms - lag();
  const expected = beacon.expected_every_s * 1000;
  if (age > SILENT_FACTOR * expected) return "silent";
  return age > QUIET_FACTOR * expected ? "quiet" : "fresh";
}
