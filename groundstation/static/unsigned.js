// What the page says of frames that are not signed by the payload's key, or that this station cannot
// verify. What stands on an unsigned frame alone is a claim (flight.js); maps draw it dashed and hollow.

import { claimed, flight, since } from "./flight.js";
import * as format from "./format.js";

const OTHER_FORMATS = ["horus", "ukhas", "summary", "sondehub"]; // none of them can be signed

/** What is known of who sent it, in a word or two. */
const SEALS = { genuine: "signed", unverified: "not verified", unsigned: "not signed" };

/** In whose format a position came when it was not in ours. */
const VIA_WORDS = {
  horus: "a Horus beacon", ukhas: "a UKHAS sentence", summary: "another receiver’s summary",
  sondehub: "another receiver, by SondeHub",
};

/** Of one entry or beacon. */
export const seal = ({ authenticity }) => SEALS[authenticity];

/** What everything of this flight has here: only another one is worth a word. */
export function usual() {
  if (flight().is_verifying) return "genuine";
  return flight().is_signed ? "unverified" : "unsigned";
}

/** Of the positions that are believed. */
export const usualSeal = () => SEALS[usual()];

/** Of a landing. */
export const landingSeal = (isVerified) => (isVerified ? SEALS.genuine : SEALS.unverified);

/** Of the way on the map: who says that it went there. */
export function waySeal() {
  const { is_verifying: isVerifying, sighting } = flight();
  const isStrangers = !isVerifying && sighting && sighting.latitude_deg !== null;
  return isStrangers ? `from ${VIA_WORDS[sighting.via]}` : usualSeal();
}

/** Of a beacon in another format: a sentence or two, and what it is worth here. */
export function sightingWords({ name, sighting }) {
  const line = sighting.musing ? ` It says: “${sighting.musing}”` : "";
  const source = VIA_WORDS[sighting.via];
  if (!claimed()) return `From ${source}, not verified; its own beacons are missing.${line}`;
  const where = sighting.latitude_deg === null ? "" : ` at ${format.place(sighting.latitude_deg, sighting.longitude_deg)}`;
  const high = sighting.altitude_m === null ? "" : `, ${format.metres(sighting.altitude_m)}`;
  return `Not signed: ${source} claims to be ${name}${where}${high}, heard ${since(sighting.utc_ms)}.`
    + ` Anyone could have sent it.${line}`;
}

/** Sentences about frames in the payload's name that it did not sign. */
export function impostorWords(state) {
  const words = [];
  const impostors = state.link.impostor ?? 0;
  if (impostors) {
    const frames = impostors === 1 ? "1 frame claimed" : `${format.grouped(impostors)} frames claimed`;
    words.push(`${frames} to be from ${state.name} and ${impostors === 1 ? "was" : "were"} not signed by it.`);
    if (!state.beacon) words.push("If these are its own frames, payload and station have different keys.");
  }
  if (state.is_signed && state.beacon?.authenticity === "unsigned") {
    words.push(`${state.name} signs what it sends, and the newest beacon is not signed.`);
  }
  return words;
}

/** How far all that this station received is verified. */
export function verifiedWords(state) {
  if (state.is_verifying) {
    const claims = OTHER_FORMATS.reduce((sum, via) => sum + (state.link[`sightings_${via}`] ?? 0), 0);
    const others = claims === 1 ? "1 beacon in another format is" : `${format.grouped(claims)} beacons in other formats are`;
    return `This data was signed by ${state.name}: this station verified every frame.`
      + (claims ? ` ${others} not signed: dashed and hollow on the map, and only where nothing signed was received.` : "");
  }
  if (state.is_signed) return `${state.name} signs its frames. This station has no key and cannot verify them.`;
  return "The downlink is not signed: anyone on the channel could have sent these frames.";
}
