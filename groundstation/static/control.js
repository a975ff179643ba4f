// Control: alarms, commands on their way, the health of both ends, and the link between them.

import * as alarmList from "./alarm_list.js";
import * as colophon from "./colophon.js";
import * as commanding from "./commanding.js";
import * as conflicts from "./conflicts.js";
import * as health from "./health.js";
import * as linkRoom from "./link_room.js";
import * as packets from "./packets.js";
import * as talk from "./question_box.js";

export async function start() {
  alarmList.start();
  talk.start();
  conflicts.start();
  packets.start();
  linkRoom.start();
  await commanding.start();
}

export function draw() {
  alarmList.draw();
  talk.draw();
  commanding.draw();
  health.draw();
  linkRoom.draw();
  packets.draw();
  colophon.draw();
  conflicts.draw();
}

export function tick() {
  alarmList.draw();
  talk.tick();
  commanding.draw();
  health.draw();
}
