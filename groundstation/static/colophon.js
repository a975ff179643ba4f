// What the station received, from whom, how far that is verified, and what its link can carry.

import { byId, el } from "./dom.js";
import { flight } from "./flight.js";
import * as format from "./format.js";
import { verifiedWords } from "./unsigned.js";

export function draw() {
  const state = flight();
  byId("colophon").replaceChildren(
    el("p", "", `${received(state)}.`),
    ...(state.carries ? [el("p", "", carries(state.carries))] : []),
    el("p", "", verifiedWords(state)),
    ...(state.sondehub.mode === "off" ? [] : [el("p", "", sondehub(state.sondehub))]),
  );
}

function received(state) {
  const link = state.link;
  const others = [...state.foreign.map((node) => `node ${node.node_id}`), ...state.neighbours.map((other) => other.callsign)];
  return [
    `Received at ${state.station}: ${format.grouped(link.heard)} frames, ${format.grouped(link.lost)} lost`,
    link.forgotten ? `${format.grouped(link.forgotten)} low-value receptions deleted to make room` : "",
    link.dropped ? `${format.grouped(link.dropped)} lost while the disk refused writes` : "",
    link.noise ? `${format.grouped(link.noise)} bursts of noise` : "",
    link.undecodable ? `${format.grouped(link.undecodable)} undecodable receptions, see spacepi-ground undecodable` : "",
    link.old_beacons ? `${format.grouped(link.old_beacons)} old beacons, late or replayed` : "",
    link.old_data ? `${format.grouped(link.old_data)} old data frames, late or replayed` : "",
    link.unplaced ? `${format.grouped(link.unplaced)} signed frames of an unknown session` : "",
    link.sealed ? `the texts of ${format.grouped(link.sealed)} records need a text model that this station lacks` : "",
    others.length ? `also heard: ${others.join(", ")}` : "",
  ].filter(Boolean).join("; ");
}

/** What this link can bring, so that a slow one is not taken for a broken one. */
function carries({ beacon_every_ms: everyMs, musings, pictures }) {
  const words = `about ${format.grouped(musings)} musings`;
  const images = pictures < 1
    ? `a picture in ${format.grouped(Math.ceil(1 / pictures))} hours`
    : `${format.grouped(Math.floor(pictures))} ${pictures < 2 ? "picture" : "pictures"}`;
  return `This link carries a beacon every ${format.span(everyMs)} and in an hour, `
    + `when nothing is lost, ${words} or ${images}.`;
}

/** What the public map was told, and why it is not being told more. */
function sondehub({ mode, taken, refused, set_aside: aside, trouble }) {
  const what = mode === "dev" ? "SondeHub checked, without storing," : "SondeHub has accepted";
  const words = [`${what} ${taken === 1 ? "1 position" : `${format.grouped(taken)} positions`}`];
  if (refused) words.push(`refused ${format.grouped(refused)}`);
  if (aside) words.push(`failed on ${format.grouped(aside)}`);
  if (trouble) words.push(`it does not answer now (${trouble}); waiting positions are kept`);
  return `${words.join("; ")}.`;
}
