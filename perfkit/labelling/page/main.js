// The page: which view is shown, what is saved, keys that hold everywhere.

import * as api from "./api.js";
import { byId, make, say } from "./dom.js";
import { focusCard, ordered, showGrid, updateGrid } from "./grid.js";
import { Panel } from "./panel.js";
import { MODES, Stage } from "./stage.js";
import {
  confirm, countUnsaved, editsToSave, isDirty, needsLook, onChange, redo, store, takePack, takeReadings, takeSaved, undo,
} from "./store.js";

const READ_AT_ONCE = 4, ASK_AT_ONCE = 16;
let stage, panel, parts, open = null, order = [], isSaving = false;

// ---- banner

function tell(line, ...buttons) {
  const banner = byId("banner");
  banner.hidden = !line;
  banner.replaceChildren(make("span", {}, line ?? ""), ...buttons);
}

const button = (title, onclick, kind = "quiet") => make("button", { class: kind, onclick }, title);
const dismiss = () => button("Close", () => tell(store.pack?.read_only));

function showRefusal(error) {
  if (!(error instanceof api.Refusal)) throw error;
  if (error.status === 409) tell(error.message, button("Take it, keep my changes", takeNewer, "primary"));
  else tell(error.message, dismiss());
}

// ---- the pack

async function load() {
  const lost = takePack(await api.loadPack());
  byId("character").textContent = store.pack.name;
  document.title = `${store.pack.name} - perfkit label`;
  tell(store.pack.read_only);
  if (lost.length) tell(`No longer in the pack: ${lost.join(", ")}; the changes to them are gone.`, dismiss());
  makeEditor();
  route();
  await readAll(store.drawings.map((drawing) => drawing.file));
}

async function readAll(files) {
  const digest = store.digest, count = store.pack.can_guess ? READ_AT_ONCE : ASK_AT_ONCE;
  for (let start = 0; start < files.length && store.digest === digest; start += count) {
    byId("progress").textContent = `reading ${start} of ${files.length}`;
    takeReadings(await api.guess(files.slice(start, start + count)));
  }
  byId("progress").textContent = "";
  if (!open) refreshGrid();
}

async function takeNewer() {
  try {
    await load();
    say(countUnsaved() ? "The pack as it is now, with your changes on top." : "The pack was changed elsewhere; shown as it is now.");
  } catch (error) {
    showRefusal(error);
  }
}

async function save() {
  if (isSaving || !countUnsaved() || store.pack.read_only) return;
  isSaving = true;
  updateBar();
  try {
    const sent = editsToSave();
    const saved = await api.save(sent);
    takeSaved(saved, sent);
    tell(store.pack.read_only);
    say(`Saved ${saved.drawings.length} drawing${saved.drawings.length === 1 ? "" : "s"}.`);
    isSaving = false;
    await readAll(saved.drawings.map((row) => row.file));
  } catch (error) {
    showRefusal(error);
  } finally {
    isSaving = false;
    updateBar();
  }
}

async function lookForChanges() {
  if (document.visibilityState !== "visible" || !store.pack || isSaving) return;
  try {
    const { digest } = await api.loadDigest();
    if (digest === store.digest || isSaving) return;
    if (countUnsaved()) tell("The pack was changed by another tab or program.", button("Take it, keep my changes", takeNewer, "primary"));
    else await takeNewer();
  } catch (error) {
    showRefusal(error);
  }
}

// ---- views

function refreshGrid() {
  const view = byId("grid-view"), focused = document.activeElement?.dataset?.file, top = view.scrollTop;
  showGrid(openDrawing);
  view.scrollTop = top;
  if (focused) focusCard(focused);
}

const openDrawing = (file) => { location.hash = encodeURIComponent(file); };

function route() {
  const drawing = store.byFile.get(decodeURIComponent(location.hash.slice(1)));
  const was = open;
  open = drawing ?? null;
  byId("grid-view").hidden = Boolean(drawing);
  byId("editor-view").hidden = !drawing;
  if (!drawing) {
    showGrid(openDrawing);
    if (was) focusCard(was.file);
    return;
  }
  if (!was || !order.includes(drawing.file)) order = ordered().map((each) => each.file);
  if (!order.includes(drawing.file)) order = store.drawings.map((each) => each.file);
  stage.open(drawing);
  panel.open(drawing);
  updateEditor();
  stage.svg.focus({ preventScroll: true });
}

function makeEditor() {
  stage = new Stage(() => panel.update());
  stage.setMode = (mode) => {
    stage.mode = mode;
    for (const input of modes.querySelectorAll("input")) input.checked = input.value === mode;
    stage.update();
  };
  const modes = make("div", { class: "segments", role: "radiogroup", "aria-label": "What moves" },
    ...Object.entries(MODES).map(([mode, title]) => make("label", {}, make("input", { type: "radio", name: "mode", value: mode, checked: mode === "point", onchange: () => stage.setMode(mode) }), make("span", {}, title))));
  const icon = (label, text, onclick) => make("button", { class: "icon", "aria-label": label, title: label, onclick }, text);
  parts = {
    name: make("h2", {}), place: make("span", { class: "muted" }), doubts: make("span", { class: "doubts" }),
    undo: icon("Undo (Ctrl+Z)", "↶", () => undo(open)), redo: icon("Redo (Ctrl+Shift+Z)", "↷", () => redo(open)),
    right: make("button", { class: "quiet", title: "Everything here is right (Y)", onclick: accept }, "Looks right"),
  };
  panel = new Panel(stage);
  byId("editor-view").replaceChildren(
    make("nav", { class: "tools" },
      make("button", { class: "quiet", onclick: toGrid }, "← All"),
      icon("Previous drawing (P)", "‹", () => go(-1)), icon("Next drawing (N)", "›", () => go(1)),
      make("div", { class: "about-drawing" }, parts.name, parts.place, parts.doubts), parts.undo, parts.redo, parts.right),
    make("div", { class: "desk" },
      make("div", { class: "stage-side" }, stage.element,
        make("div", { class: "stage-tools" }, modes,
          icon("Smaller ([)", "−◯", () => stage.transform(1 / 1.03, 0)), icon("Larger (])", "+◯", () => stage.transform(1.03, 0)),
          icon("Turn left ({)", "⟲", () => stage.transform(1, -2)), icon("Turn right (})", "⟳", () => stage.transform(1, 2)),
          stage.place, make("span", { class: "gap" }),
          icon("Zoom out (-)", "−", () => stage.zoom(1 / 1.4)), icon("The face, or the whole drawing (0)", "Fit", () => stage.fit()), icon("Zoom in (+)", "+", () => stage.zoom(1.4)),
          icon("Paper (B)", "◐", () => stage.turnPaper()))),
      panel.element));
}

function go(step) {
  const next = order[(order.indexOf(open.file) + step + order.length) % order.length];
  openDrawing(next);
}

function accept() {
  confirm(open);
  const index = order.indexOf(open.file);
  const next = [...order.slice(index + 1), ...order.slice(0, index)].find((file) => needsLook(store.byFile.get(file)));
  if (next) openDrawing(next);
  else say("Noted. Nothing else needs a look.");
}

function toGrid() {
  location.hash = "";
}

// ---- keeping up

function updateBar() {
  const count = store.pack ? countUnsaved() : 0;
  byId("unsaved").textContent = count ? `${count} unsaved` : "";
  byId("save").disabled = !count || isSaving || Boolean(store.pack?.read_only);
  byId("save").textContent = isSaving ? "Saving…" : "Save";
}

function updateEditor() {
  if (!open || !stage) return;
  stage.update();
  panel.update();
  parts.name.textContent = open.name;
  parts.place.textContent = `${order.indexOf(open.file) + 1} / ${order.length}`;
  parts.doubts.textContent = isDirty(open) ? "" : open.doubts.join(" · ");
  parts.undo.disabled = !open.undo.length;
  parts.redo.disabled = !open.redo.length;
}

onChange((what) => {
  updateBar();
  if (what === "pack") return;
  if (open) updateEditor();
  else updateGrid();
});

// ---- keys

const LETTERS = {
  n: () => go(1), p: () => go(-1), y: () => accept(), s: save, b: () => stage.turnPaper(), g: () => panel.takeGuess(),
  "+": () => stage.zoom(1.4), "=": () => stage.zoom(1.4), "-": () => stage.zoom(1 / 1.4), 0: () => stage.fit(),
  f: () => stage.fitContour(),
  1: () => stage.setMode("point"), 2: () => stage.setMode("near"), 3: () => stage.setMode("contour"), 4: () => stage.setMode("face"),
  "[": () => stage.transform(1 / 1.03, 0), "]": () => stage.transform(1.03, 0),
  "{": () => stage.transform(1, -2), "}": () => stage.transform(1, 2),
};
const isTyping = (element) => element.matches("input[type=text], input[type=number], select, textarea");

document.addEventListener("keydown", (event) => {
  const isCommand = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  if (byId("help").open || !store.pack) return;
  if (isCommand && key === "s") save();
  else if (isCommand && key === "z" && open && !isTyping(event.target)) (event.shiftKey ? redo : undo)(open);
  else if (isCommand && key === "y" && open && !isTyping(event.target)) redo(open);
  else if (isCommand || event.altKey) return;
  else if (event.key === "Escape" && open) isTyping(event.target) ? stage.svg.focus() : toGrid();
  else if (isTyping(event.target)) return;
  else if (key === "?") byId("help").showModal();
  else if (key === "s" && !open) save();
  else if (open && LETTERS[key]) LETTERS[key]();
  else return;
  event.preventDefault();
});

byId("save").addEventListener("click", save);
byId("help-open").addEventListener("click", () => byId("help").showModal());
window.addEventListener("hashchange", route);
window.addEventListener("focus", lookForChanges);
document.addEventListener("visibilitychange", lookForChanges);
window.addEventListener("beforeunload", (event) => {
  if (!store.pack || !countUnsaved()) return;
  event.preventDefault();
  event.returnValue = true;
});
window.addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof api.Refusal) {
    showRefusal(event.reason);
    event.preventDefault();
  }
});
load().catch(showRefusal);
