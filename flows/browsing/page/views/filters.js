// The filters of Find: a form whose fields are the parameters of the address.

import { get } from "/page/shared/api.js";
import { calmly, h } from "/page/shared/elements.js";
import { ROLES } from "/page/shared/words.js";

const STATES = ["", "on", "off", "unsure"];
const SHOWN = { "": "any", on: "on", off: "off", unsure: "unsure" };
const TONICS = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const KEYS = TONICS.flatMap((tonic) => [`${tonic} major`, `${tonic} minor`]);
const WAIT_MS = 250;

/** The form, filled from the parameters of an address; `changed` gets those of what is in it now. */
export function filterForm(parameters, changed) {
  const calm = calmly(WAIT_MS, () => changed(parametersOf(form)));
  const folders = h("datalist", { id: "folders" });
  const form = h("form", {
    className: "filters", role: "search", "aria-label": "Filter",
    oninput: calm, onchange: calm, onsubmit: (event) => event.preventDefault(),
  },
  field("Text in the path", h("input", { type: "search", name: "text", placeholder: "words, in any order" })),
  h("fieldset", { className: "roles" }, h("legend", {}, "Roles"), ROLES.map((role, place) => roleFilter(role, place, calm))),
  h("fieldset", { className: "pair" }, h("legend", {}, "Tempo"),
    number("bpm_min", "from", 0, 1000, "any"), number("bpm_max", "to", 0, 1000, "any")),
  field("Key", h("select", { name: "key" }, h("option", { value: "" }, "any"), KEYS.map((key) => h("option", {}, key)))),
  h("label", { className: "check" }, h("input", { type: "checkbox", name: "mixing", value: "true" }), "and the keys that mix with it"),
  field("Kind", h("select", { name: "kind" }, h("option", { value: "" }, "any"),
    [["loop", "loop"], ["track", "track"], ["oneshot", "one-shot"]].map(([value, name]) => h("option", { value }, name)))),
  h("fieldset", { className: "pair" }, h("legend", {}, "Confidence, at least"),
    number("bpm_confidence", "tempo", 0, 1, "0", "0.1"), number("key_confidence", "key", 0, 1, "0", "0.1")),
  field("Folder", h("input", { name: "folder", list: "folders", placeholder: "any", autocomplete: "off",
    oninput: calmly(WAIT_MS, (event) => offer(folders, event.target.value)), onfocus: (event) => offer(folders, event.target.value) })),
  folders,
  h("button", { type: "button", className: "clear", onclick: () => { clear(form); changed(parametersOf(form)); } }, "Clear"));
  for (const input of form.elements) {
    const value = parameters.get(input.name);
    if (!input.name || value === null) continue;
    if (input.type === "checkbox") input.checked = value === "true";
    else input.value = value;
  }
  for (const button of form.querySelectorAll("button.role")) paint(button, form);
  return form;
}

/** Turn a role's filter to its next state, as a click does. */
export function turnRole(form, role) {
  form.querySelector(`button.role.${role}`).click();
}

function parametersOf(form) {
  return new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
}

function clear(form) {
  for (const input of form.elements) {
    if (input.type === "checkbox") input.checked = false;
    else if (input.name) input.value = "";
  }
  for (const button of form.querySelectorAll("button.role")) paint(button, form);
}

function roleFilter(role, place, calm) {
  const held = h("input", { type: "hidden", name: role, value: "" });
  const button = h("button", {
    type: "button", className: `role label ${role}`, "data-role": role, "data-key": String(place + 1),
    onclick: () => {
      held.value = STATES[(STATES.indexOf(held.value) + 1) % STATES.length];
      paint(button, held.form);
      calm();
    },
  });
  return [held, button];
}

function paint(button, form) {
  const { role } = button.dataset;
  const state = form.elements[role].value;
  button.replaceChildren(role, h("small", {}, SHOWN[state]));
  button.setAttribute("aria-label", `${role}: ${SHOWN[state]}`);
  for (const name of ["on", "off", "unsure"]) button.classList.toggle(name, name === state);
}

function field(label, input) {
  return h("label", { className: "field" }, h("span", {}, label), input);
}

function number(name, label, min, max, placeholder, step = "any") {
  return h("label", {}, h("span", {}, label),
    h("input", { type: "number", name, min: String(min), max: String(max), step, placeholder, inputmode: "decimal" }));
}

async function offer(list, beginning) {
  const folders = await get(`/api/folders?beginning=${encodeURIComponent(beginning)}`).catch(() => []);
  list.replaceChildren(...folders.map(({ folder, files }) => h("option", { value: folder }, `${files} files`)));
}
