// The strip: how it is up there, and above all how old that knowledge is. Beneath it the notices: what a
// reader must know before believing any room: silence, an ending, impostors, strangers' claims.

import { now } from "./clock.js";
import { byId, write } from "./dom.js";
import { believed, claimed, ending, flight, freshness, isHeard, since } from "./flight.js";
import * as format from "./format.js";
import { impostorWords, seal, sightingWords } from "./unsigned.js";

const OLD_FIX_S = 60;
const CLOCK_GAP_MS = 60_000; // less is a clock that nobody set

export function draw() {
  const state = flight();
  readings(state, believed());
  document.body.classList.toggle("waiting", !isHeard());
  write(byId("waiting"), waiting(state));
  const words = doubts(state);
  byId("doubts").hidden = words.length === 0;
  write(byId("doubts"), words.join(" "));
  tick();
}

function readings(state, beacon) {
  document.title = `${state.name} · ${format.PHASE_WORDS[beacon?.phase] ?? "not received yet"}`;
  write(byId("name"), state.name);
  write(byId("phase"), beacon ? format.PHASE_WORDS[beacon.phase] ?? "phase unknown" : "not received yet");
  const hasFix = beacon && beacon.altitude_m !== null && (beacon.fix_age_s ?? 0) <= OLD_FIX_S;
  write(byId("altitude"), beacon ? format.metres(beacon.altitude_m) : "–");
  byId("altitude").classList.toggle("old", Boolean(beacon) && !hasFix);
  write(byId("climb"), beacon ? format.climb(beacon.climb_mps, beacon.phase) : "–");
  write(byId("outside"), beacon ? format.degrees(beacon.outside_c) : "–");
  write(byId("battery"), beacon ? format.volts(beacon.battery_mv) : "–");
  write(byId("sats"), beacon ? format.count(beacon.satellites) : "–");
  byId("heard").classList.toggle("roomy", Boolean(beacon));
  write(byId("heard"), beacon ? "heard, " : "heard");
  write(byId("seal"), beacon ? seal(beacon) : "");
  write(byId("loss"), format.percent(state.link.loss_recent));
}

/** Called once a second: ages grow even when nothing arrives. */
export function tick() {
  const state = flight();
  if (!state) return;
  const beacon = believed();
  document.body.dataset.freshness = freshness();
  write(byId("age"), beacon ? since(beacon.utc_ms) : "never");
  const launch = state.launch_ms;
  write(byId("clock-label"), ending() ? "ended at" : launch ? "since launch" : "station time");
  write(byId("clock"), launch ? `T+${format.sinceLaunch(now() - launch, true)}` : format.clockTime(now()));
  via();
  over();
  quiet();
}

function waiting({ name, beacon_ground_s: everyS }) {
  return `Nothing has been received from ${name} yet. On the ground it sends a beacon every ${everyS}${format.GAP}s; `
    + "this page begins with the first one: state and position, then its thoughts.";
}

/** Whose page this is, when it is not that of the mission's payload. */
function stranger({ node_id: id, payloads }) {
  const { name } = payloads.find((each) => each.node_id === id);
  const named = name === `Node ${id}` ? `This is node ${id}` : `This is node ${id}, which calls itself ${name}`;
  return `${named}. It is not ${payloads[0].name}: this station does not have its key and verifies nothing that it sends.`;
}

/** Strangers, impostors, and clocks that disagree. */
function doubts(state) {
  const words = [...(state.is_ours ? [] : [stranger(state)]), ...impostorWords(state)];
  const life = state.lives.at(-1);
  if (life?.life > 0) {
    words.push(`${state.name} continued with another store at ${format.clockTime(life.first_ms)}: its own was empty, damaged or absent. Its records since then are kept apart.`);
  }
  const gap = Math.abs(state.beacon?.clock_gap_s ?? 0) * 1000;
  if (gap > CLOCK_GAP_MS) {
    words.push(`Its clock and this station’s differ by ${format.span(gap)}: one of them is wrong, or the data arrived late.`);
  }
  return words;
}

/** A beacon in another format. */
function via() {
  const { sighting } = flight();
  const node = byId("via");
  node.hidden = !sighting;
  node.classList.toggle("claim", Boolean(claimed()));
  if (sighting) write(node, sightingWords(flight()));
}

/** That it is over, how it was heard last, and what can still be read. */
function over() {
  const node = byId("over");
  node.hidden = !ending();
  if (!ending()) return;
  const { name } = flight();
  const beacon = believed();
  const phase = beacon && format.PHASE_WORDS[beacon.phase];
  const last = beacon
    ? `${name} was last heard at ${format.clockTime(beacon.utc_ms)}${phase ? `, ${phase}` : ""}.`
    : `Nothing was received from ${name}.`;
  write(node, `The simulated flight is over. ${last} It can be read here until the simulator is closed, `
    + `and again with spacepi-sim show ${ending().kept_in}.`);
}

function quiet() {
  const beacon = believed();
  const node = byId("quiet");
  node.hidden = !beacon || !["quiet", "silent"].includes(freshness());
  if (node.hidden) return;
  const where = beacon.altitude_m === null ? "" : `, last seen at ${format.metres(beacon.altitude_m)}`;
  write(node, `${claimed() ? "No signed beacon" : "Nothing"} heard for ${format.span(now() - beacon.utc_ms)}${where}`);
}
