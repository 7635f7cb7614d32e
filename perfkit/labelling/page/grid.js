// All drawings side by side, those that need a look first. Arrow keys go from drawing to drawing, Enter opens one.

import { byId, make, makeSvg } from "./dom.js";
import { isDirty, needsLook, sourceOf, store } from "./store.js";
import { colourOf, isAbsent, pathsOf, shownPoints } from "./shapes.js";

const FILTERS = {
  all: ["All", () => true],
  look: ["Needs a look", needsLook],
  guessed: ["Guessed", (drawing) => ["landmark net", "mediapipe", undefined].includes(sourceOf(drawing, "points")) && Object.keys(drawing.sources).length > 0],
  unsaved: ["Unsaved", isDirty],
};
let filter = "all";
let cards = new Map();
let hasLines = true;

/** Drawings in the order of the grid: the order of next and previous too. */
export function ordered() {
  const chosen = store.drawings.filter(FILTERS[filter][1]);
  return [...chosen.filter(needsLook), ...chosen.filter((drawing) => !needsLook(drawing))];
}

export function showGrid(open) {
  const view = byId("grid-view");
  const chips = make("div", { class: "chips", role: "radiogroup", "aria-label": "Which drawings" });
  for (const [name, [title, test]] of Object.entries(FILTERS)) {
    const count = store.drawings.filter(test).length;
    chips.append(make("label", { class: "chip" },
      make("input", { type: "radio", name: "filter", value: name, checked: name === filter, onchange: () => { filter = name; showGrid(open); byId("grid-view").querySelector(`input[value=${name}]`).focus(); } }),
      make("span", {}, title, " ", make("b", {}, String(count)))));
  }
  const lines = make("label", { class: "check" },
    make("input", { type: "checkbox", checked: hasLines, onchange: (event) => { hasLines = event.target.checked; view.classList.toggle("bare", !hasLines); } }), "Contours");
  const grid = make("div", { class: "grid" });
  cards = new Map(ordered().map((drawing) => [drawing.file, makeCard(drawing, open)]));
  grid.append(...[...cards.values()].map((card) => card.element));
  grid.addEventListener("keydown", (event) => moveFocus(event, grid));
  const empty = cards.size ? null : make("p", { class: "empty" }, filter === "look" ? "Nothing left that needs a look." : "No drawing here.");
  view.classList.toggle("bare", !hasLines);
  view.replaceChildren(make("div", { class: "tools" }, chips, lines), grid, ...(empty ? [empty] : []));
}

export function focusCard(file) {
  const card = cards.get(file)?.element;
  card?.focus({ preventScroll: true });
  card?.scrollIntoView({ block: "nearest" });
}

export function updateGrid() {
  for (const [file, card] of cards) card.update(store.byFile.get(file));
  for (const [name, [, test]] of Object.entries(FILTERS)) {
    const count = byId("grid-view").querySelector(`input[value=${name}] + span b`);
    if (count) count.textContent = store.drawings.filter(test).length;
  }
}

function makeCard(drawing, open) {
  const [width, height] = store.pack.canvas_wh;
  const lines = makeSvg("g");
  const about = make("span", { class: "about" }), mark = make("span", { class: "mark" });
  const element = make("button", { class: "card", "data-file": drawing.file, onclick: () => open(drawing.file) },
    make("span", { class: "picture" },
      make("img", { src: `/art/${drawing.sha256}`, alt: "", loading: "lazy", width, height }),
      makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, lines)),
    make("span", { class: "name" }, drawing.name), about, mark);
  let drawn = "";
  const update = (it) => {
    const [points, isGuess] = shownPoints(it);
    const key = JSON.stringify([points, store.absent]);
    if (key !== drawn) lines.replaceChildren(...makeLines(points));
    drawn = key;
    lines.classList.toggle("guess", isGuess);
    element.classList.toggle("look", needsLook(it));
    element.classList.toggle("unsaved", isDirty(it));
    about.textContent = describe(it);
    mark.replaceChildren(...(isDirty(it) ? ["unsaved"] : it.doubts).map((line) => make("span", {}, line)));
  };
  update(drawing);
  return { element, update };
}

function makeLines(points) {
  if (!points) return [];
  return store.pack.contours.filter((contour) => !isAbsent(contour.name)).map((contour) =>
    makeSvg("path", { d: pathsOf(contour, points[contour.name])[0], stroke: colourOf(contour) }));
}

function describe(drawing) {
  const { angle, expression } = drawing.now;
  const yaw = angle ? `yaw ${angle[0] > 0 ? "+" : ""}${Math.round(angle[0])}` : "angle ?";
  const face = expression ? expression.name || strongest(expression.weights) : "expression ?";
  return `${yaw} · ${face}`;
}

function strongest(weights) {
  const top = Object.entries(weights).sort((a, b) => b[1] - a[1])[0];
  return top && top[1] >= 0.2 ? top[0] : "calm";
}

function moveFocus(event, grid) {
  const all = [...grid.children], index = all.indexOf(document.activeElement);
  if (index < 0) return;
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const target = { Home: 0, End: all.length - 1 }[event.key] ?? (step ? index + step : undefined);
  if (target === undefined) return;
  event.preventDefault();
  all[target]?.focus();
}
