// How old what is known is: one place decides it, for the whole page.

import { lag, now } from "./clock.js";
import { believed, ending, unreachableSince } from "./flight.js";
import * as format from "./format.js";

const QUIET_FACTOR = 3; // beacons missed before the page says so
const SILENT_FACTOR = 10;

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
