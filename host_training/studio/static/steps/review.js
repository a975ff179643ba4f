// Step 4: what is taken out of the texts before anything is learnt, and what else should be.

import { get, post } from "../ask.js";
import { el, grouped, said } from "../dom.js";
import { learns } from "../learns.js";
import { action, field, more, opening, progress } from "../parts.js";

export const title = "What is taken out";

const ROWS_MAX = 12; // of a list that grows as it is filled

const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

export function show(box, desk) {
  const bar = progress("Reading your files");
  const body = el("div", {});
  let seen = "";
  box.append(...opening("What is taken out", "Before anything is learnt, private things are taken out of your texts. Please look through them once: what it has learnt, it may say, and by radio everybody hears it."), bar.node, body);

  async function load() {
    const [review, found] = await Promise.all([get("/api/review"), get("/api/found")]);
    body.replaceChildren(...draw(review, found.learns, desk));
  }

  function update(state) {
    desk.state = state;
    bar.node.hidden = !state.scan.is_running;
    bar.tell(state.scan.share, state.scan.line || "Reading your files…");
    const key = JSON.stringify([state.scan.is_running, state.scan.started_s, state.scan.ended]);
    if (key === seen) return;
    seen = key;
    if (state.scan.is_running) body.replaceChildren(el("p", { class: "soft" }, "Your files are read again with what you changed; this page goes on by itself."));
    else if (state.scan.ended !== "done") body.replaceChildren(...state.scan.sentences.map((sentence) => el("p", { class: "problem", role: "alert" }, sentence)));
    else void load().catch((error) => body.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message)));
  }
  update(desk.state);
  return update;
}

function draw(found, lessons, desk) {
  const area = (given) => { const input = el("textarea"); input.value = given.join("\n"); return input; };
  const extra = area(found.extra_names), keep = area(found.keep_names), blocked = area(found.blocked);
  const words = { same: "Next: this is right", other: "Read everything again with these" };
  const next = action(words.same, async () => {
    const answer = await post("/api/review", { extra_names: lines(extra.value), keep_names: lines(keep.value), blocked: lines(blocked.value) });
    await desk.refresh();
    if (!answer.is_read_again) desk.go("learning");
  }, { main: true });
  const written = () => JSON.stringify([extra, keep, blocked].map((area_) => lines(area_.value)));
  const before = written();
  const changed = () => {
    next.button.textContent = written() === before ? words.same : words.other;
    for (const input of [extra, keep, blocked]) input.rows = Math.min(ROWS_MAX, Math.max(3, lines(input.value).length + 1));
  };
  for (const input of [extra, keep, blocked]) input.addEventListener("input", changed);
  changed();
  const total = found.kinds.filter((kind) => !kind.is_kept).reduce((sum, kind) => sum + kind.count, 0);
  return [
    el("p", {}, total === 0 ? "Nothing private was found in your texts. Names that nobody's account has are not known by themselves: write them below." : `Something was taken out ${total === 1 ? "once" : `${grouped(total)} times`}. Open a line to see where.`),
    ...found.kinds.map((kind) => more(`${kind.title} · ${grouped(kind.count)}`, el("ul", { class: "samples" }, kind.samples.map(([left, what, right]) => el("li", { dir: "auto" }, `…${left}`, el("mark", {}, what), `${right}…`))),
      kind.samples.length < kind.count ? el("p", { class: "hint" }, `The first ${kind.samples.length} of ${grouped(kind.count)}.`) : null)),
    el("h3", {}, "Is something missing?"),
    likelyNames(found.likely_names, extra, changed),
    field("Names to take out as well", "One to a line: people who are spoken of and never wrote, pets, streets, firms.", extra),
    field("Words that leave a message out", "One to a line. Every message with one of them is not learnt at all.", blocked),
    field("Names that may stay", "One to a line: writers, heroes, towns that are not private.", keep),
    ...learns(lessons),
    next.node,
  ].filter(Boolean);
}

/** Words that look like names, as buttons that put them onto the list and off it again. */
function likelyNames(likely, extra, changed) {
  if (likely.length === 0) return null;
  const button = ({ word, times }) => {
    const node = el("button", { type: "button", class: "chip", "aria-pressed": "false", onclick: () => {
      const isOut = node.getAttribute("aria-pressed") === "true";
      node.setAttribute("aria-pressed", String(!isOut));
      extra.value = [...lines(extra.value).filter((line) => line !== word), ...(isOut ? [] : [word])].join("\n");
      changed();
    } }, said("span", {}, word), el("span", { class: "soft" }, ` ${grouped(times)}`), el("span", { class: "hidden" }, " times"));
    return el("li", {}, node);
  };
  return el("section", {}, el("h4", { id: "likely" }, "Are these people?"),
    el("p", { class: "hint" }, "Words that your texts use like names, and how often they would be learnt. Press those that are private: they are taken out too, and a letter stands in their place."),
    el("ul", { class: "chips", "aria-labelledby": "likely" }, likely.map(button)));
}
