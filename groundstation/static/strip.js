// The strip: how it is up there, and above all how old that knowledge is.

import { now } from "./clock.js";
import { byId, write } from "./dom.js";
import { believed, ending, flight } from "./flight.js";
import * as format from "./format.js";
import { freshness, since } from "./freshness.js";

const OLD_FIX_S = 60;

export function draw() {
  const state = flight();
  const beacon = believed();
  document.title = `${state.name} · ${format.PHASE_WORDS[beacon?.phase] ?? "not received yet"}`;
  write(byId("name"), state.name);
  write(byId("phase"), beacon ? format.PHASE_WORDS[beacon.phase] ?? "phase unknown" : "not received yet");
  const hasFix = beacon && beacon.altitude_m !== null && (beacon.fix_age_s ?? 0) <= OLD_FIX_S;
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
}
