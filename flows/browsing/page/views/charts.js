// The share of each role over the days on which files were labelled: bars for one day, lines for several.

import { h, svg } from "/page/shared/elements.js";
import { percent, plural, ROLES } from "/page/shared/words.js";

const WIDTH = 720;
const HEIGHT = 190;
const EDGE = { left: 40, right: 96, top: 10, bottom: 24 };
const LINE_GAP = 14;

/** Draw rows of `day`, `role`, `share` and `files` at the end of an element. */
export function showShares(root, rows) {
  if (rows.length === 0) {
    root.append(h("p", { className: "nothing" }, "Nothing is labelled yet."));
    return;
  }
  const days = [...new Set(rows.map((row) => row.day))];
  root.append(days.length === 1 ? bars(rows) : lines(rows, days));
}

function bars(rows) {
  return h("div", {}, h("p", { className: "hint" }, `${plural(rows[0].files, "file")}, all labelled on ${rows[0].day}`),
    h("ul", { className: "bars" }, ROLES.map((role) => {
      const share = rows.find((row) => row.role === role)?.share ?? 0;
      const bar = h("span", { className: `bar ${role}`, "aria-hidden": "true" }, h("i", {}));
      bar.firstChild.style.width = `${100 * share}%`;
      return h("li", {}, h("span", { className: "bar-name" }, role), bar, h("span", { className: "number" }, percent(share)));
    })));
}

function lines(rows, days) {
  const x = (place) => EDGE.left + (place / (days.length - 1)) * (WIDTH - EDGE.left - EDGE.right);
  const y = (share) => EDGE.top + (1 - share) * (HEIGHT - EDGE.top - EDGE.bottom);
  const said = ROLES.map((role) => `${role} ${percent(rows.findLast((row) => row.role === role)?.share)}`).join(", ");
  const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "lines", role: "img", "aria-label": `Last day: ${said}` });
  for (const share of [0, 0.5, 1]) {
    chart.append(svg("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(share), y2: y(share), class: "rule" }),
      svg("text", { x: EDGE.left - 6, y: y(share) + 4, "text-anchor": "end" }, percent(share)));
  }
  const ends = ROLES.map((role) => {
    const points = days.map((day, place) => [place, rows.find((row) => row.day === day && row.role === role)?.share]);
    const known = points.filter(([, share]) => share !== undefined);
    chart.append(svg("polyline", { points: known.map(([place, share]) => `${x(place)},${y(share)}`).join(" "), class: role }));
    return { role, at: y(known.at(-1)?.[1] ?? 0) };
  }).sort((one, other) => one.at - other.at);
  let above = -Infinity;
  for (const { role, at } of ends) {
    above = Math.max(at, above + LINE_GAP);
    chart.append(svg("text", { x: WIDTH - EDGE.right + 8, y: above + 4, class: role }, role));
  }
  chart.append(svg("text", { x: EDGE.left, y: HEIGHT - 6 }, days[0]),
    svg("text", { x: WIDTH - EDGE.right, y: HEIGHT - 6, "text-anchor": "end" }, days.at(-1)));
  return chart;
}
