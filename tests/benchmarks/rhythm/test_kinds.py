"""Loops and one-shots told apart by their sound alone, and how sure the tempo by a loop's length is.

Over `loops/manifest.csv` and `oneshots/manifest.csv`. The limits of `tasks.rhythm.one_shots` and
`tasks.rhythm.loop_tempo` were chosen on the groups whose name has an even SHA-256; only the other half is evidence.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.audio.decoding import AudioError, decode
from tasks.rhythm.loop_tempo import is_sure, loop_tempo
from tasks.rhythm.one_shots import sounds_like_one_shot
from tasks.rhythm.onsets import GridPower, grid_power

pytestmark = pytest.mark.benchmark

RATE = 16_000
OCTAVES = (0.25, 0.5, 1.0, 2.0, 4.0)


def heard(folder: Path) -> Iterator[tuple[dict[str, str], GridPower]]:
    """The files of a manifest that can be used."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                samples = decode(folder / row["path"], RATE).samples
            except AudioError:
                continue
            yield row, grid_power(samples, RATE)


def half_of(group: str) -> str:
    return "chosen on" if int(hashlib.sha256(group.encode()).hexdigest(), 16) % 2 == 0 else "held out"


def test_kinds_and_tempi_of_loops(corpus: Path) -> None:
    called, loops = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    stated, right, sure, sure_right = (Counter[tuple[str, str]]() for _ in range(4))
    for row, sound in heard(corpus / "loops"):
        of_role = half_of(row["group"] or row["path"]), row["roles"] or "unknown"
        loops[of_role] += 1
        called[of_role] += sounds_like_one_shot(sound)
        if row["bpm"]:
            of_source = of_role[0], row["path"].split("/")[0]
            tempo = loop_tempo(sound)
            fits = any(abs(tempo.bpm * octave / float(row["bpm"]) - 1) < 0.01 for octave in OCTAVES)
            stated[of_source] += 1
            right[of_source] += fits
            sure[of_source] += is_sure(tempo)
            sure_right[of_source] += is_sure(tempo) and fits
    print(f"\n{'half':10} {'role':22} loops  called one-shots")
    for half, role in sorted(loops):
        print(f"{half:10} {role:22} {loops[half, role]:5}  {called[half, role]:5}")
    print(f"{'half':10} {'source':22} loops  tempo right  sure  sure and right")
    for key in sorted(stated):
        print(f"{key[0]:10} {key[1]:22} {stated[key]:5}  {right[key]:11}  {sure[key]:4}  {sure_right[key]:14}")
    print(
        f"sums: {stated.total()} loops, {right.total()} right, {sure.total()} sure, {sure_right.total()} of these right"
    )


def test_one_shots(corpus: Path) -> None:
    called, sure, files = Counter[str](), Counter[str](), Counter[str]()
    for row, sound in heard(corpus / "oneshots"):
        role = row["roles"] or "unknown"
        one_shot = sounds_like_one_shot(sound)
        files[role] += 1
        called[role] += one_shot
        sure[role] += not one_shot and is_sure(loop_tempo(sound))
    print(f"\n{'role':12} files  called one-shots  loops with a sure tempo")
    for role in sorted(files):
        print(f"{role:12} {files[role]:5}  {called[role]:16}  {sure[role]:23}")
    print(f"sums: {files.total()} files, {called.total()} called one-shots, {sure.total()} with a sure tempo")
