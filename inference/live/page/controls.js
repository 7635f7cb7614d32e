// The panel: shows the server's controls, sends what the performer changes.
const BACKGROUNDS = ["#dfe6ea", "#bfe3f5", "#f4ecd8", "#f3d9dc", "#d8eee2", "#20242b", "#00b140"];
const NEUTRAL_LIGHT = "own";

export class Controls {
  constructor(send) {
    this.send = send;
    this.values = {};
    this.fields = [...document.querySelectorAll("[data-control]")];
    for (const field of this.fields) {
      field.addEventListener("input", () => this.change({ [field.dataset.control]: read(field) }));
      if (field.type === "range") field.addEventListener("dblclick", () => this.reset([field]));
    }
    this.toggles = [...document.querySelectorAll("[data-toggle]")];
    for (const button of this.toggles) button.addEventListener("click", () => this.change({ [button.dataset.toggle]: !this.values[button.dataset.toggle] }));
    this.holds = [...document.querySelectorAll("[data-hold]")];
    for (const button of this.holds) button.addEventListener("click", () => this.hold(button.dataset.hold));
    document.getElementById("reset").addEventListener("click", () => this.reset(this.fields.filter((field) => field.type === "range")));
    this.makeBackgrounds();
    this.makeLights();
  }

  change(table) {
    this.show({ ...this.values, ...table });
    this.touched = performance.now();
    this.send({ set: table });
  }

  hold(name) { this.change({ hold: this.values.hold === name ? "off" : name }); }

  reset(fields) {
    const usual = { position_gain: 0.8, size_gain: 0.7 };
    this.change(Object.fromEntries(fields.map((field) => [field.dataset.control, usual[field.dataset.control] ?? 1])));
  }

  // The server's word counts, but not while a hand is on a slider.
  take(values, characters) {
    this.takeCharacters(characters);
    if (performance.now() - (this.touched ?? -1e9) > 600) this.show(values);
  }

  show(values) {
    this.values = values;
    for (const field of this.fields) {
      const value = values[field.dataset.control];
      if (value === undefined) continue;
      field.value = value;
      const output = field.parentElement.querySelector("output");
      if (output) output.textContent = Number(value).toFixed(2);
    }
    for (const button of this.toggles) button.setAttribute("aria-pressed", String(Boolean(values[button.dataset.toggle])));
    for (const button of this.holds) button.setAttribute("aria-pressed", String(values.hold === button.dataset.hold));
    for (const button of this.swatches) button.setAttribute("aria-pressed", String(values.background === button.dataset.value));
    if (values.background?.startsWith("#")) this.colour.value = values.background;
  }

  takeCharacters(names) {
    const select = document.querySelector('[data-control="character"]');
    if (select.options.length === names.length) return;
    select.replaceChildren(...names.map((name) => new Option(name.split("/").pop(), name)));
    select.value = this.values.character ?? names[0];
  }

  makeLights() {
    const select = document.querySelector('[data-control="light"]');
    const lights = [[NEUTRAL_LIGHT, "as drawn"]];
    for (const side of ["left", "right", "top", "front"])
      for (const hardness of ["hard", "gentle"]) lights.push([`${hardness} ${side}`, `${hardness}, from ${side === "front" ? "the front" : side === "top" ? "above" : `the ${side}`}`]);
    select.replaceChildren(...lights.map(([value, text]) => new Option(text, value)));
  }

  makeBackgrounds() {
    const box = document.getElementById("backgrounds");
    this.swatches = BACKGROUNDS.map((colour) => makeSwatch(colour, `Background ${colour}`));
    const camera = makeSwatch("take", "The camera's picture as background");
    camera.textContent = "Camera";
    camera.classList.add("wide");
    this.swatches.push(camera);
    this.colour = Object.assign(document.createElement("input"), { type: "color", title: "Any colour", ariaLabel: "Background colour" });
    this.colour.addEventListener("input", () => this.change({ background: this.colour.value }));
    for (const button of this.swatches) button.addEventListener("click", () => this.change({ background: button.dataset.value }));
    box.append(...this.swatches, this.colour);
  }
}

function makeSwatch(value, label) {
  const button = Object.assign(document.createElement("button"), { type: "button", title: label, ariaLabel: label });
  button.dataset.value = value;
  if (value.startsWith("#")) button.style.setProperty("--swatch", value);
  return button;
}

function read(field) { return field.type === "range" ? Number(field.value) : field.value; }
