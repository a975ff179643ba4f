// The only way anything is asked of the studio: JSON up, JSON back, and a sentence in every case.

const GONE = "The studio does not answer. Is its window still open? Start it again; nothing is lost.";

/** The answer, or an Error whose message is a sentence. */
async function ask(path, options) {
  let answer, data;
  try {
    answer = await fetch(path, options);
    data = await answer.json();
  } catch {
    throw new Error(GONE);
  }
  if (!answer.ok) throw new Error(data.error ?? GONE);
  return data;
}

export const get = (path) => ask(path);

export const post = (path, body = {}) => ask(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
});

export const remove = (name) => ask(`/api/exports?name=${encodeURIComponent(name)}`, { method: "DELETE" });

/** One file: its answer; ``tell`` is told the share that has arrived. fetch() tells nobody. */
export function upload(file, name, tell) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/api/exports?name=${encodeURIComponent(name)}`);
    request.upload.onprogress = (event) => tell(event.total ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Error(GONE));
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* no JSON, no sentence */ }
      return request.status < 300 ? resolve(answer) : reject(new Error(answer.error ?? GONE));
    };
    request.send(file);
  });
}
