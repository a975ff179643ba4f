// The parts of a flight: the ground, the ascent, the burst, the descent, the landing.
//
// The payload tells its phases; the burst, which it does not tell, is the highest point of the track
// and lasts until the payload knows that it falls.

import { flight } from "./flight.js";
import { peak } from "./track.js";

const TITLES = {
  BOOT: "On the ground", GROUND: "On the ground", ASCENT: "The ascent", FLOAT: "Afloat",
  BURST: "The burst", DESCENT: "The descent", LANDED: "The landing", INFLIGHT_UNKNOWN: "In flight",
};
const REPORTS_HEIGHT = new Set(["BURST", "LANDED"]); // of the others it is only where the news came

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
