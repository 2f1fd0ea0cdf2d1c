"""Credits: which loops went into something, by whom, under which licence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

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
    for source in sorted({_source(loop) for loop in loops}):
        lines += [f"## {source}", "", "| loop | author | licence | address |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {loop.loop_id} | {loop.author or 'unknown'} | {loop.licence} | {loop.url or ''} |"
            for loop in sorted(loops, key=lambda loop: loop.loop_id)
            if _source(loop) == source
        ]
        lines.append("")
    return "\n".join(lines)


def _source(loop: Loop) -> str:
    return f"{loop.source}: {loop.group}"
