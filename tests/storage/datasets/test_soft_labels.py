from pathlib import Path

import numpy as np
import pytest

from storage.datasets.soft_labels import SoftLabels, read_soft_labels, write_soft_labels
from storage.errors import UserError
from storage.vocabulary import ROLES

ANSWERS = np.linspace(0, 1, 3 * len(ROLES), dtype=np.float32).reshape(3, -1)
SOFT = SoftLabels(["mix-1", "mix-2", "loop-3"], ANSWERS, "digest", "musicnn", {"test": {"mix": {"macro_pr_auc": 0.5}}})


def test_soft_labels_come_back_as_they_were_in_any_order_that_is_asked_for(tmp_path: Path) -> None:
    write_soft_labels(tmp_path, SOFT)
    read = read_soft_labels(tmp_path, "digest")
    assert read is not None
    np.testing.assert_array_equal(read.of(["loop-3", "mix-1"]), ANSWERS[[2, 0]])
    assert (read.teacher, read.scores) == (SOFT.teacher, SOFT.scores)


def test_a_data_set_that_nobody_taught_has_none(tmp_path: Path) -> None:
    assert read_soft_labels(tmp_path, "digest") is None


def test_soft_labels_of_other_rows_are_refused_with_what_to_do(tmp_path: Path) -> None:
    write_soft_labels(tmp_path, SOFT)
    with pytest.raises(UserError, match=f"rolecall dataset teach {tmp_path.name} again"):
        read_soft_labels(tmp_path, "another digest")
