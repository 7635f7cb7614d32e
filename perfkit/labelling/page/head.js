// A small head that turns with the angle: sphere, lines of the middle and of the eyes, a nose. Dragged, it turns.

import { makeSvg } from "./dom.js";

const RADIUS = 38;
const rad = (degrees) => (degrees * Math.PI) / 180;

/** Pitch first, then yaw, then roll; x right, y down, z to the camera: as perfkit.rig.rotation_from_head. */
export function turn([yaw, pitch, roll], [x, y, z]) {
  const [cy, sy, cp, sp, cr, sr] = [yaw, pitch, roll].flatMap((angle) => [Math.cos(rad(angle)), Math.sin(rad(angle))]);
  const y1 = cp * y + sp * z, z1 = -sp * y + cp * z;
  const x2 = cy * x + sy * z1, z2 = -sy * x + cy * z1;
  return [cr * x2 - sr * y1, sr * x2 + cr * y1, z2];
}

function lines(angle, circle) {
  const front = [], back = [];
  let previous = null;
  for (let index = 0; index <= 48; index++) {
    const point = turn(angle, circle((index * Math.PI) / 24));
    if (previous) {
      const segment = `M${previous.slice(0, 2).map((v) => (v * RADIUS).toFixed(1))}L${point.slice(0, 2).map((v) => (v * RADIUS).toFixed(1))}`;
      (previous[2] + point[2] > 0 ? front : back).push(segment);
    }
    previous = point;
  }
  return [front.join(""), back.join("")];
}

export function makeHead(onTurn) {
  const back = makeSvg("path", { class: "head-back" });
  const front = makeSvg("path", { class: "head-front" });
  const nose = makeSvg("path", { class: "head-nose" });
  const svg = makeSvg("svg", { viewBox: "-52 -52 104 104", class: "head", "aria-hidden": "true" },
    makeSvg("circle", { r: RADIUS, class: "head-rim" }), back, front, nose);
  let start = null, angle = [0, 0, 0];
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    start = { x: event.clientX, y: event.clientY, angle };
  });
  svg.addEventListener("pointermove", (event) => {
    if (start) onTurn(start.angle[0] + (event.clientX - start.x) * 0.8, start.angle[1] + (event.clientY - start.y) * 0.8);
  });
  for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, () => { start = null; });
  const update = (now) => {
    svg.classList.toggle("unknown", !now);
    angle = now ?? [0, 0, 0];
    const [middle, middleBack] = lines(angle, (t) => [0, Math.cos(t), Math.sin(t)]);
    const [eyes, eyesBack] = lines(angle, (t) => [Math.cos(t), -0.12, Math.sin(t)]);
    front.setAttribute("d", middle + eyes);
    back.setAttribute("d", middleBack + eyesBack);
    const shape = [[0, -0.1, 0.99], [0.12, 0.28, 0.95], [0, 0.22, 1.36], [-0.12, 0.28, 0.95], [0, -0.1, 0.99], [0, 0.22, 1.36]];
    nose.setAttribute("d", "M" + shape.map((p) => turn(angle, p).slice(0, 2).map((v) => (v * RADIUS).toFixed(1))).join("L"));
    nose.classList.toggle("behind", turn(angle, [0, 0.2, 1])[2] < -0.1);
  };
  update(null);
  return { svg, update };
}
