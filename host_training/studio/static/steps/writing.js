// Step 1: who you are, and the files you drop.

import { post, remove, upload } from "../ask.js";
import { el, grouped, plural, said, size, speak, write } from "../dom.js";
import { action, field, more, opening, problem, progress } from "../parts.js";

export const title = "Your writing";

const WHERE = [
  ["WhatsApp", "open a chat → Export chat → without media"],
  ["Telegram", "Telegram Desktop: Settings → Advanced → Export Telegram data, as JSON"],
  ["Signal, iMessage, Discord, Slack", "the export of the app or of your account"],
  ["Instagram, Facebook, Threads", "Accounts Center → Download your information, as JSON"],
  ["Mail", "Google Takeout, or the folder of your mail program"],
  ["Diaries and notes", "Day One, Obsidian, Notion, Evernote, Apple Notes, or plain text and Word files"],
];

/** (file, path) of everything that was dropped, folders opened. */
async function dropped(items) {
  const found = [];
  const walk = async (entry, path) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      found.push([file, path + entry.name]);
      return;
    }
    const reader = entry.createReader();
    for (;;) { // a reader gives a hundred at a time
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const each of some) await walk(each, `${path}${entry.name}/`);
    }
  };
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  for (const entry of entries) await walk(entry, "");
  return found;
}

export function show(box, desk) {
  const name = el("input", { type: "text", autocomplete: "name", maxlength: "60", value: desk.state.author });
  const list = el("ul", { class: "files" });
  const total = el("p", { class: "hint" });
  const trouble = problem();
  const came = el("p", { class: "hint", hidden: true });
  const bar = progress("Files that have arrived");
  bar.node.hidden = true;

  async function take(files) {
    trouble.say("");
    came.hidden = true;
    bar.node.hidden = false;
    const failed = [];
    let skipped = 0;
    for (const [at, [file, path]] of files.entries()) {
      try {
        const answer = await upload(file, path, (share) => bar.tell((at + share) / files.length, `${path} (${at + 1} of ${files.length})`));
        if (answer.skipped) skipped += 1;
      } catch (error) {
        failed.push(error.message);
      }
    }
    bar.node.hidden = true;
    trouble.say(failed.slice(0, 3).join(" ") + (failed.length > 3 ? ` And ${failed.length - 3} more files did not arrive.` : ""));
    await desk.refresh();
    const told = `${plural(files.length - failed.length - skipped, "file")} added${skipped ? `; ${plural(skipped, "hidden file")} left out` : ""}.`;
    write(came, told);
    came.hidden = false;
    speak(told);
  }

  const picker = (words, isFolder) => {
    const input = el("input", { type: "file", multiple: true, class: "hidden" });
    input.webkitdirectory = isFolder;
    input.addEventListener("change", () => {
      void take([...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
      input.value = "";
    });
    return el("label", { class: "button" }, words, input);
  };
  const drop = el("div", { class: "drop" },
    el("p", {}, "Drop your files here, as you downloaded them: zipped or not, many at once."),
    el("div", { class: "row" }, picker("Choose files", false), picker("Choose a folder", true)));
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    void dropped(event.dataTransfer.items).then(take, () => trouble.say("That could not be opened; choose the files with the button instead."));
  });

  const next = action("Next: see what is in it", async () => {
    if (!desk.state.files.count) throw new Error("Please add some of your writing first.");
    await post("/api/author", { author: name.value });
    const state = await desk.refresh();
    if (!state.is_read) await post("/api/scan");
    await desk.refresh();
    desk.go("found");
  }, { main: true });

  box.append(
    ...opening("Your writing", "A persona learns from what you wrote: chats, mails, diaries, posts. Add what you have; you choose later what it may learn from."),
    field("Your name", "As your friends write it. It tells your words from theirs.", name),
    el("h3", {}, "Your files"), drop, bar.node, trouble.node, came, list, total,
    more("Where do I get my writing?", el("dl", { class: "where" }, WHERE.map(([app, how]) => el("div", {}, el("dt", {}, app), el("dd", {}, how)))),
      el("p", { class: "hint" }, "Forty kinds of files are understood; the list is in docs/training.md.")),
    next.node);

  function update(state) {
    desk.state = state;
    const { files } = state;
    const key = JSON.stringify(files);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    if (files.count) next.trouble.say("");
    list.replaceChildren(...files.entries.map((entry) => el("li", {},
      said("span", { class: "file" }, entry.name),
      el("span", { class: "soft" }, `${entry.is_folder ? `${plural(entry.files, "file")}, ` : ""}${size(entry.bytes)}`),
      el("button", {
        type: "button", class: "quiet", "aria-label": `Remove ${entry.name}`,
        onclick: () => void remove(entry.name).then(desk.refresh, (error) => trouble.say(error.message)),
      }, "Remove"))));
    write(total, files.count === 0 ? "Nothing is here yet." : `${plural(files.count, "file")}, ${size(files.bytes)}. They are kept in ${state.folder}; ${grouped(Math.round(state.free_bytes / 1e9))} GB are free on this disk.`);
  }
  update(desk.state);
  return update;
}
