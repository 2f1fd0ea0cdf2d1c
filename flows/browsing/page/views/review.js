// Review: what is most in doubt comes first; confirm or correct it, and go on.

import { get } from "/page/shared/api.js";
import { fill, h } from "/page/shared/elements.js";
import { bind } from "/page/shared/keyboard.js";
import { roleLabels } from "/page/shared/labels.js";
import { showTrack } from "/page/views/track.js";
import { count, percent, plural, tempo } from "/page/shared/words.js";

const DOUBTS = [["roles", "Unsure roles"], ["tempo", "Unsure tempi"]];

export async function reviewView(root, parameters) {
  const of = parameters.get("of") === "tempo" ? "tempo" : "roles";
  const { total, tracks } = await get(`/api/doubtful?of=${of}`);
  const list = h("ol", { className: "queue", "aria-label": "To review" });
  const stage = h("div", { className: "stage" });
  const position = h("p", { "aria-live": "polite", className: "position" });
  const choice = h("div", { className: "choice", role: "group", "aria-label": "What is in doubt" },
    DOUBTS.map(([value, name]) => h("a", { href: `/review?of=${value}`, "aria-current": value === of ? "true" : null }, name)));
  fill(root, h("h1", { className: "quiet" }, "Review"), h("div", { className: "review" },
    h("aside", { className: "panel" }, choice, position, list), stage));
  if (tracks.length === 0) {
    const nothing = { roles: "The model is unsure of nothing that people have not decided.", tempo: "No tempo is in doubt." };
    fill(stage, h("p", { className: "nothing" }, nothing[of]));
    return () => {};
  }

  let place = 0;
  let shown = null;
  const seen = new Set();
  const confirm = h("button", { type: "button", className: "main", onclick: () => settle() }, "Right as shown, next ", h("kbd", {}, "enter"));
  const inner = h("div", {});
  fill(stage, h("div", { className: "controls" },
    h("button", { type: "button", onclick: () => go(place - 1) }, "← Before ", h("kbd", {}, "k")),
    h("button", { type: "button", onclick: () => go(place + 1) }, "Skip → ", h("kbd", {}, "j")), confirm), inner);
  fill(list, tracks.map((track, number) => h("li", {}, h("button", { type: "button", onclick: () => go(number) },
    h("span", {}, track.name), of === "roles" ? roleLabels(track) : h("small", {}, `${tempo(track.bpm)} BPM, ${percent(track.bpm_confidence)} sure`)))));

  async function go(to) {
    place = Math.max(0, Math.min(to, tracks.length - 1));
    const track = tracks[place];
    shown?.close();
    shown = null;
    [...list.children].forEach((item, number) => {
      if (number === place) item.firstChild.setAttribute("aria-current", "true");
      else item.firstChild.removeAttribute("aria-current");
      item.classList.toggle("seen", seen.has(number));
    });
    if (list.scrollHeight > list.clientHeight) list.scrollTop = list.children[place].offsetTop - list.offsetTop - list.clientHeight / 3;
    position.textContent = `${count(place + 1)} of ${plural(total, "file")} in doubt`;
    const current = await showTrack(inner, track.track_id);
    if (tracks[place] !== track) {
      current.close();
      return;
    }
    shown = current;
    bind({
      ...shown.keys,
      j: ["skip to the next file", () => go(place + 1)],
      k: ["file before", () => go(place - 1)],
      Enter: ["right as shown, next file", settle],
    });
  }

  async function settle() {
    if (!shown) return;
    if (of === "roles") await shown.roles().confirm();
    seen.add(place);
    if (place + 1 < tracks.length) await go(place + 1);
    else {
      list.children[place].classList.add("seen");
      position.textContent = "That was the last of them.";
    }
  }

  await go(0);
  return () => shown?.close();
}
