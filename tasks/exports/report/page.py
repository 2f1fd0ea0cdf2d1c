"""The page of the report: what was found in the catalogue, as HTML without script."""

from collections.abc import Iterator, Sequence, Set
from html import escape
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any, Final

import duckdb

from storage.published.track_labels import TrackLabels, TrackSelection
from storage.vocabulary import ROLES
from tasks.exports.report.charts import key_histogram, map_picture, share_bar, tempo_histogram
from tasks.exports.report.questions import Rows, answers

_MOST_MAPS: Final = 24


def write_report(connection: duckdb.DuckDBPyConnection, selection: TrackSelection, title: str, target: Path) -> None:
    """Write the report on chosen tracks of an open catalogue as one HTML file that needs no other."""
    connection.register("chosen", selection.table())
    said = answers(connection)
    maps = list(islice((track for track in selection.labels_and_maps() if track.sections), _MOST_MAPS))
    target.write_text("\n".join(_page(said, maps, title)), encoding="utf-8")


def _page(said: dict[str, Rows], maps: Sequence[TrackLabels], title: str) -> Iterator[str]:
    style = (resources.files("tasks.exports.report") / "style.css").read_text(encoding="utf-8")
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8"><title>rolecall: what the catalogue holds</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield f"<style>{style}</style></head><body><main>"
    yield f"<header><h1>What the catalogue holds</h1><p>{escape(title)}</p></header>"
    yield f'<section class="totals">{"".join(_totals(said))}</section>'
    yield _section("Roles", _roles(said["roles"]))
    yield f'<div class="two">{_section("Tempo", _tempi(said["tempi"]))}{_section("Key", _keys(said["keys"]))}</div>'
    yield _section(f"Maps ({len(maps)})", "".join(map(_figure, maps)) or _nothing("no track has a map"))
    yield _section("Unsure labels", _unsure(said["unsure"]))
    yield _section("Files that could not be used", _errors(said["errors"]))
    yield _section("Runs", _runs(said["runs"]))
    yield _section("The model", "".join(_model(said["model"], said["sources"])))
    yield "</main></body></html>"


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{content}</section>"


def _nothing(sentence: str) -> str:
    return f'<p class="note">{escape(sentence)}</p>'


def _totals(said: dict[str, Rows]) -> Iterator[str]:
    kinds = said["kinds"]
    yield _total(sum(row["files"] for row in kinds), "files")
    for row in kinds:
        yield _total(row["files"], {"oneshot": "one-shots"}.get(row["kind"], f"{row['kind']}s"))
    yield _total(f"{sum(row['hours'] for row in kinds):.1f}", "hours of audio")
    yield _total(sum(row["without_tempo"] for row in kinds), "without a steady tempo")
    yield _total(sum(row["files"] for row in said["errors"]), "in quarantine")


def _total(figure: int | str, of: str) -> str:
    text = f"{figure:,}" if isinstance(figure, int) else figure
    return f"<div><strong>{text}</strong>{escape(of)}</div>"


def _roles(rows: Rows) -> str:
    found = {row["role"]: row for row in rows}
    lines = []
    for role in ROLES:
        row = found.get(role)
        if row is not None:
            share = row["active"] / row["files"]
            bar = share_bar(share, row["unsurely_active"] / row["files"])
            lines.append([escape(role), f"{row['active']:,}", f"{share:.0%}", bar, f"{row['unsure']:,}"])
    if not lines:
        return _nothing("no file has labels")
    hint = _nothing("The second colour of a bar is the part in which the role is on and the model is unsure.")
    return _table(["role", "files", "share", "", "unsure"], lines, numbers={1, 2, 4}) + hint


def _tempi(rows: Rows) -> str:
    return tempo_histogram({row["bpm"]: row["files"] for row in rows}) if rows else _nothing("no tempo is known")


def _keys(rows: Rows) -> str:
    known = {(row["key"], row["mode"]): row["files"] for row in rows if row["mode"] != "unknown"}
    return key_histogram(known) if known else _nothing("no key is known")


def _figure(track: TrackLabels) -> str:
    facts = track.facts
    name, bpm = escape(Path(facts.path).name), f"{facts.bpm:.2f} BPM" if facts.bpm else "no steady tempo"
    key = f", {facts.key} {facts.mode or ''}" if facts.key else ""
    caption = escape(f"{bpm}{key}; {', '.join(track.active_roles)}")
    return f"<figure><h3>{name}</h3>{map_picture(track)}<figcaption>{caption}</figcaption></figure>"


def _unsure(rows: Rows) -> str:
    lines = [[escape(row["path"]), escape(row["role"]), f"{row['probability']:.2f}"] for row in rows]
    hint = _nothing("rolecall correct PATH --role bass=no says what is true, and wins over every model")
    return _table(["file", "role", "probability"], lines, numbers={2}) + hint if lines else _nothing("none")


def _errors(rows: Rows) -> str:
    lines = [
        [escape(row["reason"]), f"{row['files']:,}", escape(row["example"]), escape(row["message"])] for row in rows
    ]
    return (
        _table(["reason", "files", "one of them", "what is wrong"], lines, numbers={1}) if lines else _nothing("none")
    )


def _runs(rows: Rows) -> str:
    lines = [
        [f"{row['started_at']:%Y-%m-%d %H:%M}", escape(row["flow"]), escape(row["state"])]
        + [f"{row[name]:,}" for name in ("found", "labelled", "quarantined")]
        for row in rows
    ]
    return _table(["began", "flow", "state", "found", "labelled", "quarantined"], lines, numbers={3, 4, 5})


def _model(rows: Rows, sources: Rows) -> Iterator[str]:
    if not rows:
        yield _nothing("no model has labelled here")
        return
    (model,) = rows
    facts = {**model, "created_at": f"{model['created_at']:%Y-%m-%d}", "parameters": f"{model['parameters']:,}"}
    yield _table(["", ""], [[escape(name.replace("_", " ")), escape(_text(value))] for name, value in facts.items()])
    yield "<h2 style='margin-top:20px'>It learned from</h2>"
    lines = [[escape(row["source"]), escape(row["licence"]), f"{row['loops']:,}"] for row in sources]
    yield _table(["source", "licence", "loops"], lines, numbers={2})


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]], numbers: Set[int] = frozenset()) -> str:
    def row(tag: str, cells: Sequence[str]) -> str:
        marks = (' class="number"' if place in numbers else "" for place in range(len(cells)))
        return f"<tr>{''.join(f'<{tag}{mark}>{cell}</{tag}>' for mark, cell in zip(marks, cells, strict=True))}</tr>"

    head = row("th", heads) if any(heads) else ""
    return f"<table>{head}{''.join(row('td', line) for line in lines)}</table>"
