// Records that contradict earlier ones: how many, and what each says for whoever opens the list.

import { byId, el, said, write } from "./dom.js";
import { flight } from "./flight.js";
import * as format from "./format.js";
import { about } from "./payload.js";

const box = byId("conflicts");
let shown = 0;

export function draw() {
  const count = flight().link.conflicts ?? 0;
  box.hidden = count === 0;
  const words = count === 1 ? "1 record contradicts an earlier one" : `${format.grouped(count)} records contradict earlier ones`;
  write(box.querySelector("summary"), words);
  if (box.open && count !== shown) load();
}

async function load() {
  const answer = await fetch(about("/api/conflicts"));
  const { conflicts } = await answer.json();
  shown = conflicts.length;
  box.querySelector("ul").replaceChildren(...conflicts.map((each) => el("li", "",
    el("p", "", `Record ${each.record_id} of ${each.incarnation}, again at ${format.clockTime(each.heard_ms)}. Kept:`),
    said("p", "", each.kept), el("p", "", "And then:"), said("p", "", each.other))));
}

export function start() {
  box.addEventListener("toggle", () => { if (box.open) load().catch(() => {}); });
}
