/** The fields and buttons: they show the state, and say what a person changed. */

import { FURTHEST, newSeed, wholeNumber } from "./link.js";

const byId = (id) => document.getElementById(id);

/** Build the sliders and connect all fields; `change(part of the state)` is called when a person changes one. */
export function connect(directions, change) {
  const sliders = directions.map((share, index) => buildSlider(share, index));
  byId("directions").hidden = !sliders.length;
  sliders.forEach(({ input }, index) =>
    input.addEventListener("input", () => change({ offset: [index, Number(input.value)] }, "slider")),
  );
  byId("reset").addEventListener("click", () => change({ offsets: sliders.map(() => 0) }));
  byId("new").addEventListener("click", () => change({ seed: newSeed(), picture: 0 }));
  seedField("seed", (seed) => change({ seed }));
  seedField("to", (to) => change({ to }));
  const truncation = byId("truncation");
  truncation.addEventListener("input", () => {
    const off = truncation.value === truncation.max;
    change({ truncation: off ? null : Number(truncation.value) }, "slider");
  });
  return (state) => show(state, sliders);
}

/** Call `set` with a valid seed; mark the field and say why where it is none. */
function seedField(id, set) {
  const field = byId(id);
  field.addEventListener("input", () => {
    const number = wholeNumber(field.value);
    field.setAttribute("aria-invalid", String(number === null));
    byId(`${id}-error`).hidden = number !== null;
    if (number !== null) set(number);
  });
}

function buildSlider(share, index) {
  const row = byId("slider-template").content.firstElementChild.cloneNode(true);
  const [label, input, value] = ["label", "input", ".value"].map((name) => row.querySelector(name));
  input.id = `d${index + 1}`;
  label.htmlFor = input.id;
  label.querySelector(".which").textContent = `Direction ${index + 1}`;
  label.querySelector(".share").textContent = share;
  Object.assign(input, { min: -FURTHEST, max: FURTHEST, step: 0.1, value: 0 });
  byId("sliders").append(row);
  return { input, value };
}

function show(state, sliders) {
  for (const [id, number] of [["seed", state.seed], ["to", state.to]]) {
    const field = byId(id);
    // A person who types 007 goes on typing.
    if (wholeNumber(field.value) !== number) field.value = String(number);
    field.setAttribute("aria-invalid", "false");
    byId(`${id}-error`).hidden = true;
  }
  const truncation = byId("truncation");
  const words = state.truncation === null ? "off" : String(state.truncation);
  truncation.value = state.truncation === null ? truncation.max : String(state.truncation);
  truncation.setAttribute("aria-valuetext", words);
  byId("truncation-value").textContent = words;
  fill(truncation, truncation.min);
  sliders.forEach(({ input, value }, index) => {
    input.value = String(state.offsets[index]);
    fill(input, 0);
    value.textContent = signed(state.offsets[index]);
    input.setAttribute("aria-valuetext", `${signed(state.offsets[index])} standard deviations`);
  });
}

/** Colour a slider's track from a value of its own, its zero, to where it stands. */
function fill(input, zero) {
  const part = (value) => (value - input.min) / (input.max - input.min);
  const [low, high] = [part(zero), part(input.value)].sort((one, other) => one - other);
  input.style.setProperty("--low", low);
  input.style.setProperty("--high", high);
}

function signed(number) {
  if (number === 0) return "0";
  return `${number > 0 ? "+" : "−"}${Math.abs(number).toFixed(1)}`;
}
