// What is said of one drawing, beside it: contours, angle, expression, light, parts that the character lacks.

import { make, makeSvg, say } from "./dom.js";
import { placeFace, readFace } from "./api.js";
import { makeHead } from "./head.js";
import { change, isChanged, setAbsent, sourceOf, store } from "./store.js";
import { colourOf, isAbsent, shownPoints, titleOf } from "./shapes.js";

const ANGLES = [["yaw", "left", "right", 90, 180], ["pitch", "up", "down", 60, 90], ["roll", "left", "right", 90, 180]];
const SOURCE_WORDS = { person: "by you", sidecar: "from the sidecar", drawn: "exact, by its drawing program", assumed: "assumed" };

export class Panel {
  constructor(stage) {
    this.stage = stage;
    this.shown = new Set();
    this.isPaired = true;
    this.element = make("aside", { class: "panel", "aria-label": "Labels" });
    this.element.append(this.makeContours(), this.makeAngle(), this.makeExpression(), this.makeLight(), this.makeAbsent());
  }

  open(drawing) {
    this.drawing = drawing;
    this.shown = new Set();
    this.update();
  }

  section(title, field, ...children) {
    const source = make("span", { class: "source" });
    if (field) (this.sources ??= new Map()).set(field, source);
    return make("section", {}, make("h3", {}, title, source), ...children);
  }

  // ---- contours

  makeContours() {
    this.contourRows = new Map(store.pack.contours.map((contour) => [contour.name, this.makeContourRow(contour)]));
    const list = make("div", { class: "contours", role: "radiogroup", "aria-label": "Contour to move" },
      ...[...this.contourRows.values()].map((row) => row.element));
    this.useGuess = make("button", { class: "quiet", title: "Take the landmark network's contours", onclick: () => this.takeGuess() }, "Guess anew");
    const caption = make("div", { class: "caption" }, make("span", { title: "left and right are the character's own" }, "move"), make("span", {}, "seen"));
    return this.section("Contours", "points", caption, list, make("div", { class: "row" }, this.useGuess,
      make("button", { class: "quiet", title: "A standard face, turned as the angle says, to start from", onclick: () => this.placeFresh() }, "Fresh face"),
      make("button", { class: "quiet", title: "Nobody knows where the contours lie", onclick: () => change(this.drawing, "forget points", (now) => { now.points = null; }) }, "Clear")));
  }

  makeContourRow(contour) {
    const radio = make("input", { type: "radio", name: "contour", value: contour.name, onchange: () => this.stage.choose(contour.name) });
    const eye = make("input", { type: "checkbox", title: "Seen in this drawing", "aria-label": `${titleOf(contour.name)} is seen in this drawing`,
      onchange: (event) => this.stage.setContourSeen(contour.name, event.target.checked) });
    const element = make("div", { class: "contour" },
      make("label", {}, radio, make("span", { class: "swatch", style: `background:${colourOf(contour)}` }), titleOf(contour.name)), eye);
    return { element, radio, eye };
  }

  takeGuess() {
    const { guess } = this.drawing;
    if (!guess) return say("The landmark network has not read this drawing.");
    change(this.drawing, "take guess", (now) => { now.points = structuredClone(guess); });
  }

  async placeFresh() {
    const { angle, expression } = this.drawing.now, drawing = this.drawing;
    const placed = await placeFace(angle, expression?.weights ?? {});
    change(drawing, "fresh face", (now) => { now.points = placed.points; });
    this.stage.setMode("face");
    say("Move, scale and turn the whole face into place, then refine it.");
  }

  // ---- angle

  makeAngle() {
    this.head = makeHead((yaw, pitch) => this.setAngle([[0, yaw], [1, pitch]]));
    this.angleRows = ANGLES.map(([name, low, high, reach, limit], axis) => {
      const label = `${name}, ${low} to ${high}, degrees`;
      const set = (event) => this.setAngle([[axis, Number(event.target.value)]], limit);
      const slider = make("input", { type: "range", min: -reach, max: reach, step: 1, "aria-label": label, oninput: set });
      const number = make("input", { type: "number", min: -limit, max: limit, step: "any", "aria-label": `${label}, as a number`, onchange: set });
      const element = make("div", { class: "angle" }, make("span", {}, name), slider, number,
        make("span", { class: "ends" }, make("i", {}, low), make("i", {}, high)));
      return { element, slider, number };
    });
    return this.section("Angle", "angle",
      make("div", { class: "angles" }, this.head.svg, make("div", { class: "angle-rows" }, ...this.angleRows.map((row) => row.element))),
      make("div", { class: "row" },
        make("button", { class: "quiet", title: "Angle and expression as the contours show them", onclick: () => this.readContours() }, "Read from contours"),
        make("button", { class: "quiet", onclick: () => change(this.drawing, "forget angle", (now) => { now.angle = null; }) }, "Not known")));
  }

  setAngle(values, limit) {
    if (values.some(([, value]) => !Number.isFinite(value))) return;
    change(this.drawing, "angle", (now) => {
      now.angle = [...(now.angle ?? [0, 0, 0])];
      for (const [axis, value] of values) {
        const most = limit ?? ANGLES[axis][3];
        now.angle[axis] = Math.round(Math.min(most, Math.max(-most, value)) * 10) / 10;
      }
    });
  }

  async readContours() {
    const drawing = this.drawing, [points] = shownPoints(drawing);
    if (!points) return say("No contours to read from.");
    const read = await readFace(drawing.file, points);
    change(drawing, `read ${performance.now()}`, (now) => {
      now.angle = read.angle;
      now.expression = { name: now.expression?.name ?? "", weights: read.weights };
    });
    say(`Read yaw ${Math.round(read.angle[0])}, pitch ${Math.round(read.angle[1])}, roll ${Math.round(read.angle[2])}, and the expression.`);
  }

  // ---- expression

  makeExpression() {
    const names = Object.keys(store.pack.expressions).sort();
    const own = store.drawings.map((drawing) => drawing.now.expression?.name).filter(Boolean);
    this.name = make("input", { type: "text", list: "expression-names", placeholder: "calm, smile, aa, or a name of your own", "aria-label": "Name of the expression",
      maxlength: 80, onchange: (event) => this.setName(event.target.value) });
    this.weights = make("div", { class: "weights" });
    this.more = make("button", { class: "quiet", "aria-expanded": "false", onclick: () => this.showAll() }, "All 52 weights");
    const pair = make("label", { class: "check" }, make("input", { type: "checkbox", checked: true, onchange: (event) => { this.isPaired = event.target.checked; } }), "Both sides together");
    return this.section("Expression", "expression", this.name,
      make("datalist", { id: "expression-names" }, ...[...new Set([...names, ...own])].map((name) => make("option", { value: name }))),
      this.weights, make("div", { class: "row" }, this.more, pair,
        make("button", { class: "quiet", onclick: () => change(this.drawing, "forget expression", (now) => { now.expression = null; }) }, "Not known")));
  }

  setName(text) {
    this.shown = new Set();
    const name = text.trim(), known = store.pack.expressions[name.toLowerCase().replace(/[^a-z0-9]/g, "")];
    change(this.drawing, `name ${name}`, (now) => {
      now.expression = { name, weights: known ? { ...known } : now.expression?.weights ?? {} };
    });
  }

  setWeight(name, value) {
    const side = name.match(/(Left|Right)$/)?.[0];
    const twin = side && name.replace(side, side === "Left" ? "Right" : "Left");
    const isTurned = /^(eyeLook|jawLeft|jawRight|mouthLeft|mouthRight)/.test(name);
    const names = this.isPaired && twin && !isTurned ? [name, twin] : [name];
    change(this.drawing, `weight ${name}`, (now) => {
      const weights = { ...now.expression?.weights };
      for (const each of names) {
        if (value > 0) weights[each] = value;
        else delete weights[each];
        this.shown.add(each);
      }
      now.expression = { name: now.expression?.name ?? "", weights };
    });
  }

  showAll() {
    const isOpen = this.more.getAttribute("aria-expanded") === "true";
    this.more.setAttribute("aria-expanded", String(!isOpen));
    this.more.textContent = isOpen ? "All 52 weights" : "Only what is used";
    this.shown = new Set(isOpen ? [] : store.pack.blendshapes);
    this.update();
  }

  updateWeights(weights) {
    Object.keys(weights).forEach((name) => this.shown.add(name));
    const names = store.pack.blendshapes.filter((name) => this.shown.has(name));
    if (names.join() !== this.listed) {
      this.sliders = new Map(names.map((name) => [name, this.makeWeight(name)]));
      this.weights.replaceChildren(...[...this.sliders.values()].map((row) => row.element));
      this.listed = names.join();
    }
    for (const [name, row] of this.sliders) {
      row.slider.value = weights[name] ?? 0;
      row.value.textContent = (weights[name] ?? 0).toFixed(2);
    }
  }

  makeWeight(name) {
    const slider = make("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": name, oninput: (event) => this.setWeight(name, Number(event.target.value)) });
    const value = make("output", {});
    return { slider, value, element: make("label", { class: "weight" }, make("span", {}, name), slider, value) };
  }

  // ---- light, absent parts

  makeLight() {
    this.light = make("select", { "aria-label": "Light", onchange: (event) => change(this.drawing, "light", (now) => { now.light = event.target.value; }) },
      ...store.pack.lights.map((light) => make("option", { value: light }, light)));
    return this.section("Light", "light", this.light);
  }

  makeAbsent() {
    this.absent = new Map(store.pack.parts.map((part) => [part, make("input", { type: "checkbox", onchange: (event) => setAbsent(part, event.target.checked) })]));
    return make("details", {}, make("summary", {}, "The character lacks"),
      make("p", { class: "muted" }, "In no drawing at all, as one eye or no brows. Holds for the whole character."),
      make("div", { class: "parts" }, ...[...this.absent].map(([part, box]) => make("label", { class: "check" }, box, titleOf(part)))));
  }

  // ---- keeping up

  update() {
    const { drawing } = this;
    if (!drawing) return;
    const { angle, expression, light } = drawing.now;
    for (const [name, row] of this.contourRows) {
      row.radio.checked = name === this.stage.contour;
      row.radio.disabled = isAbsent(name);
      row.eye.checked = !isAbsent(name) && this.stage.isContourSeen(name);
      row.eye.disabled = isAbsent(name) || !shownPoints(drawing)[0];
      row.element.classList.toggle("absent", isAbsent(name));
    }
    this.useGuess.hidden = !store.pack.can_guess;
    this.head.update(angle);
    this.angleRows.forEach((row, axis) => {
      row.slider.value = angle?.[axis] ?? 0;
      if (document.activeElement !== row.number) row.number.value = angle?.[axis] ?? "";
      row.element.classList.toggle("unknown", !angle);
    });
    if (document.activeElement !== this.name) this.name.value = expression?.name ?? "";
    this.updateWeights(expression?.weights ?? {});
    this.light.value = light;
    for (const [part, box] of this.absent) box.checked = store.absent.includes(part);
    for (const [field, mark] of this.sources) this.updateSource(field, mark);
  }

  updateSource(field, mark) {
    const source = sourceOf(this.drawing, field);
    const isMissing = this.drawing.now[field] === null;
    const sure = field === "points" && this.drawing.confidence !== null && source === "landmark net" ? `, ${Math.floor(100 * this.drawing.confidence)} %` : "";
    let words = isMissing ? "not known" : (SOURCE_WORDS[source] ?? (source ? `from the ${source}` : "")) + sure;
    if (isMissing && field === "points" && this.drawing.guess) words = `a guess, ${Math.floor(100 * this.drawing.confidence)} %`;
    mark.textContent = isChanged(this.drawing, field) ? `${words} · unsaved` : words;
    mark.classList.toggle("warn", isMissing);
  }
}
