// Step 8: a folder for the memory card of the flight.

import { get, post } from "../ask.js";
import { el, said, size } from "../dom.js";
import { action, opening } from "../parts.js";

export const title = "Take it along";

export function show(box, desk) {
  const body = el("div", {});
  const make = action("Write the folder", async () => {
    await post("/api/card");
    await Promise.all([desk.refresh(), load()]);
  }, { main: true });
  box.append(...opening("Take it along", "One folder with everything the Raspberry Pi of the flight needs of your persona: its voice, its memory, its signature, and a page on what to do."), make.node, body);

  async function load() {
    const found = await get("/api/card");
    make.button.textContent = found.files.length ? "Write it again" : "Write the folder";
    make.button.className = found.files.length ? "" : "main";
    body.replaceChildren(...(found.files.length === 0 ? [] : [
      el("p", { class: "good" }, "It is written. You find it here:"),
      said("p", { class: "path" }, found.folder),
      el("ul", { class: "files" }, found.files.map((file) => el("li", {}, said("span", { class: "file" }, file.is_folder ? `${file.name}, a folder` : file.name), el("span", { class: "soft" }, size(file.bytes))))),
      el("p", {}, "Open ", el("strong", {}, "READ ME FIRST.txt"), " in it: it says, step by step, how to copy it to the Pi. Keep a copy of your signing key too; it says where that lies."),
    ]));
  }
  void load().catch((error) => body.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message)));
  return (state) => { desk.state = state; };
}
