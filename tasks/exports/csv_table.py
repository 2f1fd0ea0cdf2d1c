"""CSV: a row a track, with the probability of each role; read by every spreadsheet."""

import csv
from collections.abc import Iterable
from pathlib import Path

from storage.published.track_labels import TrackFacts, TrackLabels
from storage.vocabulary import ROLES


def write_csv(tracks: Iterable[TrackLabels], target: Path) -> None:
    """Columns: the facts of a track as in the view `tracks`, the roles on, the roles unsure, a probability a role."""
    with target.open("w", newline="", encoding="utf-8") as file:
        plain = csv.writer(file, lineterminator="\n")
        # The module quotes a line feed by itself, and a carriage return only where lines end with one.
        quoting = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        plain.writerow([*TrackFacts._fields, "roles", "unsure", *ROLES])
        for track in tracks:
            facts = track.facts._asdict() | {"labelled_at": track.facts.labelled_at.isoformat()}
            said = {label.role: label.probability for label in track.roles}
            words = (";".join(track.active_roles), ";".join(track.unsure_roles))
            row = [*facts.values(), *words, *(said.get(role) for role in ROLES)]
            (quoting if "\r" in track.facts.path else plain).writerow(row)
