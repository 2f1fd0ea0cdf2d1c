import numpy as np
import pytest
import torch

from tasks.training.pretrained_features import RATE, PretrainedFeatures
from tasks.training.soft_label_heads import out_of_fold_answers
from tests.support.dummies import LOOPS, clicks, tone

Rows = tuple[np.ndarray, np.ndarray, list[str], np.ndarray]


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Two hundred rows whose first two features say which of two roles sound, a quarter of them not to learn from."""
    random = np.random.default_rng(0)
    labels = (random.random((200, 2)) < 0.5).astype(np.float32)
    features = np.concatenate([labels * 2 - 1, np.zeros((200, 6))], axis=1) + random.normal(0, 0.2, (200, 8))
    names = [f"{('mix', 'loop', 'cut')[row % 3]}-{row}" for row in range(200)]
    return features.astype(np.float32), labels, names, np.arange(200) >= 50


def test_heads_answer_rows_that_they_did_not_learn_from(rows: Rows) -> None:
    features, labels, names, learns = rows
    answers = out_of_fold_answers(features, labels, names, learns, seed=1)
    right = (answers > 0.5) == (labels > 0.5)
    assert right[~learns].mean() > 0.9
    assert right[learns].mean() > 0.9


def test_a_label_of_a_row_has_no_say_in_its_own_answer(rows: Rows) -> None:
    features, labels, names, learns = rows
    answers = out_of_fold_answers(features, labels, names, learns, seed=1)
    turned = labels.copy()
    turned[120] = 1 - turned[120]
    again = out_of_fold_answers(features, turned, names, learns, seed=1)
    np.testing.assert_array_equal(answers[120], again[120])
    assert not np.array_equal(answers[learns], again[learns])


def test_unknown_labels_teach_nothing(rows: Rows) -> None:
    features, labels, names, learns = rows
    unknown = labels.copy()
    unknown[:, 1] = -1
    answers = out_of_fold_answers(features, unknown, names, learns, seed=1)
    assert ((answers[:, 0] > 0.5) == (labels[:, 0] > 0.5)).mean() > 0.9


def test_the_seed_decides_the_answers(rows: Rows) -> None:
    features, labels, names, learns = rows
    first, again, other = (out_of_fold_answers(features, labels, names, learns, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_pretrained_features_do_not_depend_on_the_level() -> None:
    samples = clicks(120, 4.0) + tone(4.0, 220)
    pretrained = PretrainedFeatures()
    features = pretrained.extract(samples)
    assert features.shape == (3 * 561,)
    np.testing.assert_allclose(pretrained.extract(samples * np.float32(0.1)), features, atol=0.02)


def test_pretrained_features_separate_drums_from_a_drone() -> None:
    from tasks.audio.decoding import decode

    torch.set_num_threads(1)
    pretrained = PretrainedFeatures()
    drums, more_drums, drone = (
        pretrained.extract(decode(LOOPS / name, RATE).samples[: 8 * RATE]).astype(np.float32)
        for name in ("loop_amen_full_140bpm.ogg", "loop_breakbeat_126bpm.ogg", "loop_drone_g_97.ogg")
    )
    assert np.linalg.norm(drums - more_drums) < np.linalg.norm(drums - drone)
