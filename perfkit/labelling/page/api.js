// What the page asks of its server. A refusal is thrown as a Refusal with the one line that the server gave.

export class Refusal extends Error {
  constructor(status, line) {
    super(line);
    this.status = status;
  }
}

async function ask(path, table) {
  const options = table === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(table),
  };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refusal(0, "The server has ended; your changes are still in this tab. Run perfkit character label again with "
      + `--port ${location.port}, open its address in another tab, then save here.`);
  }
  if (answer.ok) return answer.json();
  const text = await answer.text();
  let line = text.trim() || `${path}: ${answer.status}`;
  try {
    line = JSON.parse(text).line ?? line;
  } catch {
    // a refusal in plain words
  }
  throw new Refusal(answer.status, line);
}

export const loadPack = () => ask("/api/pack");
export const loadDigest = () => ask("/api/digest");
export const guess = (files) => ask("/api/guess", { files });
export const readFace = (file, points) => ask("/api/read", { file, points });
export const placeFace = (angle, weights) => ask("/api/place", { angle, weights });
export const save = (table) => ask("/api/save", table);
