"""Credits: which loops went into something, by whom, under which licence."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from storage.files import write_text_atomically
from storage.licences import LicenceClass, parse_licence
from storage.loops import Loop


def licence_counts(loops: Iterable[Loop]) -> list[dict[str, Any]]:
    """Number of loops by source and licence, as model cards and locks keep it."""
    counts = Counter((_source(loop), loop.licence) for loop in loops)
    return [
        {"source": source, "licence": licence, "loops": number} for (source, licence), number in sorted(counts.items())
    ]


def attribution(title: str, loops: Sequence[Loop]) -> str:
    """A Markdown page that credits every loop, grouped by source."""
    lines = [f"# Sources of {title}", "", "Loops were cut, stretched, transposed, levelled and summed.", ""]
    unspecified = sum(loop.licence_class is LicenceClass.UNSPECIFIED for loop in loops)
    if unspecified:
        lines += [f"{unspecified} loops have no licence: what is made from them may be used here, not published.", ""]
    for source in sorted({_source(loop) for loop in loops}):
        lines += [
            f"## {source}",
            "",
            "| loop | author | licence | class | address |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {loop.loop_id} | {_cell(loop.author or 'unknown')} | {_cell(loop.licence)} | {loop.licence_class} | "
            f"{_cell(loop.url or '')} |"
            for loop in sorted(loops, key=lambda loop: loop.loop_id)
            if _source(loop) == source
        ]
        lines.append("")
    return "\n".join(lines)


def credits_json(loops: Sequence[Loop]) -> list[dict[str, str | None]]:
    """The credits in Freesound's own form: sound, author and licence, each with its address where there is one."""
    return [_credit(loop) for loop in sorted(loops, key=lambda loop: loop.loop_id)]


def write_credits(title: str, loops: Sequence[Loop], folder: Path) -> list[Path]:
    """Write `ATTRIBUTION.md` and `attribution.json` for some loops into a folder; returns both paths."""
    page, document = folder / "ATTRIBUTION.md", folder / "attribution.json"
    write_text_atomically(page, attribution(title, loops))
    write_text_atomically(document, json.dumps(credits_json(loops), ensure_ascii=False, indent=1) + "\n")
    return [page, document]


def _credit(loop: Loop) -> dict[str, str | None]:
    extra, licence = json.loads(loop.extra), parse_licence(loop.licence)
    return {
        "sound_url": loop.url,
        "sound_name": str(extra.get("name") or loop.loop_id),
        "author_url": extra.get("author_url"),
        "author_name": loop.author,
        "license_url": loop.licence if loop.licence.startswith("http") else licence.url if licence else None,
        "license_name": licence.name if licence else loop.licence,
    }


def _source(loop: Loop) -> str:
    return f"{loop.source}: {loop.group}"


def _cell(text: str) -> str:
    """A text inside a Markdown table: on one line, and no column more."""
    return " ".join(text.split()).replace("|", "\\|")
