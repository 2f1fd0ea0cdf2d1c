"""What saying "always on" is worth on annotated maps; prints it for both readings of their rows.

Set ROLECALL_ANNOTATIONS to a folder of `<name>_role_activations.npy`. On the ten that Drysdale published, with the
roles in the order that fits the music, it is right in .754 of the cells, macro F1 .856: what a map must beat.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from storage.vocabulary import ROLES
from tasks.evaluation.annotated_maps import READINGS, read_annotation, truth_of
from tasks.evaluation.metrics import summarise

pytestmark = pytest.mark.benchmark


def test_always_on() -> None:
    folder = os.environ.get("ROLECALL_ANNOTATIONS")
    if folder is None:
        pytest.skip("set ROLECALL_ANNOTATIONS to a folder of annotations")
    annotations = [read_annotation(path) for path in sorted(Path(folder).glob("*.npy"))]
    print()
    for reading, rows in READINGS.items():
        truth = np.concatenate([truth_of(one, rows) for one in annotations])
        scores = summarise(truth, np.ones_like(truth), dict.fromkeys(ROLES, 0.5))
        print(
            f"rows {reading}: {len(annotations)} tracks, {scores['segments']} segments, always-on accuracy "
            f"{scores['macro_accuracy']:.3f}, macro F1 {scores['macro_f1']:.3f}"
        )
