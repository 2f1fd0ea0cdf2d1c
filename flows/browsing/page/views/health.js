// Health: what is in the catalogue, its runs, errors by reason, models, and the share of each role over time.

import { get } from "/page/shared/api.js";
import { showShares } from "/page/views/charts.js";
import { fill, h } from "/page/shared/elements.js";
import { count, day, moment, percent, plural } from "/page/shared/words.js";

const ENDINGS = ["labelled", "unchanged", "duplicate", "quarantined", "known_bad"];

export async function healthView(root) {
  const shares = h("section", { className: "card wide-card", "aria-busy": "true" }, h("h2", {}, "Share of roles, by the day of labelling"));
  const state = await get("/api/health");
  fill(root, h("h1", { className: "quiet" }, "Health"), h("div", { className: "cards" },
    filesCard(state.files), modelsCard(state.models), shares, runsCard(state.runs), errorsCard(state.errors)));
  get("/api/role-shares").then((rows) => {
    shares.removeAttribute("aria-busy");
    showShares(shares, rows);
  }).catch((error) => shares.append(h("p", { className: "trouble" }, error.message)));
}

function filesCard(files) {
  const total = files.reduce((sum, row) => sum + row.files, 0);
  const kinds = Map.groupBy ? Map.groupBy(files, (row) => row.kind ?? "unknown") : new Map([["all", files]]);
  return h("section", { className: "card" }, h("h2", {}, "Files"), h("p", { className: "figure" }, count(total)),
    h("ul", { className: "bars" }, [...kinds].map(([kind, rows]) => {
      const number = rows.reduce((sum, row) => sum + row.files, 0);
      const rest = rows.filter((row) => row.status !== "labelled").map((row) => `${count(row.files)} ${row.status.replace("_", " ")}`);
      return barLine(kind, number, total, rest.join(", "));
    })));
}

function modelsCard(models) {
  return h("section", { className: "card" }, h("h2", {}, "Models"),
    models.length === 0 ? h("p", { className: "nothing" }, "No model has labelled anything yet.") : h("ul", { className: "models" }, models.map((model) => h("li", {},
      h("strong", {}, model.name), model.active ? h("span", { className: "label on active" }, "active") : null,
      h("small", {}, `${model.model_id} · ${model.network} · ${count(model.parameters)} parameters · PR-AUC ${model.macro_pr_auc?.toFixed(3) ?? "–"} · ROC-AUC ${model.macro_roc_auc?.toFixed(3) ?? "–"} · ${day(model.created_at)}`)))));
}

function runsCard(runs) {
  if (runs.length === 0) return h("section", { className: "card wide-card" }, h("h2", {}, "Runs"), h("p", { className: "nothing" }, "There was no run yet."));
  return h("section", { className: "card wide-card" }, h("h2", {}, "Runs"), h("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Runs" }, h("table", {},
    h("thead", {}, h("tr", {}, ["began", "took", "flow", "state", "found", ...ENDINGS].map((name) => h("th", { scope: "col", className: ["found", ...ENDINGS].includes(name) ? "number" : "" }, name.replace("_", " "))))),
    h("tbody", {}, runs.map((run) => h("tr", {},
      h("td", { className: "when" }, moment(run.started_at)), h("td", {}, took(run)), h("td", {}, run.flow), h("td", { className: `state ${run.state}` }, run.state),
      ["found", ...ENDINGS].map((name) => h("td", { className: "number" }, run[name] ? count(run[name]) : "·"))))))));
}

function errorsCard(errors) {
  const most = Math.max(0, ...errors.map((row) => row.files));
  const total = errors.reduce((sum, row) => sum + row.files, 0);
  return h("section", { className: "card wide-card" }, h("h2", {}, "Errors by reason"),
    errors.length === 0 ? h("p", { className: "nothing" }, "No file is in quarantine.") : [
      h("p", {}, `${plural(total, "file")} in quarantine`),
      h("ul", { className: "bars" }, errors.map((row) => barLine(row.reason.replace("_", " "), row.files, most,
        `${row.example}: ${row.message}${row.retryable ? " (rolecall retry)" : ""}`)))]);
}

function barLine(name, number, most, more) {
  const bar = h("span", { className: "bar", "aria-hidden": "true" }, h("i", {}));
  bar.firstChild.style.width = `${most ? (100 * number) / most : 0}%`;
  return h("li", {}, h("span", { className: "bar-name" }, name), bar, h("span", { className: "number" }, count(number)), more ? h("small", {}, more) : null);
}

function took(run) {
  if (!run.ended_at) return "–";
  const seconds = (Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000;
  return seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
