// One track: its map, its labels to correct, its grid, and what goes with it.

import { get } from "/page/shared/api.js";
import { showCompatible } from "/page/views/compatible.js";
import { corrections, tell } from "/page/shared/corrections.js";
import { fill, h } from "/page/shared/elements.js";
import { showGrid } from "/page/views/grid.js";
import { bind } from "/page/shared/keyboard.js";
import { showRoles } from "/page/views/labelling.js";
import { showMap } from "/page/views/map.js";
import { clock, keyName, ROLES, tempo } from "/page/shared/words.js";

/** The page of a track. */
export async function trackPage(root, trackId) {
  const shown = await showTrack(root, trackId);
  bind({
    ...shown.keys,
    j: ["next segment", () => shown.map().step(1, "segments")],
    k: ["segment before", () => shown.map().step(-1, "segments")],
  });
  return shown.close;
}

/** A track in an element, kept up to date; gives the keys that go with it, and `close`. */
export async function showTrack(root, trackId) {
  let parts = null;

  const load = () => get(`/api/tracks/${trackId}`);
  const renew = () => load().then((track) => parts.renew(track), (error) => tell(error.message));
  const undone = (event) => { if (event.detail === trackId) renew(); };
  const track = await load();
  document.title = `${track.name} · rolecall`;
  parts = showParts(root, track);
  corrections.addEventListener("entered", renew);
  corrections.addEventListener("undone", undone);
  return {
    map: () => parts.map,
    roles: () => parts.roles,
    keys: {
      " ": ["play or pause", () => parts.map.playOrPause()],
      ArrowRight: ["next bar", () => parts.map.step(1, "bars")],
      ArrowLeft: ["bar before", () => parts.map.step(-1, "bars")],
      b: ["map by segments or by bars", () => parts.map.turnScale()],
      l: ["loop the segment", () => parts.map.toggleLoop()],
      t: ["tap the tempo", () => parts.tap()],
      ...Object.fromEntries(ROLES.map((role, place) => [place + 1, [`${role} is there or not`, () => parts.roles.toggle(role)]])),
    },
    close: () => {
      corrections.removeEventListener("entered", renew);
      corrections.removeEventListener("undone", undone);
      parts.close();
      document.title = "rolecall";
    },
  };
}

function showParts(root, track) {
  if (!track.duration_s) return showUnlabelled(root, track);
  const places = Object.fromEntries(["map", "roles", "grid", "compatible"].map((name) => [name, h("section", { className: `part ${name}` })]));
  const head = h("header", { className: "heading" });
  fill(root, head, places.map,
    h("div", { className: "columns" }, h("div", {}, places.roles, places.grid), places.compatible));
  const map = showMap(places.map, track);
  const roles = showRoles(places.roles, track);
  let grid = showGrid(places.grid, track);
  fill(head, heading(track));
  const closeCompatible = showCompatible(places.compatible, track, map.segmentNow);
  return {
    map, roles,
    tap: () => grid.tap(),
    /** Show what people and models say of the same track now. */
    renew: (now) => {
      fill(head, heading(now));
      roles.renew(now);
      if (now.bpm !== track.bpm || now.first_downbeat_s !== track.first_downbeat_s || now.said.bpm !== track.said.bpm) {
        grid.close?.();
        grid = showGrid(places.grid, now);
      }
      track = now;
    },
    close: () => {
      map.close();
      grid.close?.();
      closeCompatible();
    },
  };
}

/** A file without labels: why, and nothing that could be done with it. */
function showUnlabelled(root, track) {
  const why = track.errors.map(({ reason, message }) => `${reason.replace("_", " ")}: ${message}`);
  fill(root, h("header", { className: "heading" }, heading(track)),
    h("p", { className: "trouble" }, why.join("; ") || "It has no labels yet; the next run makes them."));
  const nothing = () => {};
  return {
    map: { step: nothing, playOrPause: nothing, turnScale: nothing, toggleLoop: nothing },
    roles: { toggle: nothing, confirm: nothing },
    tap: nothing, renew: nothing, close: nothing,
  };
}

function heading(track) {
  const source = track.bpm_source ? ` by ${track.bpm_source.replace("_", " ")}` : "";
  const drift = track.bpm_drift ? `, drifts by up to ${(100 * track.bpm_drift).toFixed(1)} %` : "";
  const facts = [
    [track.kind, "kind"],
    [track.bpm ? `${tempo(track.bpm)} BPM${source}${drift}` : track.duration_s ? "no steady tempo" : null, "tempo"],
    [track.key ? keyName(track) : null, "key"],
    [track.duration_s ? clock(track.duration_s) : null, "length"],
    [track.status === "labelled" ? null : track.status.replace("_", " "), "status"],
  ];
  return [
    h("h1", {}, track.name),
    h("ul", { className: "facts" }, facts.filter(([value]) => value).map(([value, name]) => h("li", { title: name }, value))),
    h("p", { className: "folder", title: track.path }, track.folder),
  ];
}
