"""`python -m tasks.section_training CORPUS WEIGHTS`: fit the section model to compositions and write its weights.

CORPUS is a folder of compositions (`tasks/sources/compositions.py`). Those of the test side of the bundled label model
are left out. The label model is asked about each, so fit again after it has changed.
"""

import sys
from pathlib import Path

from storage.files import atomic_path
from storage.models import ModelStore
from tasks.section_training.examples import MaterialSettings, training_set
from tasks.section_training.fitting import FitSettings, fit
from tasks.section_training.material import read_tracks


def main(corpus: Path, target: Path) -> None:
    """Fit to the compositions of the training and validation sides, and write the weights to `target`."""
    stored = ModelStore(target.parent).load("default")
    sides = stored.card.groups
    tracks = list(read_tracks(corpus, stored, [*sides["train"], *sides["validation"]]))
    examples, weights = training_set(tracks, MaterialSettings())
    model = fit(examples, weights, FitSettings())
    with atomic_path(target) as temporary:
        temporary.write_bytes(model.to_bytes())
    print(f"fitted to {len(tracks)} compositions, {len(examples)} maps: {target}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
