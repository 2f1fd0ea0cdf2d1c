// A track's map with the playhead over it: click to jump, choose segments or bars, loop a segment.

import { fill, h } from "/page/shared/elements.js";
import { cellsOf, draw, HEIGHT, HEIGHTS } from "/page/views/heatmap.js";
import { player } from "/page/shared/player.js";
import { barAt, clock, percent, ROLES } from "/page/shared/words.js";

const HERTZ = [["8 kHz", 0.03], ["500 Hz", 0.5], ["30 Hz", 0.96]];

/** The map of a track in an element; gives what a view does with it, and `close`. */
export function showMap(root, track) {
  let scale = "segments";
  let picture = null;
  const canvas = h("canvas", { className: "map", role: "img", "aria-label": described(track) });
  const playhead = h("div", { className: "playhead", hidden: true });
  const looped = h("div", { className: "looped", hidden: true });
  const told = h("p", { className: "told" });
  const frame = h("div", {
    className: "frame",
    onclick: (event) => jump(seconds(event)),
    onpointermove: (event) => tellCell(event),
    onpointerleave: () => tellPlace(),
  }, canvas, looped, playhead);
  frame.style.height = canvas.style.height = `${HEIGHT}px`;
  const names = h("div", { className: "rows", "aria-hidden": "true" }, ROLES.map((role) => h("span", { className: role }, role)));
  names.style.paddingTop = `${HEIGHTS.sections + HEIGHTS.spectrogram}px`;

  const play = h("button", { type: "button", className: "play big", onclick: () => playOrPause() });
  const scales = ["segments", "bars"].map((name) => h("button", { type: "button", onclick: () => show(name) }, name));
  const repeat = h("button", { type: "button", onclick: () => toggleLoop() }, "Loop segment ", h("kbd", {}, "l"));
  const place = h("output", { className: "time", "aria-live": "off" });
  fill(root,
    h("div", { className: "controls" }, play, place, h("div", { className: "choice", role: "group", "aria-label": "Scale of the map" }, scales), repeat, told),
    h("div", { className: "picture" }, names, HERTZ.map(hertz), frame),
    h("p", { className: "hint" }, "The fuller a colour, the likelier the role; the line under a row says from where to where it sounds. Click to jump."));

  const image = new Image();
  image.onload = () => { picture = image; redraw(); };
  image.onerror = () => { told.textContent = "The spectrogram cannot be drawn: the file cannot be decoded."; };
  image.src = `/spectrogram/${track.track_id}`;

  const mine = () => player.track?.track_id === track.track_id;
  const seconds = (event) => ((event.clientX - frame.getBoundingClientRect().left) / frame.clientWidth) * track.duration_s;
  const cellAt = (at, of = scale) => cellsOf(track, of).find(({ start_s, end_s }) => at >= start_s && at < end_s);
  const redraw = () => draw(canvas, track, scale, picture);
  const now = () => (mine() ? player.seconds : 0);

  /** Go to the beginning of the cell that holds a second, and play. */
  function jump(at) {
    player.take(track, cellAt(at)?.start_s ?? at);
    player.play();
  }

  /** Go so many bars or segments on; files without a map move by two seconds. */
  function step(by, of) {
    const cells = cellsOf(track, of);
    const current = cells.findLastIndex(({ start_s }) => start_s <= now() + 0.02);
    const target = cells[Math.max(0, Math.min(current + by, cells.length - 1))];
    player.take(track, cells.length > 1 ? target.start_s : now() + 2 * by);
  }

  function playOrPause() {
    const other = !mine();
    player.take(track, other ? 0 : null);
    if (other) player.play();
    else player.toggle();
  }

  function toggleLoop() {
    const cell = cellAt(now(), "segments");
    const on = mine() && player.loop !== null;
    player.take(track);
    player.repeat(on || !cell ? null : { start_s: cell.start_s, end_s: cell.end_s, segment: cell.segment });
  }

  function show(name) {
    scale = name;
    scales.forEach((button) => button.setAttribute("aria-pressed", String(button.textContent === name)));
    redraw();
  }

  function tellCell(event) {
    const at = seconds(event);
    const cell = cellAt(at);
    const row = Math.floor((event.clientY - frame.getBoundingClientRect().top - HEIGHTS.sections - HEIGHTS.spectrogram) / HEIGHTS.row);
    const bar = barAt(track, at);
    const role = ROLES[row];
    const parts = [clock(at, true), bar === null ? null : `bar ${bar}`, role && cell ? `${role} ${percent(cell.activations[row])}` : null];
    told.textContent = parts.filter(Boolean).join(" · ");
  }

  function tellPlace() {
    told.textContent = "";
  }

  function tick() {
    const at = now();
    const bar = barAt(track, at);
    playhead.hidden = !mine();
    playhead.style.transform = `translateX(${(at / track.duration_s) * frame.clientWidth}px)`;
    place.textContent = `${clock(at, true)}${bar === null ? "" : ` · bar ${bar}`}`;
  }

  function change() {
    const plays = mine() && player.playing;
    play.textContent = plays ? "❚❚" : "▶";
    play.setAttribute("aria-label", plays ? "Pause" : "Play");
    const loop = mine() ? player.loop : null;
    repeat.setAttribute("aria-pressed", String(loop !== null));
    looped.hidden = loop === null;
    if (loop) {
      looped.style.left = `${(loop.start_s / track.duration_s) * 100}%`;
      looped.style.width = `${((loop.end_s - loop.start_s) / track.duration_s) * 100}%`;
    }
    tick();
  }

  const resized = new ResizeObserver(redraw);
  resized.observe(canvas);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  player.addEventListener("tick", tick);
  player.addEventListener("change", change);
  show("segments");
  change();
  return {
    step, playOrPause, toggleLoop, redraw, now,
    turnScale: () => show(scale === "segments" ? "bars" : "segments"),
    segmentNow: () => cellAt(now(), "segments")?.segment ?? null,
    close: () => {
      resized.disconnect();
      dark.removeEventListener("change", redraw);
      player.removeEventListener("tick", tick);
      player.removeEventListener("change", change);
    },
  };
}

function hertz([name, share]) {
  const label = h("span", { className: "hertz", "aria-hidden": "true" }, name);
  label.style.top = `${HEIGHTS.sections + share * HEIGHTS.spectrogram}px`;
  return label;
}

/** The map in words, for who does not see it. */
function described(track) {
  const spans = ROLES.map((role) => {
    const bars = track.spans.filter((span) => span.role === role).map(({ start_bar, end_bar }) => `${start_bar} to ${end_bar}`);
    return bars.length ? `${role} in bars ${bars.join(", ")}` : null;
  }).filter(Boolean);
  const sections = track.sections.map(({ label, start_bar }) => `${label} from bar ${start_bar}`);
  return `Map of ${track.name}. ${[...spans, ...sections].join("; ") || "no bars"}`;
}
