// The labels of a track as a person corrects them: each role is there or not.

import { say } from "/page/shared/corrections.js";
import { fill, h } from "/page/shared/elements.js";
import { percent, ROLES } from "/page/shared/words.js";

/** The roles of a track with what the model and people say; gives what a view does with them. */
export function showRoles(root, track) {
  let { said } = track;
  const active = (role) => said[role] ?? track.roles[role]?.active ?? false;

  async function put(role, word) {
    said = (await say(track.track_id, { [role]: word })) ?? said;
    show();
  }

  function show() {
    const focused = root.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    fill(root, h("h2", {}, "Roles"), ROLES.map((role, place) => line(role, place)));
    if (focused) [...root.querySelectorAll("button")].find((button) => button.getAttribute("aria-label") === focused)?.focus();
  }

  function line(role, place) {
    const known = track.roles[role];
    if (!known) return h("p", { className: "role-line" }, role, ": no label yet");
    const word = said[role];
    const unsure = word === undefined && known.unsure;
    const source = word === undefined ? `${percent(known.probability)}${unsure ? ", unsure" : ""}` : "you say so";
    const meter = h("span", { className: `meter ${role}`, "aria-hidden": "true" }, h("i", {}));
    meter.firstChild.style.width = `${100 * (word === undefined ? known.probability : Number(word))}%`;
    return h("div", { className: `role-line${unsure ? " unsure" : ""}`, role: "group", "aria-label": `${role}: ${active(role) ? "on" : "off"}, ${source}` },
      h("kbd", {}, String(place + 1)),
      h("span", { className: `label ${role}${active(role) ? " on" : ""}${unsure ? " unsure" : ""}` }, role),
      meter,
      h("span", { className: "source" }, source),
      answer(role, true, word, "Yes"), answer(role, false, word, "No"));
  }

  const answer = (role, value, word, text) => h("button", {
    type: "button", "aria-pressed": String(word === value), "aria-label": `${role}: ${text}`,
    onclick: () => put(role, word === value ? null : value),
  }, text);

  show();
  return {
    /** Show what is known of the same track now. */
    renew: (now) => {
      track = now;
      said = now.said;
      show();
    },
    toggle: (role) => put(role, !active(role)),
    /** Say of every role that is unsure what is shown now. */
    confirm: async () => {
      const unsure = ROLES.filter((role) => said[role] === undefined && track.roles[role]?.unsure);
      if (!unsure.length) return;
      said = (await say(track.track_id, Object.fromEntries(unsure.map((role) => [role, active(role)])))) ?? said;
      show();
    },
  };
}
