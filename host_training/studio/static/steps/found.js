// Step 2: what the files hold, which of the people you are, and whom to leave out.

import { get, post } from "../ask.js";
import { el, grouped, said } from "../dom.js";
import { learns } from "../learns.js";
import { action, more, opening, progress, table } from "../parts.js";

export const title = "What was found";
const SHOWN = 12; // rows at first, of people and of chats

const NOT_YET = "Please tick which of these people is you.";

export function show(box, desk) {
  const bar = progress("Reading your files");
  const body = el("div", {});
  let seen = "";
  box.append(...opening("What was found", "Everything that was understood, and who speaks in it. Only your own words are learnt."), bar.node, body);

  async function load(state) {
    const found = await get("/api/found");
    body.replaceChildren(...draw(found, state));
  }

  function draw(found, state) {
    const me = new Set(found.people.filter((one) => one.is_me).map((one) => one.account));
    const isFirst = !state.steps.find((step) => step.id === "found").is_done;
    const likely = isFirst ? found.people.filter((one) => one.is_likely && !one.is_me && !one.is_out) : [];
    for (const one of likely) me.add(one.account);
    const isUnknown = found.people.length > 0 && (likely.length > 0 || me.size === 0);
    const without = new Set(found.people.filter((one) => one.is_out).map((one) => one.account));
    const chatsOut = new Set(found.chats.filter((chat) => chat.is_out).map((chat) => chat.id));
    const next = action("Next: these are right", async () => {
      await post("/api/people", { me: [...me], without: [...without], chats_out: [...chatsOut] });
      await desk.refresh();
      desk.go("character");
    }, { main: true });
    const nothing = found.exports.length === 0;
    const why = state.scan.ended === "failed" && (nothing || found.people.length === 0) ? state.scan.sentences : state.scan.ended === "interrupted" ? state.scan.sentences : state.scan.ended === "stopped" ? ["You stopped the reading; start it again when you like."] : [];
    return [
      ...why.map((sentence) => el("p", { class: "problem", role: "alert" }, plainly(sentence))),
      nothing ? null : exportsTable(found.exports),
      found.people.length ? el("h3", {}, "Which of these is you?") : null,
      isUnknown ? el("p", { class: "notice" }, me.size ? "Your name was found and is ticked; please look whether that is right." : NOT_YET) : null,
      found.people.length ? peopleTable(found.people, me, without) : null,
      ...chats(found.chats, chatsOut),
      ...(isUnknown ? [] : learns(found.learns)), // without the ticks it is of what has no accounts
      ...found.warnings.map((sentence) => el("p", { class: "notice" }, plainly(sentence))),
      leftOut(found),
      nothing ? el("p", {}, el("a", { href: "#writing" }, "Back to your files")) : next.node,
      state.is_read ? null : action("Read everything again", async () => { await post("/api/scan"); await desk.refresh(); }, { quiet: true }).node,
    ].filter(Boolean);
  }

  function update(state) {
    desk.state = state;
    const { scan } = state;
    bar.node.hidden = !scan.is_running;
    bar.tell(scan.share, scan.line || "Reading your files…");
    const key = JSON.stringify([scan.is_running, scan.started_s, scan.ended, state.is_read]);
    if (key === seen) return;
    seen = key;
    if (scan.is_running) body.replaceChildren(el("p", { class: "soft" }, "This takes seconds, with a whole life of mail some minutes. You may close this page meanwhile."),
      action("Stop reading", () => post("/api/stop"), { quiet: true }).node);
    else void load(state).catch((error) => body.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message)));
  }
  update(desk.state);
  return update;
}

/** Without the name of a file that nobody on the page has seen. */
const plainly = (sentence) => sentence.replace(/^persona\.toml: /, "");

const exportsTable = (exports) => table("What was found", ["What it is", "When", "Texts", "Words", "Whose words"], exports.map((one) => el("tr", {},
  el("th", { scope: "row" }, one.kind, said("span", { class: "file soft" }, one.file)),
  el("td", { class: "nowrap" }, one.dates.replace(" to ", " – ") || "no dates"),
  el("td", { class: "number", "data-unit": "texts" }, grouped(one.messages)), el("td", { class: "number", "data-unit": "words" }, grouped(one.words)),
  said("td", {}, one.speakers.join(", ")))));

function peopleTable(people, me, without) {
  const rows = people.map((one, at) => {
    const box = (set, other, words) => el("label", { class: "tick" }, el("input", {
      type: "checkbox", checked: set.has(one.account),
      onchange: (event) => {
        if (event.target.checked) { set.add(one.account); other.delete(one.account); } else set.delete(one.account);
        for (const input of event.target.closest("tr").querySelectorAll("input")) if (input !== event.target && event.target.checked) input.checked = false;
      },
    }), el("span", {}, words), el("span", { class: "hidden" }, `: ${one.name}`));
    return el("tr", { hidden: at >= SHOWN }, el("th", { scope: "row" }, said("span", {}, one.name), el("span", { class: "soft file" }, one.in.join(", "))),
      el("td", { class: "number", "data-unit": "words" }, grouped(one.words)),
      el("td", {}, box(me, without, "This is me")), el("td", {}, box(without, me, "Leave out")));
  });
  return el("div", {}, el("p", { class: "hint" }, "Tick every account of yours. “Leave out” takes out your talks with somebody, whole; other people's words are never learnt in any case."),
    table("People", ["Who", "Words", "You?", "Leave out?"], rows), showAll(rows));
}

function chats(all, out) {
  if (all.length === 0) return [];
  const rows = all.map((chat, at) => el("tr", { hidden: at >= SHOWN },
    said("th", { scope: "row" }, chat.name), el("td", { class: "number", "data-unit": "messages" }, grouped(chat.messages)),
    el("td", {}, el("label", { class: "tick" }, el("input", {
      type: "checkbox", checked: !out.has(chat.id),
      onchange: (event) => { if (event.target.checked) out.delete(chat.id); else out.add(chat.id); },
    }), el("span", {}, "Learn from it"), el("span", { class: "hidden" }, `: ${chat.name}`)))));
  return [el("h3", {}, "Which chats may it learn from?"), table("Chats", ["Chat", "Messages", "Learn?"], rows), showAll(rows)];
}

function showAll(rows) {
  if (rows.length <= SHOWN) return null;
  const button = el("button", { type: "button", class: "quiet", onclick: () => {
    for (const row of rows) row.hidden = false;
    button.remove();
    rows[SHOWN].querySelector("input")?.focus();
  } }, `Show all ${rows.length}`);
  return button;
}

function leftOut(found) {
  const reasons = Object.entries(found.left_out);
  if (reasons.length === 0 && found.not_understood.length === 0) return null;
  return more(`What is not learnt, and why (${grouped(reasons.reduce((sum, [, n]) => sum + n, 0) + found.not_understood.length)})`,
    el("ul", {}, reasons.map(([why, n]) => el("li", {}, `${grouped(n)} × ${why}`)), found.not_understood.map((line) => said("li", {}, line.replaceAll("exports/", "")))));
}
