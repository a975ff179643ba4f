// Three rooms over one stream: Read, Chase and Control. The part of the address behind # names the
// open one, so that a link leads into a room and the browser's back button leaves it.
//
// A room is a module of its own (read.js, chase.js, control.js), a section of index.html with the id
// room-NAME, and a style sheet NAME.css. The module is loaded when its room is first opened, and
// exports:
//
//   async start()    once, at the first opening, with its section already visible
//   draw()           the models changed, or the room was opened: show them as they are now; called
//                    for the open room only, at once when it is opened, then at most once a second
//   tick()           optional: each other second while it is open, so that ages grow
//   setMoment(ms)    optional: the moment that the time bar shows, UTC in ms; null is now. Called
//                    when it changes and before the first draw() of each opening
//   leave()          optional: another room was opened
//
// A room is told nothing else. It reads from the models, which page.js fills from the stream before
// it draws: flight.js (state), entries.js (diary), track.js (places and readings), clock.js (time).
// A model may be watched for what cannot wait for draw(); no room knows of another.

import { moment, watchMoment } from "./clock.js";
import { byId, el, loadStyle } from "./dom.js";

const NAMES = ["read", "chase", "control"];
const modules = new Map(); // name -> promise of the started module
const places = new Map(); // name -> how far it was scrolled
let open = null; // {name, module}; no module while it starts

const named = () => NAMES.find((name) => location.hash === `#${name}`);

/** Open the room that the address names; call once, when the models are filled. */
export async function start() {
  window.addEventListener("hashchange", () => { if (named()) enter(named()); });
  watchMoment((ms) => open?.module?.setMoment?.(ms));
  await enter(named() ?? NAMES[0]);
}

/** Open a room from within the page. */
export async function go(name) {
  if (location.hash !== `#${name}`) history.pushState(null, "", `#${name}`);
  await enter(name);
}

async function enter(name) {
  if (open?.name === name) return;
  if (open) places.set(open.name, window.scrollY);
  open?.module?.leave?.();
  open = { name, module: null };
  show(name);
  let module = null;
  try {
    if (!modules.has(name)) modules.set(name, begin(name));
    module = await modules.get(name);
  } catch (error) {
    modules.delete(name);
    byId(`room-${name}`).append(el("p", "missing", "This room did not load; reload the page."));
    throw error;
  }
  if (open.name !== name) return;
  open.module = module;
  module.setMoment?.(moment());
  module.draw();
  window.scrollTo(0, places.get(name) ?? 0);
}

function show(name) {
  document.body.dataset.room = name;
  for (const each of NAMES) byId(`room-${each}`).hidden = each !== name;
  for (const link of document.querySelectorAll(".rooms a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const alarm = document.querySelector(".alarm-line a");
  alarm.tabIndex = alarm.hash === `#${name}` ? -1 : 0; // it leads to where one is, and is not seen there
}

async function begin(name) {
  if (name !== "read") await loadStyle(`/static/${name}.css`); // that of Read comes with the page
  const module = await import(`./${name}.js`);
  await module.start();
  return module;
}

/** The models changed. */
export const draw = () => open?.module?.draw();

/** A second has passed. */
export const tick = () => open?.module?.tick?.();
