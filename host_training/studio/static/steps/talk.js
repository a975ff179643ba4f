// Step 7: the conversation.

import { get, post } from "../ask.js";
import { el, said, speak } from "../dom.js";
import { action, opening, problem } from "../parts.js";

export const title = "Talk with it";

export function show(box, desk) {
  const log = el("ol", { class: "talk", "aria-label": "Conversation", tabindex: "0" });
  const words = el("input", { type: "text", id: "words", autocomplete: "off", "aria-label": "Your words" });
  const send = el("button", { type: "submit", class: "main" }, "Say it");
  const trouble = problem();
  const disclosure = el("p", { class: "notice" });
  let name = desk.state.name;

  const hasFailed = () => desk.state.train.ended === "failed"; // and not signed, where that is asked
  const turn = (role, text) => el("li", { class: role }, el("span", { class: "soft" }, role === "user" ? "you" : `${name} (AI)`), said("p", {}, text));
  const add = (node) => { log.append(node); log.scrollTop = log.scrollHeight; return node; };

  const form = el("form", { class: "say" }, words, send);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = words.value.trim();
    if (!text || send.getAttribute("aria-busy") === "true") return;
    trouble.say("");
    send.setAttribute("aria-busy", "true");
    words.value = "";
    await loaded; // what was said before stands above
    const asked = add(turn("user", text));
    const waiting = add(turn("assistant", "…"));
    try {
      const answer = await post("/api/talk", { words: text });
      waiting.replaceWith(answer.line ? turn("assistant", answer.line) : turn("assistant silent", "It says nothing to that."));
      speak(answer.line ? `${name}: ${answer.line}` : `${name} says nothing to that.`);
      log.scrollTop = log.scrollHeight;
    } catch (error) {
      waiting.remove();
      asked.remove();
      words.value = text;
      trouble.say(error.message);
    }
    send.removeAttribute("aria-busy");
    words.focus();
  });

  box.append(...opening("Talk with it", "Ask how it is, what it sees, what it thinks of the wind. It knows only that it is a box, on the ground today."),
    disclosure, log, form, trouble.node,
    action("Next: take it along", async () => {
      const { steps } = await desk.refresh();
      if (!steps.find((step) => step.id === "card").is_open) throw new Error(hasFailed() ? "It is not signed: the step Training says why, and what you can do." : "It is not signed yet: first its training has to end, which the step Training shows.");
      desk.go("card");
    }).node);

  const loaded = get("/api/talk").then((found) => {
    name = found.name;
    const unsigned = hasFailed() ? "It was not signed: it speaks here, and it does not fly." : "Its examination is not finished: it may yet change, and it does not fly.";
    disclosure.textContent = found.is_signed || !found.disclosure ? found.disclosure : `${found.disclosure} ${unsigned}`;
    words.maxLength = found.chars_max;
    log.replaceChildren(...found.turns.map((one) => turn(one.role, one.words)));
    log.scrollTop = log.scrollHeight;
  }, (error) => trouble.say(error.message));
  return (state) => { desk.state = state; };
}
