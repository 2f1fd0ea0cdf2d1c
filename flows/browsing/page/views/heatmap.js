// The picture of a track: sections, spectrogram, and one row a role with its activations and spans, over one time axis.

import { barStart, ROLES } from "/page/shared/words.js";

export const HEIGHTS = { sections: 20, spectrogram: 150, row: 30, axis: 20 };
const TICKS = [1, 4, 8, 16, 32, 64, 128, 256];
const TICK_WIDTH = 44;

/** The height of the whole picture in CSS pixels. */
export const HEIGHT = HEIGHTS.sections + HEIGHTS.spectrogram + ROLES.length * HEIGHTS.row + HEIGHTS.axis;

/** Draw a track on a canvas, as wide as the canvas is shown. `scale` is `segments` or `bars`. */
export function draw(canvas, track, scale, spectrogram) {
  const width = canvas.clientWidth;
  const dense = devicePixelRatio || 1;
  canvas.width = Math.round(width * dense);
  canvas.height = Math.round(HEIGHT * dense);
  const pen = canvas.getContext("2d");
  pen.scale(dense, dense);
  const style = getComputedStyle(canvas);
  const colours = { text: style.color, line: style.getPropertyValue("--line"), dim: style.getPropertyValue("--dim") };
  for (const role of ROLES) colours[role] = style.getPropertyValue(`--${role}`);
  pen.font = `11px ${style.fontFamily}`;
  pen.textBaseline = "middle";
  const x = (seconds) => (seconds / track.duration_s) * width;

  drawSections(pen, track, x, colours);
  const top = HEIGHTS.sections;
  if (spectrogram) pen.drawImage(spectrogram, 0, top, width, HEIGHTS.spectrogram);
  else drawWaiting(pen, top, width, colours);
  drawCells(pen, track, scale, x, width, colours);
  drawSpans(pen, track, x, colours);
  drawSectionLines(pen, track, x, colours);
  drawAxis(pen, track, x, width, colours);
}

/** The cells of a scale: `start_s`, `end_s`, `activations`; the whole file where there is no map. */
export function cellsOf(track, scale) {
  const cells = scale === "bars" ? track.bars : track.segments;
  if (cells.length) return cells;
  const whole = ROLES.map((role) => track.roles[role]?.probability ?? 0);
  return [{ start_s: 0, end_s: track.duration_s, activations: whole, start_bar: null }];
}

export const rowTop = (place) => HEIGHTS.sections + HEIGHTS.spectrogram + place * HEIGHTS.row;

function drawWaiting(pen, top, width, colours) {
  pen.fillStyle = colours.line;
  pen.fillRect(0, top, width, HEIGHTS.spectrogram);
  pen.fillStyle = colours.dim;
  pen.fillText("No spectrogram yet", 12, top + HEIGHTS.spectrogram / 2);
}

function drawSections(pen, track, x, colours) {
  for (const { label, start_s, end_s } of track.sections) {
    const left = x(start_s);
    const width = x(end_s) - left;
    pen.fillStyle = colours.line;
    pen.fillRect(left, 0, width - 1, HEIGHTS.sections - 3);
    pen.fillStyle = colours.text;
    if (pen.measureText(label).width < width - 8) pen.fillText(label, left + 5, (HEIGHTS.sections - 3) / 2 + 0.5);
  }
}

function drawSectionLines(pen, track, x, colours) {
  pen.strokeStyle = colours.dim;
  pen.setLineDash([3, 3]);
  for (const { start_s } of track.sections.slice(1)) {
    pen.beginPath();
    pen.moveTo(Math.round(x(start_s)) - 0.5, HEIGHTS.sections);
    pen.lineTo(Math.round(x(start_s)) - 0.5, rowTop(ROLES.length));
    pen.stroke();
  }
  pen.setLineDash([]);
}

function drawCells(pen, track, scale, x, width, colours) {
  const cells = cellsOf(track, scale);
  const gap = width / cells.length > 6 ? 1 : 0;
  for (const { start_s, end_s, activations } of cells) {
    const left = x(start_s);
    const cell = Math.max(x(end_s) - left - gap, 0.5);
    ROLES.forEach((role, place) => {
      pen.fillStyle = colours[role];
      pen.globalAlpha = 0.05 + 0.85 * activations[place] ** 1.3;
      pen.fillRect(left, rowTop(place) + 1, cell, HEIGHTS.row - 8);
    });
  }
  pen.globalAlpha = 1;
}

/** From which bar to which a role sounds: a line under its row. */
function drawSpans(pen, track, x, colours) {
  for (const { role, start_s, end_s } of track.spans) {
    pen.fillStyle = colours[role];
    pen.fillRect(x(start_s), rowTop(ROLES.indexOf(role)) + HEIGHTS.row - 5, Math.max(x(end_s) - x(start_s) - 1, 1), 3);
  }
}

function drawAxis(pen, track, x, width, colours) {
  const top = rowTop(ROLES.length);
  pen.fillStyle = colours.dim;
  if (!track.bpm) {
    pen.fillText("no steady tempo", 4, top + HEIGHTS.axis / 2);
    return;
  }
  const bar_s = 240 / track.bpm;
  const step = TICKS.find((bars) => x(bars * bar_s) >= TICK_WIDTH) ?? TICKS.at(-1);
  for (let bar = 1; ; bar += step) {
    const left = x(barStart(track, bar));
    if (left > width - 12) break;
    pen.fillRect(Math.round(left), top, 1, 4);
    pen.fillText(String(bar), left + 3, top + HEIGHTS.axis / 2 + 2);
  }
}
