// Step 5: choose how large, start it, and watch the voice come.

import { get, post } from "../ask.js";
import { byId, capital, el, percent, said, size, speak, wait, write } from "../dom.js";
import { action, opening, progress } from "../parts.js";
import { plot } from "../plot.js";

export const title = "Training";

const STAGES = [
  ["base", "Fetching the model it starts from"], ["writing", "Reading your writing"], ["dataset", "Preparing the lessons"],
  ["codec", "Learning to write short, for the radio"], ["train", "Learning your voice"], ["quantise", "Making it small"],
  ["evaluate", "Examining it"], ["pack", "Signing it"],
];
const stageOf = (name) => STAGES.findIndex(([key]) => name === key || name.startsWith(`${key}-`));

export function show(box, desk) {
  const body = el("div", {});
  let seen = "", watch = null;
  box.append(...opening("Training", "Now it learns. The computer works for a while; you may close this page, and look in again whenever you like."), body);

  function update(state) {
    desk.state = state;
    const { train } = state;
    const key = JSON.stringify([train.is_running, train.ended, train.started_s, state.steps.find((step) => step.id === "learning").is_done]);
    if (key !== seen) {
      seen = key;
      watch = null;
      if (train.is_running) {
        watch = running(desk);
        body.replaceChildren(...watch.nodes);
      } else {
        body.replaceChildren(el("p", { class: "soft" }, "A moment: looking how fast this computer is…"));
        void before(desk, train).then((nodes) => body.replaceChildren(...nodes), (error) => body.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message)));
      }
    }
    watch?.tell(train);
  }
  update(desk.state);
  return update;
}

/** What is there before a training, or after one. */
async function before(desk, train) {
  const [sizes, report, curve] = [await get("/api/sizes"), await get("/api/report"), await get("/api/curve")];
  const isTrained = desk.state.steps.find((step) => step.id === "learning").is_done;
  const nodes = [];
  const isRefused = train.ended === "failed" && report.answers.some((one) => one.is_passed === false) && !report.is_signed;
  if (isRefused) nodes.push(...refusedBy(report, train, desk));
  else if (train.ended === "failed") nodes.push(...train.sentences.map((sentence) => el("p", { class: "problem", role: "alert" }, sentence)));
  else if (isCutOff(train) && !train.is_of_this) nodes.push(el("p", { class: "notice" }, "It was stopped, and your writing or what is taken out of it has changed since: it begins again."));
  else if (train.ended === "interrupted") nodes.push(...train.sentences.map((sentence) => el("p", { class: "notice" }, sentence)));
  else if (train.ended === "stopped") nodes.push(el("p", { class: "notice" }, "You stopped it. What it has learnt so far is kept: start it again and it goes on from there."));
  else if (isTrained) nodes.push(el("p", { class: "good" }, "It is trained and signed."), curve.epochs.length ? sampleList(curve.epochs.at(-1), desk) : null,
    action("Next: read the report", async () => desk.go("report"), { main: true }).node, el("h3", {}, "Train it again"));
  nodes.push(choice(sizes, train, desk, isTrained));
  return nodes.filter(Boolean);
}

const isCutOff = (train) => train.ended === "stopped" || train.ended === "interrupted";

function refusedBy(report, train, desk) {
  return [
    el("p", { class: "problem", role: "alert" }, "It is trained, but the examination found something, so it was not signed:"),
    el("ul", {}, report.answers.filter((one) => one.is_passed === false).map((one) => el("li", {}, el("strong", {}, one.question), ` ${one.sentence}`))),
    el("p", {}, el("a", { href: "/report", target: "_blank" }, "Read the whole report"), ". More writing helps most. You may also sign it as it is; its papers then say what was found."),
    el("p", {}, "You need not sign it to ", el("a", { href: "#talk" }, "talk with it"), " here; only what is signed can fly."),
    action("Sign it as it is", async () => { await post("/api/train", { size: train.about.size, must_sign: true }); await desk.refresh(); }).node,
  ];
}

function choice(sizes, train, desk, isTrained) {
  let chosen = train.about.size ?? sizes[0].id;
  const isGoingOn = isCutOff(train) && train.is_of_this;
  const start = action(isGoingOn ? "Go on with it" : isTrained ? "Train again" : "Start the training", async () => {
    await post("/api/train", { size: chosen });
    await desk.refresh();
    speak("The training has begun.");
  }, { main: !isTrained });
  return el("div", {},
    el("fieldset", {}, el("legend", {}, "How large shall it be?"), sizes.map((one) => el("label", { class: "choice" },
      el("input", { type: "radio", name: "size", value: one.id, checked: one.id === chosen, onchange: () => { chosen = one.id; } }),
      el("span", {}, el("strong", {}, one.title), one.takes_s === null ? null : el("span", { class: "soft" }, `${capital(wait(one.takes_s))} on this computer, as busy as it is now.`), el("span", {}, one.gives),
        one.download_bytes ? el("span", { class: "soft" }, `It first downloads the model it starts from, once, ${size(one.download_bytes)}; nothing of yours is sent.`) : null)))),
    el("p", { class: "hint" }, "You may use the computer meanwhile, close this page and stop the training for a while. Only let the computer not go to sleep."),
    start.node);
}

/** While it runs: the stages, the time left, the plot and the newest lines. */
function running(desk) {
  const left = el("p", { class: "left", role: "status" }, "Working out how long it takes…");
  const bar = progress("This part of the training");
  const stages = el("ol", { class: "stages" }, STAGES.map(([, words]) => el("li", {}, words)));
  const box = el("div", { class: "plot" });
  const figure = el("figure", { hidden: true }, box, el("figcaption", {}, ""));
  const samples = el("div", { id: "samples" });
  const meanwhile = el("p", { class: "good", hidden: true }, "It can speak already: ", el("a", { href: "#talk" }, "talk with it"), " while it is examined.");
  const chart = plot(box);
  const stop = { isAsked: false, ...action("Stop for now", async () => {
    await post("/api/stop");
    stop.isAsked = true;
    write(left, "Stopping: what it has learnt is being put away. That can take some minutes.");
  }, { quiet: true }) };
  let asked = "", isLearning = false;

  async function draw() {
    const curve = await get("/api/curve");
    figure.hidden = curve.points.length < 2;
    void chart.tell(curve.points);
    const first = curve.points[0]?.held_out_bpb, last = curve.points.at(-1)?.held_out_bpb;
    if (first && last) write(figure.querySelector("figcaption"), `How much lines of yours that it has not seen surprise it, in bits per byte: ${first.toFixed(2)} at first, ${last.toFixed(2)} now. Lower is more like you. A dot is measured with all of these lines, the rest with a few.`);
    if (curve.epochs.length && samples.dataset.epoch !== String(curve.epochs.at(-1).epoch)) {
      samples.dataset.epoch = curve.epochs.at(-1).epoch;
      samples.replaceChildren(sampleList(curve.epochs.at(-1), desk));
    }
  }

  function tell(train) {
    const at = stageOf(train.stage);
    [...stages.children].forEach((node, i) => {
      node.className = i < at ? "done" : i === at ? "now" : "";
      if (i === at) node.setAttribute("aria-current", "step"); else node.removeAttribute("aria-current");
    });
    meanwhile.hidden = STAGES[at]?.[0] !== "evaluate";
    isLearning = STAGES[at]?.[0] === "train";
    bar.tell(train.share, `${STAGES[at]?.[1] ?? "Getting ready"}: ${percent(train.share)}`);
    if (!stop.isAsked && train.left_s !== null) write(left, train.left_s > 0 ? `${capital(wait(train.left_s))} left, its examination included.` : "Nearly done.");
    const key = `${train.stage} ${train.share}`;
    if (key !== asked && (isLearning || at > 4)) {
      asked = key;
      void draw().catch(() => {});
    }
    if (byId("title")) document.title = `${percent(train.share)} · Training · spacepi studio`;
  }
  return { nodes: [left, bar.node, stages, meanwhile, figure, samples, stop.node], tell };
}

function sampleList(epoch, desk) {
  return el("section", { class: "samples-now" }, el("h3", {}, `What it says after ${epoch.epoch === 1 ? "one round" : `${epoch.epoch} rounds`}`),
    el("p", { class: "hint" }, "In moments from your own writing that it was not shown."),
    el("ul", {}, epoch.samples.map((one) => el("li", {},
      el("p", {}, el("span", { class: "soft" }, "you: "), said("q", {}, one.written)),
      el("p", {}, el("span", { class: "soft" }, `${desk.state.name}: `), said("q", {}, one.said || "…"))))));
}
