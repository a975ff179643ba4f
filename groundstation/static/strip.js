// The strip: how it is up there, and above all how old that knowledge is.

import { lag, now } from "./clock.js";
import { byId, write } from "./dom.js";
import * as format from "./format.js";

const QUIET_FACTOR = 3; // beacons missed before the strip says so
const SILENT_FACTOR = 10;
let flight = null;
let ending = null; // of a simulated flight; of a real one nobody knows it

/** The newest that is believed: our own beacon. A stranger's word stands in while there is none, but
    only at a station that cannot prove anything; elsewhere it is a claim, shown as one. */
export const believed = (state) => (state.is_verifying ? state.beacon : state.sighting ?? state.beacon);
const newest = () => believed(flight);
const claim = () => (flight.is_verifying ? flight.sighting : null);

export function setFlight(state) {
  flight = state;
  const beacon = newest();
  document.title = `${state.name} · ${format.PHASE_WORDS[beacon?.phase] ?? "not received yet"}`;
  write(byId("name"), state.name);
  write(byId("phase"), beacon ? format.PHASE_WORDS[beacon.phase] ?? "phase unknown" : "not received yet");
  const fixAge = beacon?.fix_age_s ?? 0;
  const hasFix = beacon && beacon.altitude_m !== null && fixAge <= 60;
  write(byId("altitude"), beacon ? format.metres(beacon.altitude_m) : "–");
  byId("altitude").classList.toggle("old", Boolean(beacon) && !hasFix);
  write(byId("climb"), beacon ? format.climb(beacon.climb_mps) : "–");
  write(byId("outside"), beacon ? format.degrees(beacon.outside_c) : "–");
  write(byId("battery"), beacon ? format.volts(beacon.battery_mv) : "–");
  write(byId("sats"), beacon ? format.count(beacon.satellites) : "–");
  write(byId("age-label"), beacon ? `heard, ${format.SEALS[beacon.authenticity]}` : "heard");
  write(byId("loss"), format.percent(state.link.loss_recent));
  tick();
}

function drawVia() {
  const { sighting, name } = flight;
  const via = byId("via");
  via.hidden = !sighting;
  via.classList.toggle("claim", Boolean(claim()));
  if (!sighting) return;
  const line = sighting.musing ? ` It says: “${sighting.musing}”` : "";
  const source = format.VIA_WORDS[sighting.via];
  if (!claim()) {
    write(via, `From ${source}, not verified; its own beacons are missing.${line}`);
    return;
  }
  const where = sighting.latitude_deg === null ? "" : ` at ${format.place(sighting.latitude_deg, sighting.longitude_deg)}`;
  const high = sighting.altitude_m === null ? "" : `, ${format.metres(sighting.altitude_m)}`;
  write(via, `Not signed: ${source} claims to be ${name}${where}${high}, heard ${since(sighting.utc_ms)}.`
    + ` Anyone could have sent it.${line}`);
}

/** How long ago that was, or when, once time stands still. */
export function since(ms) {
  return ending ? `at ${format.clockTime(ms)}` : `${format.span(now() - ms)} ago`;
}

/** Called with every word of the station's time. */
export function setEnding(found) {
  ending = found;
  if (flight) tick();
}

/** fresh, quiet, silent or over: one place decides it, for the whole page. */
export function freshness() {
  const beacon = flight && newest();
  if (ending) return "over";
  if (!beacon) return "silent";
  const age = now() - beacon.utc_ms - lag();
  const expected = beacon.expected_every_s * 1000;
  if (age > SILENT_FACTOR * expected) return "silent";
  return age > QUIET_FACTOR * expected ? "quiet" : "fresh";
}

/** Called once a second: ages grow even when nothing arrives. */
export function tick() {
  if (!flight) return;
  const beacon = newest();
  const state = freshness();
  document.body.dataset.freshness = state;
  write(byId("age"), beacon ? since(beacon.utc_ms) : "never");
  const launch = flight.launch_ms;
  write(byId("clock-label"), ending ? "ended at" : launch ? "since launch" : "station time");
  write(byId("clock"), launch ? `T+${format.sinceLaunch(now() - launch, true)}` : format.clockTime(now()));
  drawVia();
  drawOver(beacon);
  const quiet = byId("quiet");
  quiet.hidden = state === "fresh" || state === "over" || !beacon;
  if (!quiet.hidden) {
    const where = beacon.altitude_m === null ? "" : `, last seen at ${format.metres(beacon.altitude_m)}`;
    write(quiet, `${claim() ? "No signed beacon" : "Nothing"} heard for ${format.span(now() - beacon.utc_ms)}${where}`);
  }
}

/** That it is over, how it was heard last, and what can still be read. */
function drawOver(beacon) {
  const over = byId("over");
  over.hidden = !ending;
  if (!ending) return;
  const phase = beacon && format.PHASE_WORDS[beacon.phase];
  const last = beacon
    ? `${flight.name} was last heard at ${format.clockTime(beacon.utc_ms)}${phase ? `, ${phase}` : ""}.`
    : `Nothing was received from ${flight.name}.`;
  write(over, `The simulated flight is over. ${last} It can be read here until the simulator is closed, `
    + `and again with spacepi-sim show ${ending.kept_in}.`);
}
