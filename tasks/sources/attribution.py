"""Credits of loops and mixes: author, licence, and the changes made to each loop."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from storage.datasets.attribution import Credit, MixCredits, write_mix_credits
from storage.datasets.plan import Mix, Voice
from storage.files import write_text_atomically
from storage.loops.licences import LicenceClass, parse_licence, strictest
from storage.loops.table import Loop

_EFFECTS: Final = {
    "offset": "the mix turned by {beats:g} beats",
    "polarity": "the mix turned over in polarity",
    "reverb": "reverb of {seconds:g} s added to the mix at {level_db:+g} dB",
    "low_pass": "the mix low-passed at {hz:g} Hz",
    "high_pass": "the mix high-passed at {hz:g} Hz",
    "noise": "noise added to the mix at {level_db:+g} dB",
    "codec": "the mix coded as Vorbis of quality {quality:g}",
}
"""The sentence for an effect on a mix, by its kind."""


def licence_counts(loops: Iterable[Loop]) -> list[dict[str, Any]]:
    """Number of loops by source and licence, as model cards and locks keep it."""
    counts = Counter((_source(loop), loop.licence) for loop in loops)
    return [
        {"source": source, "licence": licence, "loops": number} for (source, licence), number in sorted(counts.items())
    ]


def write_credits(title: str, loops: Sequence[Loop], folder: Path) -> list[Path]:
    """Write `ATTRIBUTION.md` and `attribution.json` for some loops as they came; returns both paths."""
    return _write(title, loops, {}, folder)


def write_dataset_credits(title: str, plan: Sequence[Mix], loops: Mapping[str, Loop], folder: Path) -> list[Path]:
    """Write the credits of all that a plan mixes; returns the paths.

    `ATTRIBUTION.md` and `attribution.json` name every loop once, with what was done to it over all mixes;
    `attribution.parquet` names for every mix all of its sources, with what was done to each in that mix.
    """
    used = [loops[loop_id] for loop_id in sorted({voice.loop_id for mix in plan for voice in mix.voices})]
    table = folder / "attribution.parquet"
    write_mix_credits(table, (mix_credits(mix, loops) for mix in plan))
    return [*_write(title, used, changes_over(plan), folder), table]


def pass_on_credits(dataset: Path, model: Path) -> None:
    """Copy the credits of a data set into the folder of a model trained on it."""
    for name in ("ATTRIBUTION.md", "attribution.json"):
        write_text_atomically(model / name, (dataset / name).read_text(encoding="utf-8"))


def mix_credits(mix: Mix, loops: Mapping[str, Loop]) -> MixCredits:
    """The sources of one mix, each with what was done to it, and the class of the strictest licence among them."""
    sources = [
        replace(credit_of(loops[voice.loop_id]), modifications=changes(voice, loops[voice.loop_id], mix))
        for voice in mix.voices
    ]
    kinds = [loops[voice.loop_id].licence_class for voice in mix.voices]
    return MixCredits(mix.mix_id, strictest(kinds).value, tuple(sources))


def changes(voice: Voice, loop: Loop, mix: Mix) -> tuple[str, ...]:
    """What was done to a loop inside a mix, as licences ask to be told: one sentence a change."""
    made = []
    if loop.start_s:
        made.append(f"cut from {loop.start_s:.3f} s to {loop.start_s + loop.duration_s:.3f} s")
    if voice.speed != 1.0:
        made.append(f"played at {voice.speed:.4f} times its speed")
    if voice.semitones:
        made.append(f"transposed by {voice.semitones:+d} semitones")
    made.append(f"cut or repeated to four bars at {mix.bpm:g} beats per minute")
    if voice.offset_beats:
        made.append(f"begun {_beats(voice.offset_beats)} in")
    made.append(f"levelled, then {voice.gain_db:+.1f} dB")
    if len(mix.voices) > 1:
        made.append(f"summed with {len(mix.voices) - 1} other loop{'s' if len(mix.voices) > 2 else ''}")
    made += [_EFFECTS[effect.kind].format_map(effect.parameters) for effect in mix.effects]
    return tuple(made)


def changes_over(plan: Iterable[Mix]) -> dict[str, tuple[str, ...]]:
    """What was done to each loop over all mixes of a plan, as ranges, by loop id."""
    played: dict[str, list[tuple[Voice, Mix]]] = defaultdict(list)
    for mix in plan:
        for voice in mix.voices:
            played[voice.loop_id].append((voice, mix))
    return {loop_id: _ranges(uses) for loop_id, uses in played.items()}


def credit_of(loop: Loop) -> Credit:
    """The credit of a loop as it came."""
    extra, licence = json.loads(loop.extra), parse_licence(loop.licence)
    return Credit(
        sound_url=loop.url,
        sound_name=str(extra.get("name") or loop.loop_id),
        author_url=extra.get("author_url"),
        author_name=loop.author,
        license_url=loop.licence if loop.licence.startswith("http") else licence.url if licence else None,
        license_name=licence.name if licence else loop.licence,
    )


def credits_json(
    loops: Iterable[Loop], made: Mapping[str, tuple[str, ...]] | None = None
) -> list[dict[str, str | list[str] | None]]:
    """The credits in Freesound's own form: sound, author and licence, each with its address where there is one.

    `made` adds `modifications` to those loops that were changed, by loop id.
    """
    return [_entry(loop, (made or {}).get(loop.loop_id, ())) for loop in sorted(loops, key=lambda loop: loop.loop_id)]


def attribution(title: str, loops: Sequence[Loop], made: Mapping[str, tuple[str, ...]] | None = None) -> str:
    """A Markdown page that credits every loop, grouped by source; `made` says what was done to each, by loop id."""
    lines = [f"# Sources of {title}", ""]
    unspecified = sum(loop.licence_class is LicenceClass.UNSPECIFIED for loop in loops)
    if unspecified:
        lines += [f"{unspecified} loops have no licence: what is made from them may be used here, not published.", ""]
    if loops:
        lines += [f"The strictest class of licence among them is `{strictest(_kinds(loops))}`.", ""]
    columns = ["loop", "name", "author", "licence", "class", "address", *(["what was done"] if made else [])]
    for source in sorted({_source(loop) for loop in loops}):
        lines += [f"## {source}", "", _row(columns), _row(["---"] * len(columns))]
        lines += [
            _row([*_cells(loop), *(["; ".join(made.get(loop.loop_id, ()))] if made else [])])
            for loop in sorted(loops, key=lambda loop: loop.loop_id)
            if _source(loop) == source
        ]
        lines.append("")
    return "\n".join(lines)


def _write(title: str, loops: Sequence[Loop], made: Mapping[str, tuple[str, ...]], folder: Path) -> list[Path]:
    page, document = folder / "ATTRIBUTION.md", folder / "attribution.json"
    write_text_atomically(page, attribution(title, loops, made))
    write_text_atomically(document, json.dumps(credits_json(loops, made), ensure_ascii=False, indent=1) + "\n")
    return [page, document]


def _entry(loop: Loop, modifications: tuple[str, ...]) -> dict[str, str | list[str] | None]:
    entry = asdict(credit_of(loop))
    del entry["modifications"]
    return {**entry, "modifications": list(modifications)} if modifications else entry


def _ranges(uses: Sequence[tuple[Voice, Mix]]) -> tuple[str, ...]:
    voices = [voice for voice, _ in uses]
    speeds = [voice.speed for voice in voices]
    steps = [voice.semitones for voice in voices]
    gains = [voice.gain_db for voice in voices]
    said = [f"in {_mixes(len(voices))}", "cut or repeated to four bars"]
    if any(speed != 1.0 for speed in speeds):
        said.append(f"played at {min(speeds):.3f} to {max(speeds):.3f} times its speed")
    if any(steps):
        said.append(f"transposed by {min(steps):+d} to {max(steps):+d} semitones")
    if latest := max(voice.offset_beats for voice in voices):
        said.append(f"begun up to {_beats(latest)} in")
    said.append(f"levelled, then {min(gains):+.1f} to {max(gains):+.1f} dB")
    effects = Counter(kind for _, mix in uses for kind in {effect.kind for effect in mix.effects})
    said += [f"{kind.replace('_', ' ')} on {_mixes(count)}" for kind, count in sorted(effects.items())]
    return tuple(said)


def _beats(number: int) -> str:
    return f"{number} beat{'s' if number != 1 else ''}"


def _mixes(number: int) -> str:
    return f"{number} mix{'es' if number != 1 else ''}"


def _cells(loop: Loop) -> list[str]:
    name = credit_of(loop).sound_name
    return [loop.loop_id, name if name != loop.loop_id else "", loop.author or "unknown", loop.licence,
            loop.licence_class.value, loop.url or ""]  # fmt: skip


def _row(cells: Iterable[str]) -> str:
    """A row of a Markdown table: every cell on one line, and no column more."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _kinds(loops: Iterable[Loop]) -> list[LicenceClass]:
    return [loop.licence_class for loop in loops]


def _source(loop: Loop) -> str:
    return f"{loop.source}: {loop.group}"
