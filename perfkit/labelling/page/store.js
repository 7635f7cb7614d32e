// The pack as the server has it (`base`), as the person has it (`now`), and the way back (`undo`).
//
//   labels of a drawing: angle [yaw, pitch, roll] | null, expression {name, weights} | null, light, points {contour: [[x, y, v]]} | null

export const FIELDS = ["angle", "expression", "light", "points"];
const COALESCE_MS = 900;

export const store = {
  pack: null, digest: "", drawings: [], byFile: new Map(), absent: [], absentBase: [], numRead: 0,
};

const listeners = new Set();
export const onChange = (listener) => listeners.add(listener);
export const announce = (what) => listeners.forEach((listener) => listener(what));

const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

function labelsOf(row) {
  const known = "expression" in row.sources || !Object.keys(row.sources).length;
  return {
    angle: row.angle,
    expression: known || row.expression || Object.keys(row.weights).length
      ? { name: row.expression, weights: row.weights } : null,
    light: row.light,
    points: row.points,
  };
}

function takeRow(drawing, row) {
  drawing.base = labelsOf(row);
  drawing.sources = row.sources;
  drawing.sha256 = row.sha256;
  drawing.doubts = row.doubts;
  return drawing;
}

function newDrawing(row) {
  const name = row.file.replace(/^.*\//, "").replace(/\.[^.]*$/, "");
  const drawing = {
    file: row.file, name, guess: null, confidence: null, isBelieved: false, confirmed: new Set(), undo: [], redo: [],
    lastKey: "", lastTime: 0,
  };
  takeRow(drawing, row).now = { ...drawing.base };
  return drawing;
}

/** Take a pack from the server. What the person changed stays on top of it. */
export function takePack(pack) {
  const dirty = store.drawings.filter(isDirty).map((drawing) => [drawing, FIELDS.filter((f) => isChanged(drawing, f))]);
  const keptAbsent = isAbsentChanged() ? store.absent : null;
  store.pack = pack;
  store.digest = pack.digest;
  store.drawings = pack.drawings.map(newDrawing);
  store.byFile = new Map(store.drawings.map((drawing) => [drawing.file, drawing]));
  store.absentBase = pack.absent;
  store.absent = keptAbsent ?? [...pack.absent];
  const lost = [];
  for (const [old, fields] of dirty) {
    const drawing = store.byFile.get(old.file);
    if (!drawing) lost.push(old.name);
    else {
      for (const field of fields) drawing.now[field] = old.now[field];
      drawing.confirmed = old.confirmed;
      drawing.undo = old.undo;
      drawing.redo = old.redo;
    }
  }
  announce("pack");
  return lost;
}

export const isChanged = (drawing, field) => drawing.confirmed.has(field) || !same(drawing.now[field], drawing.base[field]);
export const isDirty = (drawing) => FIELDS.some((field) => isChanged(drawing, field));
export const isAbsentChanged = () => store.pack !== null && !same(store.absent, store.absentBase);
export const countUnsaved = () => store.drawings.filter(isDirty).length + (isAbsentChanged() ? 1 : 0);
export const needsLook = (drawing) => drawing.doubts.length > 0 && !isDirty(drawing);

/** The source of a label as it will be: a person, where it was changed here. */
export const sourceOf = (drawing, field) => (isChanged(drawing, field) ? "person" : drawing.sources[field]);

const snapshot = (drawing) => ({ now: drawing.now, confirmed: drawing.confirmed });

/** Change a copy of a drawing's labels. Changes under one key in quick succession are undone as one. */
export function change(drawing, key, mutate) {
  const time = performance.now();
  if (key !== drawing.lastKey || time - drawing.lastTime > COALESCE_MS) {
    drawing.undo.push(snapshot(drawing));
    drawing.redo = [];
  }
  drawing.lastKey = key;
  drawing.lastTime = time;
  drawing.now = structuredClone(drawing.now);
  drawing.confirmed = new Set(drawing.confirmed);
  mutate(drawing.now, drawing);
  announce("labels");
}

function step(drawing, from, to) {
  const state = from.pop();
  if (!state) return false;
  to.push(snapshot(drawing));
  drawing.now = state.now;
  drawing.confirmed = state.confirmed;
  drawing.lastKey = "";
  announce("labels");
  return true;
}

export const undo = (drawing) => step(drawing, drawing.undo, drawing.redo);
export const redo = (drawing) => step(drawing, drawing.redo, drawing.undo);

/** Say of everything that is known of a drawing that a person has seen it. */
export function confirm(drawing) {
  const points = drawing.now.points ?? drawing.guess;
  const open = FIELDS.filter((field) => !["person", "drawn"].includes(sourceOf(drawing, field)))
    .filter((field) => (field === "points" ? points : drawing.now[field]));
  if (!open.length) return;
  change(drawing, `confirm ${performance.now()}`, (now, it) => {
    now.points = points;
    open.forEach((field) => it.confirmed.add(field));
  });
}

export function setAbsent(part, isAbsent) {
  store.absent = [...store.absent.filter((other) => other !== part), ...(isAbsent ? [part] : [])].sort();
  announce("labels");
}

function rowOf(drawing) {
  const row = {}, forget = [], now = drawing.now;
  for (const field of FIELDS.filter((name) => isChanged(drawing, name))) {
    if (now[field] === null) forget.push(field);
    else if (field === "angle") [row.yaw, row.pitch, row.roll] = now.angle;
    else if (field === "expression") [row.expression, row.weights] = [now.expression.name, now.expression.weights];
    else row[field] = now[field];
  }
  return [row, forget];
}

/** Everything unsaved as the server takes it. */
export function editsToSave() {
  const table = { digest: store.digest, labels: {}, forget: {} };
  for (const drawing of store.drawings.filter(isDirty)) {
    const [row, forget] = rowOf(drawing);
    if (Object.keys(row).length) table.labels[drawing.file] = row;
    if (forget.length) table.forget[drawing.file] = forget;
  }
  if (isAbsentChanged()) table.absent = store.absent;
  return structuredClone(table);
}

/** Take what the server saved; what was changed while it did so stays unsaved. */
export function takeSaved(saved, sent) {
  store.digest = saved.digest;
  store.absentBase = saved.absent;
  for (const row of saved.drawings) {
    const drawing = store.byFile.get(row.file);
    const sentRow = JSON.stringify([sent.labels[row.file] ?? {}, sent.forget[row.file] ?? []]);
    const isSame = JSON.stringify(rowOf(drawing)) === sentRow;
    takeRow(drawing, row);
    drawing.confirmed = new Set();
    if (isSame) drawing.now = { ...drawing.base };
    drawing.lastKey = "";
  }
  announce("labels");
}

/** Take what the reader says of some drawings. */
export function takeReadings(readings) {
  for (const [file, reading] of Object.entries(readings)) {
    const drawing = store.byFile.get(file);
    if (!drawing) continue;
    drawing.guess = reading.points;
    drawing.confidence = reading.confidence;
    drawing.isBelieved = reading.is_believed;
    drawing.doubts = reading.doubts;
  }
  announce("readings");
}
