// Keys: each view names its own, and they do nothing while somebody types.

import { fill, h } from "/page/shared/elements.js";

const dialog = document.getElementById("keys");
let bound = {};

/** Bind keys of a view: `{ "j": ["next row", action] }`. */
export function bind(keys) {
  bound = keys;
}

export function listen(always) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const found = bound[event.key] ?? always[event.key];
    if (!found) return;
    event.preventDefault();
    found[1](event);
  });
  document.getElementById("help").addEventListener("click", () => explain(always));
}

/** Show the keys that do something now. */
export function explain(always) {
  const rows = Object.entries({ ...bound, ...always }).map(([key, [says]]) =>
    h("div", {}, h("dt", {}, h("kbd", {}, NAMES[key] ?? key)), h("dd", {}, says)));
  fill(dialog, h("h2", { id: "keys-title" }, "Keys"), h("dl", { className: "keys" }, rows),
    h("form", { method: "dialog" }, h("button", {}, "Close")));
  dialog.showModal();
}

const NAMES = { " ": "space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Enter: "enter" };

function isTyping({ target, key }) {
  if (dialog.open) return true;
  if (target.closest("select, textarea, input:not([type=checkbox])")) return true;
  return (key === " " || key === "Enter") && target.closest("button, a, summary, input, [role=slider]") !== null;
}
