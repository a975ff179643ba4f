// A question in its conversation: what was said before, the reply, and the stages on its way, all from
// the station's records.

import { el, origin, said } from "./dom.js";
import * as format from "./format.js";

const BEFORE_SHOWN = 2;
const STAGES = ["queued", "on air", "heard aboard", "thinking", "answered"];

/** The outbox without the questions that stand before another of the same conversation. */
export function latest(outbox) {
  const followed = new Set(outbox.map((item) => item.follows));
  return outbox.filter((item) => !followed.has(item.id));
}

/** The last exchanges before this question, the oldest first. */
export function before(item, outbox) {
  const nodes = [];
  for (let n = 0; n < BEFORE_SHOWN && item; n += 1) {
    item = outbox.find((other) => other.id === item.follows);
    if (item) nodes.unshift(el("div", "before", said("q", "", item.text), ...answer(item)));
  }
  return nodes;
}

/** The reply, and what is said of a line that no model made. */
export function answer({ reply }) {
  return reply ? [said("p", "answer", reply.text), origin(reply)] : [];
}

/** Which stages a question has reached and which are ahead; the others of its fate are words. */
export function stages(item) {
  if (item.kind !== "question") return null;
  const reached = new Map(item.steps);
  const last = item.steps.at(-1)[0];
  const ahead = STAGES.slice(STAGES.indexOf(last) + 1);
  const shown = [...item.steps.map(([stage]) => stage), ...(STAGES.includes(last) ? ahead : [])];
  const list = el("ol", "stages", ...shown.map((stage) => {
    const node = el("li", reached.has(stage) ? "reached" : "", stage);
    if (reached.get(stage)) node.title = format.clockTime(reached.get(stage));
    return node;
  }));
  list.setAttribute("aria-label", `Stages: ${item.steps.map(([stage]) => stage).join(", ")}`);
  return list;
}
