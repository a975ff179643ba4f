// Control: questions and commands on their way, and what the station knows of its link.

import * as colophon from "./colophon.js";
import * as conflicts from "./conflicts.js";
import * as talk from "./talk.js";

export async function start() {
  talk.start();
  conflicts.start();
}

export function draw() {
  talk.draw();
  colophon.draw();
  conflicts.draw();
}

export const tick = () => talk.tick();
