// Health: the payload as its newest believed beacon tells it, and this station apart from it.

import { alarms } from "./alarms.js";
import { now } from "./clock.js";
import { byId, el } from "./dom.js";
import { believed, flight, since } from "./flight.js";
import * as format from "./format.js";
import { seal } from "./unsigned.js";

const CLOCK_GAP_MS = 60_000; // less is a clock that nobody set
const POWER_WORDS = {
  NOMINAL: "nominal", ECO: "saving", LOW: "low", CRITICAL: "critical", UNKNOWN: "unknown, saving",
  SAFE: "safe mode",
};

export function draw() {
  rows(byId("payload-health"), payload(flight(), believed()));
  rows(byId("station-health"), station(flight()));
}

const isRaised = (rule) => alarms().some((alarm) => alarm.rule === rule && alarm.is_active);

/** Rows of [name, value, is it bad]; an absent value is an en dash. */
function rows(list, found) {
  list.replaceChildren(...found.flatMap(([name, value, isBad]) => [
    el("dt", "", name), el("dd", isBad ? "bad" : "", value),
  ]));
}

function payload(state, beacon) {
  if (!beacon) return [["heard", "never", false]];
  const faults = beacon.fault_words ?? [];
  const gap = Math.abs(beacon.clock_gap_s ?? 0) * 1000;
  return [
    ["heard", `${since(beacon.utc_ms)}, ${seal(beacon)}`, false],
    ["phase", format.PHASE_WORDS[beacon.phase] ?? "unknown", false],
    ["power mode", POWER_WORDS[beacon.power_mode] ?? "–", ["LOW", "CRITICAL", "SAFE"].includes(beacon.power_mode)],
    ["battery", format.volts(beacon.battery_mv), isRaised("low_battery")],
    ["cutdown", beacon.is_cutdown_armed ? "ARMED" : "not armed", Boolean(beacon.is_cutdown_armed)],
    ["faults", faults.length ? faults.join(", ") : "none reported", faults.length > 0],
    ["inside", format.degrees(beacon.inside_c), false],
    ["fix", beacon.latitude_deg === null ? "none" : `${format.count(beacon.satellites)} satellites, ${format.count(beacon.fix_age_s)}${format.GAP}s old`, beacon.latitude_deg === null],
    ["records to send", beacon.queue_records === null ? "–" : `about ${format.grouped(beacon.queue_records)}`, false],
    ["its clock", gap > CLOCK_GAP_MS ? `differs by ${format.span(gap)}` : "agrees with this station", gap > CLOCK_GAP_MS],
  ];
}

/** Whether the radio, the broker or the shared control room is connected, else since when not and why. */
function reached({ is_connected, name, since_ms, why }, lost) {
  if (is_connected) return `connected, ${name}`;
  return `${lost} ${format.span(now() - since_ms)} ago${why ? `: ${why}` : ""}`;
}

/** The database that stations share: nothing is lost without it, so it says what waits. */
function shared(room) {
  const age = format.span(now() - room.since_ms);
  if (room.is_connected) return `shared, ${room.name}, for ${age}`;
  return `unreachable, lost ${age} ago: ${room.why}. Receiving goes on; what was queued before waits`;
}

function station(state) {
  const { link, radio, broker, control_room: room, sondehub } = state;
  const isUnreached = isRaised("station");
  const found = [["this page", isUnreached ? "has lost the station" : "connected", isUnreached]];
  if (radio) found.push(["radio", reached(radio, "lost"), !radio.is_connected]);
  if (broker) found.push(["broker", reached(broker, "unreachable, lost"), !broker.is_connected]);
  if (room) found.push(["control room", shared(room), !room.is_connected]);
  found.push(
    ["last reception", link.last_ms ? `${since(link.last_ms)}, of anything` : "never", false],
    ["can send", state.can_transmit ? "yes" : state.is_ours ? "no key" : `only to ${state.payloads[0].name}`, false],
    ["verifies", state.is_verifying ? "every frame" : state.is_signed ? "nothing: no key" : "nothing: the frames are not signed", state.is_signed && !state.is_verifying],
    ["receptions", format.grouped(link.receptions), false],
    ["lost to the disk", link.dropped ? format.grouped(link.dropped) : "none", link.dropped > 0],
    ["undecodable", link.undecodable ? format.grouped(link.undecodable) : "none", link.undecodable > 0],
  );
  if (sondehub.mode !== "off") found.push(["SondeHub", sondehub.trouble ? `does not answer: ${sondehub.trouble}` : `accepted ${format.grouped(sondehub.taken)}`, Boolean(sondehub.trouble)]);
  return found;
}
