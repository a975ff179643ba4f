// Which payload the page shows: the address names another than the mission's by its node id
// (/?payload=9#chase). The chooser is there once the station knows of more than one.

import { byId, el, said } from "./dom.js";
import { flight } from "./flight.js";

const chosen = new URLSearchParams(location.search).get("payload");
let drawnFor = ""; // the payloads that are on the page

/** A path of the station, for the payload that the page shows. */
export function about(path) {
  if (chosen === null) return path;
  return `${path}${path.includes("?") ? "&" : "?"}payload=${encodeURIComponent(chosen)}`;
}

/** The choice leads to a page of its own, in the room that is open. */
export function start() {
  byId("payloads").addEventListener("click", ({ target }) => {
    const link = target.closest("a");
    if (link) link.hash = location.hash;
  });
}

export function draw() {
  const { payloads, node_id: shown } = flight();
  const known = JSON.stringify(payloads);
  if (known === drawnFor) return;
  drawnFor = known;
  byId("payloads").hidden = payloads.length < 2;
  byId("payloads").replaceChildren(...payloads.map((payload) => link(payload, payload.node_id === shown)));
}

/** What a payload is called here. */
export const nameOf = (id) => flight().payloads.find((each) => each.node_id === id)?.name ?? `Node ${id}`;

/** The page of a payload. */
export const address = (id) => (flight().payloads.find((each) => each.node_id === id)?.is_ours ? "/" : `/?payload=${id}`);

function link({ node_id: id, name, is_ours: isOurs }, isShown) {
  const number = isOurs || name === `Node ${id}` ? null : el("small", "", `node ${id}`);
  const node = el("a", "", said("span", "", name), number);
  node.href = address(id);
  if (isShown) node.setAttribute("aria-current", "page");
  return node;
}
