// Find: the tracks that the filters let through, page by page; the address holds all of it.

import { get } from "/page/shared/api.js";
import { corrections } from "/page/shared/corrections.js";
import { fill, h } from "/page/shared/elements.js";
import { filterForm, turnRole } from "/page/views/filters.js";
import { bind } from "/page/shared/keyboard.js";
import { roleLabels } from "/page/shared/labels.js";
import { player } from "/page/shared/player.js";
import { clock, count, keyName, percent, plural, ROLES, tempo } from "/page/shared/words.js";

const COLUMNS = [
  ["path", "Name", ""], ["kind", "Kind", "wide"], ["bpm", "BPM", "number"], ["key", "Key", "wide"],
  [null, "Roles", ""], ["duration_s", "Length", "number wide"], ["bpm_confidence", "Tempo sure", "number wide"],
];

export async function findView(root, address) {
  let parameters = address;
  let asked = 0;
  const results = h("section", { className: "results", "aria-label": "Tracks and loops" });
  const form = filterForm(parameters, (chosen) => {
    for (const name of ["sort", "descending"]) if (parameters.has(name)) chosen.set(name, parameters.get(name));
    turnTo(chosen);
  });
  fill(root, h("h1", { className: "quiet" }, "Find"), h("div", { className: "find" },
    h("details", { className: "panel", open: matchMedia("(min-width: 800px)").matches }, h("summary", {}, "Filters"), form), results));

  async function turnTo(chosen) {
    parameters = chosen;
    const query = parameters.toString();
    history.replaceState(null, "", query ? `/?${query}` : "/");
    await load();
  }

  async function load() {
    const number = ++asked;
    results.setAttribute("aria-busy", "true");
    try {
      const page = await get(`/api/tracks?${parameters}`);
      if (number === asked) replaceKeepingFocus(results, table(page, parameters, turnTo));
    } catch (error) {
      if (number === asked) fill(results, h("p", { className: "trouble", role: "alert" }, error.message));
    }
    if (number === asked) results.removeAttribute("aria-busy");
    mark();
  }

  const rows = () => [...results.querySelectorAll("tbody tr")];
  const selected = () => rows().findIndex((row) => row.classList.contains("selected"));
  const select = (place) => {
    const row = rows()[Math.max(0, Math.min(place, rows().length - 1))];
    if (!row) return;
    for (const other of rows()) other.classList.toggle("selected", other === row);
    row.querySelector("a").focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  bind({
    j: ["next row", () => select(selected() + 1)],
    k: ["row before", () => select(selected() < 0 ? 0 : selected() - 1)],
    ArrowDown: ["next row", () => select(selected() + 1)],
    ArrowUp: ["row before", () => select(selected() < 0 ? 0 : selected() - 1)],
    Enter: ["open the row", () => rows()[selected()]?.querySelector("a").click()],
    p: ["play the row", () => rows()[selected()]?.querySelector("button").click()],
    ArrowRight: ["next page", () => results.querySelector("button.next:enabled")?.click()],
    ArrowLeft: ["page before", () => results.querySelector("button.before:enabled")?.click()],
    ...Object.fromEntries(ROLES.map((role, place) => [place + 1, [`${role}: any, on, off, unsure`, () => turnRole(form, role)]])),
  });

  const mark = () => {
    for (const row of rows()) {
      const plays = player.playing && player.track?.track_id === Number(row.dataset.track);
      const button = row.querySelector("button");
      button.textContent = plays ? "❚❚" : "▶";
      button.setAttribute("aria-pressed", String(plays));
    }
  };
  player.addEventListener("change", mark);
  corrections.addEventListener("entered", load);
  await load();
  return () => {
    player.removeEventListener("change", mark);
    corrections.removeEventListener("entered", load);
  };
}

/** Fill the results anew; a button of a column or page that had the focus has it again. */
function replaceKeepingFocus(results, ...children) {
  const { id } = results.contains(document.activeElement) ? document.activeElement : {};
  fill(results, ...children);
  if (id) document.getElementById(id)?.focus();
}

function table(page, parameters, turnTo) {
  const { total, tracks } = page;
  const first = page.page * page.per_page + 1;
  const last = first + tracks.length - 1;
  const turn = (to) => () => {
    const chosen = new URLSearchParams(parameters);
    if (to > 0) chosen.set("page", to);
    else chosen.delete("page");
    turnTo(chosen);
    scrollTo(0, 0);
  };
  if (tracks.length === 0) {
    const anything = [...parameters.keys()].some((name) => !["sort", "descending"].includes(name));
    return h("p", { className: "nothing" }, anything
      ? "Nothing is like this. Take a filter away."
      : "The catalogue is empty. Label a folder: rolecall label MUSIC");
  }
  const counted = total === tracks.length ? plural(total, "file") : `${count(first)}–${count(last)} of ${plural(total, "file")}`;
  return [
    h("div", { className: "counted" },
      h("p", { "aria-live": "polite" }, counted),
      h("div", {},
        h("button", { type: "button", id: "before", className: "before", disabled: page.page === 0, onclick: turn(page.page - 1) }, "← Before"),
        h("button", { type: "button", id: "next", className: "next", disabled: last >= total, onclick: turn(page.page + 1) }, "Next →"))),
    h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { className: "quiet" }, "Play")),
        COLUMNS.map(([sort, name, style]) => header(sort, name, style, parameters, turnTo)))),
      h("tbody", {}, tracks.map(row))),
  ];
}

function header(sort, name, style, parameters, turnTo) {
  if (sort === null) return h("th", { scope: "col", className: style }, name);
  const sorted = (parameters.get("sort") ?? "path") === sort;
  const descending = parameters.get("descending") === "true";
  return h("th", { scope: "col", className: style, "aria-sort": sorted ? (descending ? "descending" : "ascending") : "none" },
    h("button", {
      type: "button", id: `by-${sort}`,
      onclick: () => {
        const chosen = new URLSearchParams(parameters);
        chosen.delete("page");
        chosen.set("sort", sort);
        if (sorted && !descending) chosen.set("descending", "true");
        else chosen.delete("descending");
        turnTo(chosen);
      },
    }, name, h("span", { className: "arrow", "aria-hidden": "true" }, sorted ? (descending ? "▼" : "▲") : "")));
}

function row(track) {
  const stated = track.status === "labelled" ? "" : ` · ${track.status.replace("_", " ")}`;
  return h("tr", { "data-track": String(track.track_id) },
    h("td", {}, h("button", {
      type: "button", className: "play", "aria-label": `Play ${track.name}`,
      onclick: () => {
        if (player.track?.track_id === track.track_id) player.toggle();
        else {
          player.take(track);
          player.play();
        }
      },
    }, "▶")),
    h("td", { className: "name" }, h("a", { href: `/track/${track.track_id}` }, track.name),
      h("span", { className: "folder", title: track.folder }, track.folder.split("/").slice(-2).join("/"), stated),
      h("span", { className: "narrow" }, [track.kind, keyName(track), clock(track.duration_s)].filter((part) => part && part !== "–").join(" · "))),
    h("td", { className: "wide" }, track.kind),
    h("td", { className: "number" }, tempo(track.bpm)),
    h("td", { className: "wide" }, keyName(track)),
    h("td", { className: "cell-roles" }, roleLabels(track)),
    h("td", { className: "number wide" }, clock(track.duration_s)),
    h("td", { className: "number wide" }, percent(track.bpm_confidence)));
}
