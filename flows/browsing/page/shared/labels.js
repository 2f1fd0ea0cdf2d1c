// The roles of a track as small labels: those that are there, and those the model is unsure of.

import { h } from "/page/shared/elements.js";
import { percent, ROLES } from "/page/shared/words.js";

/** The labels of the roles that are there or unsure. */
export function roleLabels(track) {
  const shown = ROLES.filter((role) => track.roles[role]?.active || track.roles[role]?.unsure);
  return h("ul", { className: "labels", "aria-label": "Roles" }, shown.map((role) => roleLabel(role, track.roles[role])));
}

function roleLabel(role, { active, unsure, probability, source }) {
  const says = source === "person" ? "a person says so" : `${percent(probability)}${unsure ? ", unsure" : ""}`;
  return h("li", {
    className: `label ${role}${active ? " on" : ""}${unsure ? " unsure" : ""}`,
    title: `${role}: ${says}`,
  }, role, unsure ? h("span", { "aria-label": " unsure" }, "?") : null, source === "person" ? h("span", { "aria-label": " by a person" }, "✓") : null);
}
