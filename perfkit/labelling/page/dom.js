// Making elements: make("button", {class: "quiet", onclick}, "text"), and the same for SVG.

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const make = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);

export const makeSvg = (tag, properties, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);

export const byId = (id) => document.getElementById(id);

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

let quiet;
export function say(line) {
  const toast = byId("said");
  toast.textContent = line;
  toast.classList.add("shown");
  clearTimeout(quiet);
  quiet = setTimeout(() => toast.classList.remove("shown"), 3500);
}
