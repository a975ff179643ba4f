// Read: the diary, for whoever loves the one who wrote it. Nothing here can be commanded.

import { moment } from "./clock.js";
import { byId, write } from "./dom.js";
import * as entries from "./entries.js";
import { believed, flight } from "./flight.js";
import * as feed from "./feed.js";
import * as format from "./format.js";
import * as sketch from "./sketch.js";

const REST_MS = 1500; // the first screen is there: most flights are here whole with one page more

export async function start() {
  feed.start();
  setTimeout(() => { if (entries.hasEarlier()) entries.loadEarlier().catch(() => {}); }, REST_MS);
  sketch.start();
  byId("print").addEventListener("click", print);
  byId("parquet").hidden = !flight().has_parquet;
  for (const name of ["beforeprint", "afterprint"]) window.addEventListener(name, feed.turn); // a book begins at the beginning
}

export function draw() {
  const state = flight();
  write(byId("title"), state.name);
  write(byId("disclosure"), state.disclosure);
  write(byId("day"), day(state));
  feed.draw();
  sketch.draw();
}

/** The day of the flight, and whose hours the page counts. */
function day(state) {
  const at = state.launch_ms ?? state.phases[0]?.at_ms ?? believed()?.utc_ms;
  return at === undefined ? "" : `${format.day(at)} · times in ${format.zone(at)}`;
}

export function setMoment(ms) {
  feed.showMoment(ms);
  sketch.draw();
}

/** All of the diary on paper, not only what was read. */
async function print() {
  await entries.loadSince(-Infinity);
  window.print();
}
