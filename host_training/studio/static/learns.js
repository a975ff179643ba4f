// What would be learnt, and how much each kind of writing counts.

import { el, percent } from "./dom.js";

/** Nodes for the rows of /api/found's ``learns``; none before it is known who the author is. */
export function learns(rows) {
  if (rows.length === 0) return [];
  return [
    el("h3", {}, "What it learns from"),
    el("p", { class: "hint" }, "Writing with more thought in it counts more, so that chatter does not drown it."),
    el("ul", { class: "bars" }, rows.map((one) => el("li", {},
      el("span", { class: "what" }, one.what),
      el("meter", { min: 0, max: 1, value: one.share, "aria-label": one.what }),
      el("span", { class: "soft" }, `${percent(one.share)} of the lessons; each text counts ${times(one.times)}`)))),
  ];
}

const times = (n) => (n > 0.95 && n < 1.05 ? "once" : `${n.toFixed(1)} times`);
