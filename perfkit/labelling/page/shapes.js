// From control points to lines: paths of contours, hidden parts of them, which are drawn at all.

import { store } from "./store.js";

const PARTS_OF = {
  left_iris: "left_eye", right_iris: "right_eye", nose_bridge: "nose", nose_base: "nose", outer_lips: "mouth",
  inner_lips: "mouth",
};
export const SEEN = 0.5;

export const colourOf = (contour) => `rgb(${contour.colour.join(" ")})`;
export const titleOf = (name) => name.replaceAll("_", " ");
export const isAbsent = (name) => store.absent.includes(PARTS_OF[name] ?? name);

/** Return the points that are shown of a drawing, and whether they are only the reader's guess. */
export function shownPoints(drawing) {
  if (drawing.now.points) return [drawing.now.points, false];
  return [drawing.guess, true];
}

/** Return [path of what is seen, path of what is hidden] of one contour. An iris is the ellipse through its rim. */
export function pathsOf(contour, points) {
  if (contour.name.endsWith("iris")) return irisPaths(points);
  const seen = [], hidden = [];
  const last = contour.is_closed ? points.length : points.length - 1;
  for (let index = 0; index < last; index++) {
    const from = points[index], to = points[(index + 1) % points.length];
    const segment = `M${from[0]} ${from[1]}L${to[0]} ${to[1]}`;
    (Math.min(from[2], to[2]) >= SEEN ? seen : hidden).push(segment);
  }
  return [seen.join(""), hidden.join("")];
}

function irisPaths([middle, right, top, left, bottom]) {
  const ax = (right[0] - left[0]) / 2, ay = (right[1] - left[1]) / 2;
  const bx = (top[0] - bottom[0]) / 2, by = (top[1] - bottom[1]) / 2;
  const at = (turn) => {
    const c = Math.cos(turn), s = Math.sin(turn);
    return `${(middle[0] + c * ax + s * bx).toFixed(2)} ${(middle[1] + c * ay + s * by).toFixed(2)}`;
  };
  const ring = Array.from({ length: 20 }, (_, index) => `${index ? "L" : "M"}${at((index * Math.PI) / 10)}`).join("") + "Z";
  return Math.min(...[middle, right, top, left, bottom].map((point) => point[2])) >= SEEN ? [ring, ""] : ["", ring];
}
