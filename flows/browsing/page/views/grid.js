// The grid of a track: tempo by number or by tapping, and the first bar line, dragged over the outline of the sound.

import { get } from "/page/shared/api.js";
import { say } from "/page/shared/corrections.js";
import { fill, h } from "/page/shared/elements.js";
import { barStart, tempo } from "/page/shared/words.js";

const HEIGHT = 96;
const BARS_SHOWN = 3;
const FORGET_MS = 2500;
const MOST_TAPS = 32;

/** Tempo and first bar line of a track; gives what a view does with them. */
export function showGrid(root, track) {
  if (!track.bpm) {
    fill(root, h("h2", {}, "Grid"), h("p", { className: "nothing" }, "No steady tempo."), tempoForm(track));
    return { tap: () => root.querySelector(".tap").click() };
  }
  let first = track.first_downbeat_s ?? 0;
  const bar_s = barStart(track, 2) - barStart(track, 1);
  const start = Math.max(0, first - bar_s / 2);
  const seconds = Math.min(BARS_SHOWN * bar_s, Math.max(track.duration_s - start, bar_s));
  let outline = [];
  const canvas = h("canvas", {
    className: "outline", role: "slider", tabIndex: 0, "aria-label": "First bar line in seconds",
    "aria-valuemin": "0", "aria-valuemax": String(track.duration_s),
    onpointerdown: (event) => { event.preventDefault(); canvas.focus(); canvas.setPointerCapture(event.pointerId); },
    onpointermove: (event) => { if (event.buttons) move(first + (event.movementX / canvas.clientWidth) * seconds); },
    onkeydown: (event) => {
      const by = { ArrowLeft: -0.005, ArrowRight: 0.005 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      move(first + by);
    },
  });
  canvas.style.height = `${HEIGHT}px`;
  const place = h("output", {});
  const save = h("button", {
    type: "button", hidden: true,
    onclick: async () => { if (await say(track.track_id, { first_downbeat_s: first })) save.hidden = true; },
  }, "Keep this bar line");

  function move(to) {
    first = Math.round(Math.max(0, Math.min(to, track.duration_s)) * 1000) / 1000;
    save.hidden = first === track.first_downbeat_s;
    show();
  }

  function show() {
    place.textContent = `${first.toFixed(3)} s`;
    canvas.setAttribute("aria-valuenow", String(first));
    canvas.setAttribute("aria-valuetext", place.textContent);
    drawOutline(canvas, outline, start, seconds, first, bar_s);
  }

  fill(root, h("h2", {}, "Grid"), tempoForm(track),
    h("p", { className: "hint" }, "First bar line: ", place, " ", save), canvas,
    h("p", { className: "hint" }, "Drag the bar lines onto the sound, or press ← and →. The next run labels the track on this grid."));
  const resized = new ResizeObserver(show);
  resized.observe(canvas);
  get(`/api/tracks/${track.track_id}/waveform?start_s=${start}&seconds=${Math.min(seconds, 60)}&columns=800`)
    .then((peaks) => { outline = peaks; show(); })
    .catch(() => {});
  return { tap: () => root.querySelector(".tap").click(), close: () => resized.disconnect() };
}

function tempoForm(track) {
  const said = track.said.bpm;
  const field = h("input", { type: "number", min: "20", max: "400", step: "any", value: tempo(said ?? track.bpm), "aria-label": "Tempo in beats per minute" });
  const by = (factor) => () => { field.value = tempo(Number(field.value) * factor); };
  const source = said === undefined ? track.bpm_source : "you";
  let taps = [];
  const tap = h("button", {
    type: "button", className: "tap",
    onclick: () => {
      const now = performance.now();
      if (now - taps.at(-1) > FORGET_MS) taps = [];
      taps = [...taps, now].slice(-MOST_TAPS);
      if (taps.length > 3) field.value = tempo(Math.round((600_000 * (taps.length - 1)) / (now - taps[0])) / 10);
    },
  }, "Tap ", h("kbd", {}, "t"));
  return h("form", {
    className: "tempo",
    onsubmit: (event) => { event.preventDefault(); say(track.track_id, { bpm: Number(field.value) }); },
  }, h("label", {}, field, " BPM"), h("span", { className: "source" }, source ? `by ${source}` : ""), tap,
  h("button", { type: "button", onclick: by(0.5), "aria-label": "Half the tempo" }, "½"),
  h("button", { type: "button", onclick: by(2), "aria-label": "Twice the tempo" }, "×2"),
  h("button", {}, "Keep tempo"));
}

function drawOutline(canvas, outline, start, seconds, first, bar_s) {
  const dense = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  canvas.width = Math.round(width * dense);
  canvas.height = Math.round(HEIGHT * dense);
  const pen = canvas.getContext("2d");
  pen.scale(dense, dense);
  const style = getComputedStyle(canvas);
  pen.fillStyle = style.getPropertyValue("--dim");
  const highest = Math.max(0.05, ...outline);
  outline.forEach((peak, place) => {
    const tall = (peak / highest) * (HEIGHT - 16);
    pen.fillRect((place / outline.length) * width, (HEIGHT - tall) / 2, Math.max(width / outline.length - 0.3, 0.5), Math.max(tall, 1));
  });
  const beat_s = bar_s / 4;
  const before = Math.ceil((start - first) / beat_s);
  pen.font = `11px ${style.fontFamily}`;
  for (let beat = before; first + beat * beat_s < start + seconds; beat += 1) {
    const left = Math.round(((first + beat * beat_s - start) / seconds) * width);
    const head = beat % 4 === 0;
    pen.fillStyle = style.getPropertyValue(head ? "--accent" : "--line");
    pen.fillRect(left, 0, head ? 2 : 1, HEIGHT);
    if (head && beat >= 0) pen.fillText(String(beat / 4 + 1), left + 5, 11);
  }
}
