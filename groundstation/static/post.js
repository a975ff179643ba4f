// The only way anything is sent to the station: JSON up, JSON back, and a sentence in every case.

/** {isDone, said}: the station's answer, whose ``error`` is a sentence when it refused. */
export async function post(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return { isDone: answer.ok, said: await answer.json() };
  } catch {
    return { isDone: false, said: { error: "The station did not answer; nothing was changed." } };
  }
}
