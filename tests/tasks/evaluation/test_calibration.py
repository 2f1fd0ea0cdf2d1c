import numpy as np
import pytest

from storage.vocabulary import ROLES
from tasks.evaluation.calibration import (
    calibrate,
    choose_bands,
    choose_thresholds,
    fit_calibration,
    kind_weights,
)
from tasks.evaluation.metrics import Labels
from tasks.evaluation.reliability import bootstrap_interval, calibration_error, confusion, decisions

IDS = [f"{'loop' if row % 4 else 'mix'}-{row}" for row in range(800)]


def overconfident(seed: int = 0) -> tuple[Labels, Labels]:
    """Labels (800, roles) and answers whose log-odds are three times too large; the last role is never known."""
    random = np.random.default_rng(seed)
    odds = random.normal(0, 2.5, (len(IDS), len(ROLES)))
    labels = (random.random(odds.shape) < 1 / (1 + np.exp(-odds))).astype(np.float32)
    labels[:, -1] = -1
    return labels, (1 / (1 + np.exp(-3 * odds))).astype(np.float32)


def test_calibrated_answers_mean_what_they_say_and_keep_their_order() -> None:
    labels, given = overconfident()
    calibration = fit_calibration(IDS, labels, given)
    assert calibration["vocal"] == (1.0, 0.0)
    calibrated = calibrate(given, calibration)
    assert calibration_error(labels, calibrated) < 0.03 < 0.08 < calibration_error(labels, given)
    for place in range(len(ROLES)):
        assert (np.diff(calibrated[np.argsort(given[:, place]), place]) >= 0).all()


def test_every_kind_of_material_weighs_the_same() -> None:
    weights = kind_weights(IDS)
    kinds = np.array([name.startswith("mix") for name in IDS])
    assert weights[kinds].sum() == pytest.approx(weights[~kinds].sum())


def test_outside_the_unsure_band_nine_of_ten_answers_are_right() -> None:
    labels, given = overconfident()
    calibrated = calibrate(given, fit_calibration(IDS, labels, given))
    thresholds = choose_thresholds(IDS, labels, calibrated)
    bands = choose_bands(IDS, labels, calibrated, thresholds)
    unseen, answers = overconfident(seed=1)
    decided = decisions(unseen, calibrate(answers, fit_calibration(IDS, labels, given)), thresholds, bands)
    for role in ROLES[:-1]:
        low, high = bands[role]
        assert low < thresholds[role] < high
        assert decided[role]["sure_precision"] > 0.85
        assert decided[role]["sure_off_precision"] > 0.85
        assert decided[role]["unsure_share"] < 0.7
    assert decided["vocal"]["precision"] is None


def test_a_role_whose_surest_answers_are_too_often_wrong_is_never_said_for_sure() -> None:
    given = np.tile(np.linspace(0.02, 0.98, len(IDS), dtype=np.float32)[:, None], len(ROLES))
    labels = (given > 0.5).astype(np.float32)
    labels[::5, ROLES.index("fx")] = 0
    bands = choose_bands(IDS, labels, given, dict.fromkeys(ROLES, 0.5))
    assert bands["bass"] == (0.45, 0.55)
    assert bands["fx"] == (0.45, 1.0)


def test_one_kind_of_material_does_not_make_up_for_what_is_wrong_in_another() -> None:
    ids = [f"{'loop' if row % 5 else 'cut'}-{row}" for row in range(1000)]
    given = np.tile(np.linspace(0.02, 0.98, len(ids), dtype=np.float32)[:, None], len(ROLES))
    labels = (given > 0.5).astype(np.float32)
    of_cuts = np.array([name.startswith("cut") for name in ids])
    fx = ROLES.index("fx")
    # One in eight cuts is wrong up to .9: over all kinds, which weigh the same, that is one in sixteen.
    labels[np.flatnonzero(of_cuts & (given[:, fx] < 0.9))[::8], fx] = 0
    bands = choose_bands(ids, labels, given, dict.fromkeys(ROLES, 0.5))
    assert bands["bass"] == (0.45, 0.55)
    assert bands["fx"][0] == 0.45
    assert 0.55 < bands["fx"][1] < 0.95


def test_one_author_does_not_make_up_for_the_others() -> None:
    ids = [f"loop-{row}" for row in range(1000)]
    given = np.tile(np.linspace(0.02, 0.98, len(ids), dtype=np.float32)[:, None], len(ROLES))
    labels = (given > 0.5).astype(np.float32)
    units = np.array(["prolific" if row % 4 else f"other {row % 16}" for row in range(1000)])
    wrong = (units != "prolific") & (given[:, 0] > 0.5) & (given[:, 0] < 0.8)
    labels[np.flatnonzero(wrong)[::4], ROLES.index("chords")] = 0
    alone = choose_bands(ids, labels, given, dict.fromkeys(ROLES, 0.5))
    apart = choose_bands(ids, labels, given, dict.fromkeys(ROLES, 0.5), units.tolist())
    assert alone["chords"] == alone["bass"] == apart["bass"]
    assert apart["chords"][1] > alone["chords"][1]


def test_calibration_error_is_the_gap_between_said_and_true() -> None:
    labels = np.array([[1.0], [0.0], [1.0], [1.0]], np.float32)
    assert calibration_error(labels, np.full((4, 1), 0.75, np.float32)) == pytest.approx(0)
    assert calibration_error(labels, np.full((4, 1), 0.25, np.float32)) == pytest.approx(0.5)


def test_an_interval_from_groups_is_wider_than_one_from_rows() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(random.integers(0, 2, (20, 1)), 10, axis=0).astype(np.float32)
    given = np.clip(labels * 0.2 + np.repeat(random.random((20, 1)), 10, axis=0), 0, 1).astype(np.float32)

    def accuracy(wanted: Labels, said: Labels) -> float:
        return float(((said >= 0.6) == (wanted > 0.5)).mean())

    rows = bootstrap_interval(labels, given, accuracy, [str(row) for row in range(200)])
    groups = bootstrap_interval(labels, given, accuracy, [str(row // 10) for row in range(200)])
    assert rows is not None
    assert groups is not None
    assert rows[0] <= accuracy(labels, given) <= rows[1]
    assert groups[1] - groups[0] > 1.5 * (rows[1] - rows[0])


def test_confusion_counts_only_rows_of_one_known_role() -> None:
    labels = np.array([[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, -1], [0, 1, 0, 0, 0, 0]], np.float32)
    given = np.array([[0.2, 0.9, 0, 0, 0, 0]] * 4, np.float32)
    table = confusion(labels, given)
    assert table.sum() == 2
    assert (table[0, 1], table[1, 1]) == (1, 1)
