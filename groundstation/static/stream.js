// The connection to the station: the state once, then every change, for as long as the page is open.
//
// The browser's own EventSource gives up at the first refusal. This one never does: it waits a
// little longer each time and asks for what it missed. A station that is gone is not a payload that
// is silent: the page says which.

import { about } from "./payload.js";

export const FULL = 503; // the station has no place for another page
const FIRST_WAIT_MS = 1000;
export const LONGEST_WAIT_MS = 30_000;
const DEAD_MS = 20_000; // the station says something every 5 s: a connection that says nothing is gone
const HIDDEN_MS = 60_000; // a tab that nobody sees gives its connection back

/** Follow the changes after the one that ``since()`` names. ``hear(event, data, id)`` takes each
    message; ``open()`` says that the station answers, ``lost(status)`` that it does not: 0 when
    there was no answer, FULL when it has no place. Where ``lost`` gives a promise,
    the next attempt waits for it. */
export function follow({ since, hear, open, lost }) {
  let waitMs = FIRST_WAIT_MS;
  let attempt = null; // the AbortController of the connection in use
  let timer = 0;

  async function connect() {
    const own = new AbortController();
    attempt = own;
    let status = 0;
    try {
      const answer = await fetch(about(`/api/events?after=${since()}`), { signal: own.signal });
      status = answer.status;
      if (answer.ok) {
        await read(answer.body, own, (message) => {
          waitMs = FIRST_WAIT_MS;
          open();
          hear(message.event, JSON.parse(message.data), message.id);
        });
        status = 0;
      }
    } catch { /* it ended: what follows is the same for every reason */ }
    if (attempt !== own) return; // closed on purpose
    await lost(status);
    if (attempt !== own) return;
    if (status === FULL) waitMs = LONGEST_WAIT_MS;
    timer = setTimeout(connect, waitMs);
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
  }

  function close() {
    clearTimeout(timer);
    const old = attempt;
    attempt = null;
    old?.abort();
  }

  watchAttention(() => { if (attempt === null) connect(); }, close);
  connect();
}

/** Read messages until the connection ends or is silent for too long. */
async function read(body, own, take) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const watchdog = setTimeout(() => own.abort(), DEAD_MS);
    const { value, done } = await reader.read().finally(() => clearTimeout(watchdog));
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    blocks.map(parse).filter((message) => message.data).forEach(take);
  }
}

/** One server-sent event; the station writes each field on one line. */
function parse(block) {
  const message = { event: "message", data: "", id: null };
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    const [name, value] = [line.slice(0, at), line.slice(at + 2)];
    if (name === "id") message.id = Number(value);
    else if (name in message) message[name] = value;
  }
  return message;
}

/** A page that was left stays in the browser's memory: its connection would be missing to the next, for
    a browser has six for a station. */
function watchAttention(show, hide) {
  let timer = 0;
  window.addEventListener("pagehide", hide);
  window.addEventListener("pageshow", show);
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(hide, HIDDEN_MS);
    else show();
  });
}
