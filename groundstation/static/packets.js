// The packet browser: every reception in a line, and one of them byte by byte. Nothing in it is
// trusted: bytes come as hex digits and values as text.

import { byId, el, said, write } from "./dom.js";
import { flight } from "./flight.js";
import * as format from "./format.js";

const PAGE = 40;
const NEW_MS = 5000; // between two looks for newer ones, while the first page is open
let lines = []; // those of the page that is open
let before = []; // the first ids of the pages that were left behind, for going back
let selected = null;
let seen = -1; // how many receptions there were at the last look
let askedAt = -Infinity;

export function start() {
  byId("packets").addEventListener("toggle", () => { if (byId("packets").open) load(); });
  byId("packets-older").addEventListener("click", () => {
    before.push(lines.at(-1)?.id ?? 0);
    load();
  });
  byId("packets-newer").addEventListener("click", () => { before.pop(); load(); });
}

/** Follow the newest page, for as long as it is open. */
export function draw() {
  const { receptions } = flight().link;
  const isDue = performance.now() - askedAt >= NEW_MS;
  if (byId("packets").open && before.length === 0 && receptions !== seen && isDue) load();
}

async function load() {
  askedAt = performance.now();
  seen = flight().link.receptions;
  const at = before.length ? `&before=${before.at(-1)}` : "";
  try {
    const answer = await fetch(`/api/packets?limit=${PAGE}${at}`);
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error);
    lines = found.packets;
    write(byId("packets-note"), lines.length ? "" : "There are no others.");
  } catch (error) {
    write(byId("packets-note"), error.message || "The station did not answer.");
  }
  show();
}

function show() {
  const held = document.activeElement?.dataset?.packet; // a redraw must not take the focus away
  byId("packet-lines").replaceChildren(...lines.map(line));
  byId("packets-newer").disabled = before.length === 0;
  byId("packets-older").disabled = lines.length < PAGE;
  if (held) byId("packet-lines").querySelector(`[data-packet="${held}"]`)?.focus();
}

function line(packet) {
  const open = el("button", "", String(packet.id));
  open.type = "button";
  open.dataset.packet = packet.id;
  open.setAttribute("aria-label", `Packet ${packet.id}, ${packet.kind}`);
  open.addEventListener("click", () => look(packet.id));
  const row = el("tr", packet.id === selected ? "selected" : "",
    el("td", "", open), el("td", "", new Date(packet.utc_ms).toISOString().slice(11, 19)),
    el("td", "", packet.kind + (packet.is_signed ? "" : ", not signed")),
    el("td", "", packet.node_id === null ? "–" : String(packet.node_id)), el("td", "", String(packet.bytes)),
    el("td", "", packet.rssi_dbm === null ? "–" : format.signed(packet.rssi_dbm)),
    el("td", "", packet.snr_db === null ? "–" : format.signed(packet.snr_db, 1)));
  return row;
}

async function look(id) {
  const answer = await fetch(`/api/packets/${id}`);
  const packet = await answer.json();
  if (!answer.ok) return write(byId("packets-note"), packet.error);
  selected = id;
  show();
  const box = byId("packet");
  box.hidden = false;
  box.replaceChildren(
    el("h4", "", `Packet ${packet.id}`),
    el("p", "caption", `${format.utcTime(packet.utc_ms)}, ${packet.bytes} bytes by ${packet.source} at ${packet.station}: ${packet.fate}.${heardBy(packet)}`),
    bytes(packet), parts(packet));
}

/** Who heard the same bytes, where several stations did. */
function heardBy({ heard_by: ears }) {
  if (new Set(ears.map((ear) => ear.station)).size < 2) return "";
  const words = ears.map(({ station, rssi_dbm }) => station + (rssi_dbm === null ? "" : ` (${format.signed(rssi_dbm)}${format.GAP}dBm)`));
  return ` Heard by ${words.join(", ")}.`;
}

/** The bytes, those of each part apart; a part and its bytes light up together. */
function bytes({ hex, parts: found }) {
  const box = el("p", "hex");
  found.forEach((part, place) => {
    if (!part.size) return;
    const pairs = hex.slice(2 * part.at, 2 * (part.at + part.size)).match(/../g) ?? [];
    const node = el("span", place % 2 ? "odd" : "even", pairs.join(" "));
    node.title = part.name;
    box.append(node, " ");
  });
  return box;
}

function parts({ parts: found }) {
  const rows = found.map((part) => el("tr", part.size ? "" : "within",
    el("th", "", part.name.replaceAll("_", " ")),
    el("td", "", part.size ? `${part.at}${part.size > 1 ? `–${part.at + part.size - 1}` : ""}` : ""),
    said("td", "", part.value)));
  const head = el("tr", "", ...["field", "bytes", "value"].map((name) => el("th", "", name)));
  return el("table", "", el("thead", "", head), el("tbody", "", ...rows));
}
