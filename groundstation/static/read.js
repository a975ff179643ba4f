// Read: the diary, for whoever loves the one who wrote it. Nothing here can be commanded.

import { byId, write } from "./dom.js";
import { flight } from "./flight.js";
import * as feed from "./feed.js";

export async function start() {
  feed.start();
}

export function draw() {
  const state = flight();
  write(byId("title"), state.name);
  write(byId("disclosure"), state.disclosure);
  feed.draw();
}
