"""How well keys are estimated, on loops whose key somebody wrote down; half of the groups chose the settings.

Only the other half is evidence: a group is `chosen on` if the SHA-256 of its name is even.
"""

import csv
import hashlib
import re
import time
from collections import defaultdict
from pathlib import Path

import mir_eval.key
import pytest

from tasks.audio.decoding import decode
from tasks.features.chroma import KeyEstimate, estimate_key
from tasks.metadata.key_names import parse_key, semitones_between

pytestmark = pytest.mark.benchmark

RATE = 16_000
LEAST_CONFIDENCES = (0.0, 0.25, 0.5, 0.75)


def test_key_estimates(corpus: Path) -> None:
    by_group: dict[str, list[tuple[str, str, KeyEstimate | None]]] = defaultdict(list)
    seconds, loops = 0.0, 0
    with (corpus / "loops" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["roles"] in ("bass", "melody", "chords", "vocal")]
    for row in rows:
        key, mode = parse_key(row["key"])
        if key is None or mode is None:
            continue
        samples = decode(corpus / "loops" / row["path"], RATE).samples
        began = time.process_time()
        estimate = estimate_key(samples, RATE)
        seconds, loops = seconds + time.process_time() - began, loops + 1
        kind = "synthesised" if row["group"].startswith("synth") else "played"
        by_group[f"{kind}, {'chosen on' if chosen_on(row['group']) else 'held out'}"].append((key, mode, estimate))
        by_group[f"{row['roles']}, held out"].extend([] if chosen_on(row["group"]) else [(key, mode, estimate)])
    print(f"\n{1000 * seconds / loops:.1f} ms of CPU a loop")
    print(f"{'':26}loops  weighted score  right or relative, and share kept, from a confidence of")
    for name, estimates in sorted(by_group.items()):
        score = sum(weighted_score(*one) for one in estimates) / max(1, len(estimates))
        kept = "  ".join(f"{least}: {precision(estimates, least)}" for least in LEAST_CONFIDENCES)
        print(f"{name:26}{len(estimates):5}  {score:14.2f}  {kept}")


def chosen_on(group: str) -> bool:
    unit = re.match(r"mod_[^-]+|lmms_capdan|evr|.*", group)
    assert unit is not None
    return int(hashlib.sha256(unit.group().encode()).hexdigest(), 16) % 2 == 0


def weighted_score(key: str, mode: str, estimate: KeyEstimate | None) -> float:
    if estimate is None:
        return 0.0
    return float(mir_eval.key.weighted_score(f"{key} {mode}", f"{estimate.key} {estimate.mode}"))


def precision(estimates: list[tuple[str, str, KeyEstimate | None]], least: float) -> str:
    kept = [(key, mode, one) for key, mode, one in estimates if one is not None and one.confidence >= least]
    right = sum(semitones_between(one.key, one.mode, key, mode) == 0 for key, mode, one in kept)
    return f"{right / max(1, len(kept)):.2f} ({len(kept) / max(1, len(estimates)):.2f})"
