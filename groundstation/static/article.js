// One entry of the diary as an article: a line, a call, or a picture as far as it has come. The station
// lays the pieces of a picture over its small first look, and gives all of it as one drawing.

import { setMoment } from "./clock.js";
import { el, origin, said } from "./dom.js";
import * as format from "./format.js";
import { about, address, nameOf } from "./payload.js";
import * as unsigned from "./unsigned.js";

const LATE_MS = 3 * 60_000;
const NAMES = { musing: "Musing", reply: "Reply", thumbnail: "Picture", api_call: "API call", sound: "Sound", event: "Trouble" };
const CLASSES = { thumbnail: "plate", api_call: "call", sound: "call", event: "call trouble" };

/** The node of an entry, with its name for a screen reader. */
export function draw(entry) {
  const article = el("article", `entry ${CLASSES[entry.kind] ?? entry.kind}`, margin(entry), body(entry));
  article.ariaLabel = [NAMES[entry.kind], format.clockTime(entry.when_ms), entry.alt_m === null ? "" : format.metres(entry.alt_m)].filter(Boolean).join(", ");
  article.tabIndex = 0;
  return article;
}

function body(entry) {
  if (entry.kind === "api_call") return said("p", "prose", `asked ${entry.api}: ${answered(entry)}`);
  if (entry.kind === "sound") return said("p", "prose", `heard ${sounds(entry)}`);
  if (entry.kind === "event") return said("p", "prose", entry.event);
  if (entry.kind === "thumbnail") return drawPlate(el("figure", "prose", el("div", "picture"), el("figcaption")), entry);
  return el("div", "prose",
    entry.kind === "reply" && entry.question ? said("blockquote", "asked", entry.question) : null,
    ...(entry.turns ?? []).map(turn),
    said("p", "text", entry.text),
    entry.senses ? said("p", "senses", entry.senses) : null,
    origin(entry));
}

/** What a payload said before this line, with a way to its page. */
function turn({ node_id: id, text, authenticity }) {
  const speaker = said("a", "speaker", nameOf(id));
  speaker.href = address(id);
  const words = text ? said("span", "", text) : el("em", "", "not received here");
  const seal = text && authenticity !== "genuine" ? el("small", "", unsigned.seal({ authenticity })) : null;
  return el("blockquote", "asked turn", speaker, " ", words, " ", seal);
}

function margin(entry) {
  const time = el("time", "", format.clockTime(entry.when_ms));
  time.dateTime = new Date(entry.when_ms).toISOString();
  const when = el("button", "when", time);
  when.type = "button";
  when.tabIndex = -1; // the time bar is for the keyboard: one stop, not one for each line
  const seal = unsigned.seal(entry);
  when.title = `${format.utcTime(entry.when_ms)}${entry.is_exact ? "" : ", approximate"}, ${seal}. Show this moment`;
  when.addEventListener("click", () => setMoment(entry.when_ms));
  const lines = [when];
  if (entry.alt_m !== null) lines.push(el("span", "height", format.metres(entry.alt_m)));
  const late = entry.heard_ms - entry.when_ms;
  if (late > LATE_MS) lines.push(el("span", "late", `received ${format.span(late)} later`));
  if (entry.authenticity !== unsigned.usual()) lines.push(el("span", "late", seal));
  return el("div", "margin", ...lines);
}

const CALL_WORDS = {
  404: "404, not found", 429: "429, asked too often", 500: "500, a server in trouble",
  timeout: "no answer", unreachable: "unreachable", garbage: "garbage", other: "an unreadable answer",
  redirected: "redirected, not followed", blocked: "a private address, not called",
  asked: "through the ground station",
};

const answered = ({ outcome, summary }) => (outcome === "ok" && summary ? `“${summary}”` : CALL_WORDS[outcome] ?? outcome);

const SOUND_WORDS = { quiet: "nothing", wind: "the wind", bang: "a bang", flutter: "flapping", voices: "voices" };

/** What the microphone took it for: "the wind and flapping, 94 dB". */
function sounds({ heard, spl_db }) {
  const names = heard.map((name) => SOUND_WORDS[name] ?? name).join(" and ");
  return spl_db === null ? names : `${names}, ${format.decibels(spl_db)}`;
}

// -- a picture ------------------------------------------------------------------------------

/** More of the picture in this article came in. */
export const complete = (article, entry) => drawPlate(article.querySelector(".prose"), entry);

function drawPlate(figure, entry) {
  const [box, caption] = figure.children;
  const what = words(entry);
  box.hidden = !isVisible(entry);
  if (isVisible(entry)) show(box, entry);
  const shown = isVisible(entry) ? what : `a picture that cannot be displayed${what && ` (${what})`}`;
  caption.replaceChildren(said("span", "", shown), el("span", "count", isVisible(entry) ? count(entry) : ""));
  return figure;
}

const isVisible = (entry) => entry.is_shown || entry.tiles.length > 0;

const piecesInAll = (entry) => entry.columns * entry.rows;
const isPartial = (entry) => entry.tiles.length < piecesInAll(entry);

/** Draw the picture of this entry into ``box``, or what there is of it by now. */
function show(box, entry) {
  box.className = piecesInAll(entry) ? "picture large" : "picture";
  box.role = "img";
  box.ariaLabel = ["Picture", words(entry), count(entry)].filter(Boolean).join(", ");
  const path = source(entry);
  if (box.dataset.path === path) return;
  box.dataset.path = path;
  const image = el("img", "");
  image.alt = "";
  if (box.firstChild) replaceOnceThere(box, image);
  else {
    image.loading = "lazy";
    box.append(image);
  }
  image.src = path;
}

/** What there was stays until the new one can be seen in its place. */
function replaceOnceThere(box, image) {
  image.addEventListener("load", () => { if (box.dataset.path === image.getAttribute("src")) box.replaceChildren(image); });
}

const SIGHT_WORDS = { sun: "the sun", tilted: "tilted", level: "level", curved: "curved", clouds: "cloud below", black: "a black sky" };

/** What the payload's eyes made of it; the scene has said the sun. */
const sights = ({ scene, sees }) => sees.filter((name) => name !== scene).map((name) => SIGHT_WORDS[name] ?? name);

/** What it shows and from where, such as "horizon, from 12 340 m". */
function words(entry) {
  const where = entry.alt_m === null ? "" : `from ${format.metres(entry.alt_m)}`;
  return [entry.scene, ...sights(entry), where].filter(Boolean).join(", ");
}

/** "9 of 12 pieces" while it is not whole. */
function count(entry) {
  return isPartial(entry) ? `${entry.tiles.length} of ${piecesInAll(entry)} tiles` : "";
}

/** Under a name of its own for each flight and each further piece: a browser keeps pictures for a day. */
const source = (entry) => about(`/api/picture/${entry.id}?${entry.heard_ms}-${entry.tiles.length}`);
