// Asking the server; an answer that is no answer is an Error with what it said.

export const get = (path) => ask(path, { method: "GET" });

export const post = (path, body = {}) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("rolecall does not answer: it may have been stopped; start rolecall browse again");
  }
  if (answer.ok) return answer.json();
  const text = await answer.text();
  throw new Error(said(text) || `rolecall answers ${answer.status}`);
}

function said(text) {
  try {
    const { detail } = JSON.parse(text);
    return Array.isArray(detail) ? detail.map((one) => `${one.loc.at(-1)}: ${one.msg}`).join("; ") : detail;
  } catch {
    return text.trim();
  }
}
