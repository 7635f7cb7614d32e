// The large view of one drawing: zoom, and the contours to be dragged or nudged.

import { clamp, make, makeSvg, say } from "./dom.js";
import { change, store } from "./store.js";
import { SEEN, colourOf, isAbsent, pathsOf, shownPoints, titleOf } from "./shapes.js";

const POINT_REACH_PX = 11, LINE_REACH_PX = 8;
const NEIGHBOURS = 3;
const PAPERS = ["light", "dark", "checks"];
export const MODES = { point: "Point", near: "Neighbours", contour: "Contour", face: "Face" };

export class Stage {
  constructor(onSelect) {
    this.onSelect = onSelect;
    this.mode = "point";
    this.contour = "face_oval";
    this.paper = 0;
    this.drawing = null;
    this.pointers = new Map();
    this.picture = makeSvg("image", { x: 0, y: 0 });
    this.lines = makeSvg("g", { class: "lines" });
    this.dots = makeSvg("g", { class: "dots" });
    this.svg = makeSvg("svg", { class: "stage", tabindex: 0, role: "group", "aria-label": "Drawing with contours" },
      makeSvg("rect", { class: "paper" }), this.picture, this.lines, this.dots);
    this.place = make("span", { class: "muted readout" });
    this.element = make("div", { class: "stage-frame paper-light" }, this.svg);
    this.svg.addEventListener("keydown", (event) => this.onKey(event));
    this.svg.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.svg.addEventListener("pointerdown", (event) => this.onDown(event));
    this.svg.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel"]) this.svg.addEventListener(name, (event) => this.onUp(event));
    this.svg.addEventListener("dblclick", () => this.fit());
    // Listened to outside the picture: Chromium takes an SVG element that listens for focus to be a tab stop.
    this.element.addEventListener("focusin", (event) => {
      if (event.target.dataset.index) this.showWhere(event.target);
      this.tellPlace();
    });
    new ResizeObserver(() => this.resize()).observe(this.svg);
  }

  open(drawing) {
    const [width, height] = store.pack.canvas_wh;
    this.drawing = drawing;
    this.picture.setAttribute("href", `/art/${drawing.sha256}`);
    for (const element of [this.picture, this.svg.firstChild]) {
      element.setAttribute("width", width);
      element.setAttribute("height", height);
    }
    if (isAbsent(this.contour)) this.contour = store.pack.contours.find((contour) => !isAbsent(contour.name))?.name ?? "face_oval";
    this.svg.setAttribute("aria-label", `${drawing.name}: drawing with contours; arrow keys move the chosen contour, Tab goes to its points`);
    this.fit(true);
  }

  // ---- view

  /** Show the face with what is around it; shown already, the whole drawing. */
  fit(isFace = !this.isFace) {
    const points = shownPoints(this.drawing)[0];
    this.isFace = this.frame(isFace && points ? Object.values(points).flat() : [], 1.7);
  }

  /** Show the chosen contour large. */
  fitContour() {
    this.isFace = !this.frame(shownPoints(this.drawing)[0]?.[this.contour] ?? [], 2.2);
  }

  /** Show what some points span, times a share; without any that are seen, the whole drawing. */
  frame(points, share) {
    const [width, height] = store.pack.canvas_wh, seen = points.filter((point) => point[2] >= SEEN);
    const bounds = (axis) => [Math.min(...seen.map((point) => point[axis])), Math.max(...seen.map((point) => point[axis]))];
    const [[left, right], [top, bottom]] = seen.length ? [bounds(0), bounds(1)] : [[0, width], [0, height]];
    const size = clamp((seen.length ? share : 1.04) * Math.max((right - left) / width, (bottom - top) / height), 0.05, 1.04);
    const w = width * size, h = height * size;
    const within = (middle, length, all) => (length >= all ? (all - length) / 2 : clamp(middle - length / 2, 0, all - length));
    this.view = { x: within((left + right) / 2, w, width), y: within((top + bottom) / 2, h, height), w, h };
    this.resize();
    return seen.length > 0;
  }

  resize() {
    if (!this.drawing) return;
    const { x, y, w, h } = this.view;
    this.svg.setAttribute("viewBox", `${x} ${y} ${w} ${h}`);
    const box = this.svg.getBoundingClientRect();
    this.scale = Math.max(Math.min(box.width / w, box.height / h), 0.01);
    this.update();
  }

  zoom(factor, at) {
    const [width, height] = store.pack.canvas_wh, view = this.view;
    const w = clamp(view.w / factor, width / 40, width * 2), real = view.w / w;
    at = at ?? [view.x + view.w / 2, view.y + view.h / 2];
    this.view = { x: at[0] - (at[0] - view.x) / real, y: at[1] - (at[1] - view.y) / real, w, h: (w * height) / width };
    this.resize();
  }

  pointOf(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [point.x, point.y];
  }

  turnPaper() {
    this.element.classList.remove(`paper-${PAPERS[this.paper]}`);
    this.paper = (this.paper + 1) % PAPERS.length;
    this.element.classList.add(`paper-${PAPERS[this.paper]}`);
  }

  // ---- drawing the contours

  contours() {
    return store.pack.contours.filter((contour) => !isAbsent(contour.name));
  }

  update() {
    if (!this.drawing) return;
    const [points, isGuess] = shownPoints(this.drawing);
    this.lines.classList.toggle("guess", isGuess);
    const shapes = points ? this.contours().flatMap((contour) => this.makeLine(contour, points[contour.name])) : [];
    this.lines.replaceChildren(...shapes);
    this.updateDots(points);
    this.tellPlace();
  }

  /** Say which contour, and which of its points, is chosen and where it lies. */
  tellPlace() {
    const index = this.focusedIndex(), point = index === null ? null : shownPoints(this.drawing)[0][this.contour][index];
    const place = point ? ` ${index + 1}: ${point[0].toFixed(1)}, ${point[1].toFixed(1)}` : "";
    this.place.textContent = `${titleOf(this.contour)}${place}`;
  }

  makeLine(contour, points) {
    const [seen, hidden] = pathsOf(contour, points);
    const isChosen = contour.name === this.contour || this.mode === "face";
    return [
      hidden && makeSvg("path", { class: "hidden-line", d: hidden, stroke: colourOf(contour) }),
      seen && makeSvg("path", { class: "casing", d: seen }),
      seen && makeSvg("path", { class: isChosen ? "line chosen" : "line", d: seen, stroke: colourOf(contour), "data-contour": contour.name }),
    ].filter(Boolean);
  }

  /** Dots stay the same elements while their contour is chosen, so that the focus stays where it is. */
  updateDots(points) {
    const contour = store.pack.contours.find((each) => each.name === this.contour);
    const row = points && !isAbsent(this.contour) ? points[this.contour] : [];
    if (this.dots.dataset.contour !== this.contour || this.dots.childElementCount !== row.length) {
      this.dots.replaceChildren(...row.map((_, index) => makeSvg("circle", {
        tabindex: 0, role: "button", "aria-roledescription": "point", "data-index": index, fill: colourOf(contour),
      })));
      this.dots.dataset.contour = this.contour;
    }
    const radius = clamp(0.4 * this.scale * spacing(row), 2.2, 4.5) / this.scale;
    row.forEach(([x, y, visibility], index) => {
      const dot = this.dots.children[index], isHidden = visibility < SEEN;
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
      dot.setAttribute("r", radius);
      dot.classList.toggle("hidden-dot", isHidden);
      dot.setAttribute("aria-label", `${titleOf(this.contour)}, point ${index + 1} of ${row.length}, ${x.toFixed(1)} ${y.toFixed(1)}${isHidden ? ", hidden" : ""}`);
    });
  }

  choose(name, index) {
    this.contour = name;
    this.update();
    this.onSelect(name);
    if (index !== undefined) this.dots.children[index]?.focus({ preventScroll: true });
  }

  showWhere(dot) {
    const [x, y] = [Number(dot.getAttribute("cx")), Number(dot.getAttribute("cy"))], view = this.view;
    if (x >= view.x && x <= view.x + view.w && y >= view.y && y <= view.y + view.h) return;
    this.view = { ...view, x: x - view.w / 2, y: y - view.h / 2 };
    this.resize();
  }

  focusedIndex() {
    const dot = document.activeElement;
    return dot && this.dots.contains(dot) ? Number(dot.dataset.index) : null;
  }

  // ---- changing points

  edit(key, mutate) {
    if (!this.drawing.now.points && !this.drawing.guess) {
      say("No contours yet: place a face first.");
      return;
    }
    change(this.drawing, key, (now) => {
      now.points = now.points ?? structuredClone(this.drawing.guess);
      mutate(now.points);
    });
  }

  /** Move what the mode says: the point, it and its neighbours, its contour, or all. */
  shift(points, name, index, dx, dy, mode) {
    const row = points[name], count = row.length;
    const isClosed = store.pack.contours.find((contour) => contour.name === name).is_closed;
    const move = (point, share = 1) => { point[0] += dx * share; point[1] += dy * share; };
    if (mode === "face") Object.values(points).flat().forEach((point) => move(point));
    else if (mode === "contour" || index === null) row.forEach((point) => move(point));
    else if (mode === "near") {
      row.forEach((point, other) => {
        const apart = Math.abs(other - index), steps = isClosed ? Math.min(apart, count - apart) : apart;
        if (steps <= NEIGHBOURS) move(point, 0.5 + 0.5 * Math.cos((Math.PI * steps) / (NEIGHBOURS + 1)));
      });
    } else move(row[index]);
    if (index !== null && mode === "point") row[index][2] = Math.max(row[index][2], 1);
  }

  nudge(dx, dy) {
    const index = this.focusedIndex(), mode = index === null && this.mode !== "face" ? "contour" : this.mode;
    this.edit(`nudge ${this.contour} ${index} ${mode}`, (points) => this.shift(points, this.contour, index, dx, dy, mode));
  }

  /** Scale and turn the chosen contour, or the whole face, about its middle. */
  transform(scale, turnDeg) {
    this.edit(`transform ${this.contour} ${this.mode}`, (points) => {
      const rows = this.mode === "face" ? Object.values(points).flat() : points[this.contour];
      const middle = [0, 1].map((axis) => rows.reduce((sum, point) => sum + point[axis], 0) / rows.length);
      const c = scale * Math.cos((turnDeg * Math.PI) / 180), s = scale * Math.sin((turnDeg * Math.PI) / 180);
      for (const point of rows) {
        const x = point[0] - middle[0], y = point[1] - middle[1];
        point[0] = middle[0] + c * x - s * y;
        point[1] = middle[1] + s * x + c * y;
      }
    });
  }

  toggleHidden() {
    const index = this.focusedIndex();
    if (index === null) this.setContourSeen(this.contour, !this.isContourSeen(this.contour));
    else this.edit("hide", (points) => { const point = points[this.contour][index]; point[2] = point[2] < SEEN ? 1 : 0; });
  }

  isContourSeen(name) {
    const points = shownPoints(this.drawing)[0];
    return Boolean(points?.[name].some((point) => point[2] >= SEEN));
  }

  setContourSeen(name, isSeen) {
    this.edit("hide", (points) => points[name].forEach((point) => { point[2] = isSeen ? 1 : 0; }));
  }

  // ---- pointer

  hit(at) {
    const [points] = shownPoints(this.drawing);
    if (!points) return null;
    let best = null;
    for (const { name } of this.contours()) {
      points[name].forEach((point, index) => {
        const isChosen = name === this.contour;
        if (point[2] < SEEN && !isChosen) return;
        const apart = Math.hypot(point[0] - at[0], point[1] - at[1]) * this.scale - (isChosen ? 4 : 0);
        if (apart < POINT_REACH_PX - (isChosen ? 0 : 4) && (!best || apart < best.apart)) best = { name, index, apart };
      });
    }
    return best ?? this.hitLine(at, points);
  }

  hitLine(at, points) {
    let best = null;
    for (const { name, is_closed: isClosed } of this.contours()) {
      const row = points[name];
      for (let index = 0; index < (isClosed ? row.length : row.length - 1); index++) {
        const from = row[index], to = row[(index + 1) % row.length];
        if (Math.min(from[2], to[2]) < SEEN) continue;
        const apart = distance(at, from, to) * this.scale;
        if (apart < LINE_REACH_PX && (!best || apart < best.apart)) best = { name, index: null, apart };
      }
    }
    return best;
  }

  onDown(event) {
    if (event.button > 1) return;
    this.svg.setPointerCapture(event.pointerId);
    const at = this.pointOf(event);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.pointers.size === 2) {
      this.drag = null;
      return;
    }
    const found = event.button === 0 ? this.hit(at) : null;
    if (!found) {
      this.drag = { pan: true };
      return;
    }
    event.preventDefault();
    this.choose(found.name, found.index ?? undefined);
    if (found.index === null) this.svg.focus({ preventScroll: true });
    const mode = found.index === null && this.mode !== "face" ? "contour" : this.mode;
    this.drag = { ...found, mode, last: at, key: `drag ${performance.now()}` };
  }

  onMove(event) {
    if (!this.pointers.has(event.pointerId)) {
      this.svg.style.cursor = this.drawing && this.hit(this.pointOf(event)) ? "grab" : "";
      return;
    }
    const before = this.pointers.get(event.pointerId), here = [event.clientX, event.clientY];
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const gap = (from) => Math.hypot(from[0] - other[0], from[1] - other[1]);
      const middle = { clientX: (here[0] + other[0]) / 2, clientY: (here[1] + other[1]) / 2 };
      this.zoom(gap(here) / Math.max(gap(before), 1), this.pointOf(middle));
    } else if (this.drag?.pan) {
      this.view.x -= (here[0] - before[0]) / this.scale;
      this.view.y -= (here[1] - before[1]) / this.scale;
      this.resize();
    } else if (this.drag) {
      const at = this.pointOf(event), { name, index, mode, last, key } = this.drag;
      this.drawing.lastTime = performance.now();
      this.edit(key, (points) => this.shift(points, name, index, at[0] - last[0], at[1] - last[1], mode));
      this.drag.last = at;
    }
    this.pointers.set(event.pointerId, here);
  }

  onUp(event) {
    this.pointers.delete(event.pointerId);
    this.drag = null;
  }

  onWheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), this.pointOf(event));
  }

  // ---- keys

  onKey(event) {
    const index = this.focusedIndex(), count = this.dots.childElementCount;
    const step = event.shiftKey ? 10 : event.ctrlKey ? 0.1 : 1;
    const arrow = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (arrow && !event.altKey && !event.metaKey) this.nudge(...arrow);
    else if (event.ctrlKey || event.altKey || event.metaKey) return;
    else if (event.key === "," && count) this.dots.children[((index ?? 0) - 1 + count) % count].focus();
    else if (event.key === "." && count) this.dots.children[index === null ? 0 : (index + 1) % count].focus();
    else if (event.key === "PageDown" || event.key === "PageUp") this.chooseNext(event.key === "PageDown" ? 1 : -1, index !== null);
    else if (event.key === "h" || event.key === "H") this.toggleHidden();
    else if (event.key === "Escape" && index !== null) this.svg.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  chooseNext(step, withPoint) {
    const names = this.contours().map((contour) => contour.name);
    const next = names[(names.indexOf(this.contour) + step + names.length) % names.length];
    this.choose(next, withPoint ? 0 : undefined);
    if (!withPoint) this.svg.focus();
  }
}

/** Return how far apart a contour's points lie, on the whole. */
function spacing(row) {
  const gaps = row.slice(1).map((point, index) => Math.hypot(point[0] - row[index][0], point[1] - row[index][1]));
  return gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? 0;
}

function distance(at, from, to) {
  const dx = to[0] - from[0], dy = to[1] - from[1];
  const share = clamp(((at[0] - from[0]) * dx + (at[1] - from[1]) * dy) / Math.max(dx * dx + dy * dy, 1e-9), 0, 1);
  return Math.hypot(at[0] - from[0] - share * dx, at[1] - from[1] - share * dy);
}
