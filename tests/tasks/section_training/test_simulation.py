import numpy as np

from storage.vocabulary import ROLES, SectionLabel
from tasks.section_training.arrangements import SILENT_DB, simulated_arrangement
from tasks.section_training.examples import simulated_examples
from tasks.section_training.forms import simulated_form

CORE = list(SectionLabel).index(SectionLabel.CORE)


def test_forms_vary_in_length_and_in_how_they_begin_and_end() -> None:
    rng = np.random.default_rng(1)
    forms = [simulated_form(rng) for _ in range(300)]
    lengths = [sum(bars for _, bars in form) for form in forms]
    assert min(lengths) < 30
    assert max(lengths) > 160
    assert {form[0][0] for form in forms} >= {SectionLabel.INTRO, SectionLabel.CORE, SectionLabel.BREAK}
    assert {form[-1][0] for form in forms} >= {SectionLabel.OUTRO, SectionLabel.CORE}
    assert len({tuple(label for label, _ in form) for form in forms}) > 40


def test_most_sections_are_whole_phrases_and_some_are_not() -> None:
    rng = np.random.default_rng(2)
    bars = np.array([bars for _ in range(300) for _, bars in simulated_form(rng)])
    assert 0.75 < np.mean(bars % 4 == 0) < 0.97


def test_cores_have_more_voices_than_what_lies_around_them() -> None:
    rng = np.random.default_rng(3)
    cores, others = [], []
    for _ in range(100):
        arrangement = simulated_arrangement(rng)
        sounding = (arrangement.gains_db > SILENT_DB / 2).mean(axis=1)
        cores += sounding[arrangement.labels == CORE].tolist()
        others += sounding[arrangement.labels != CORE].tolist()
    assert np.mean(cores) > np.mean(others) + 0.2


def test_a_simulated_map_is_what_the_program_sees_of_a_track_with_a_label_for_each_bar() -> None:
    for track, labels in simulated_examples(20, seed=4):
        assert track.activations.shape == (len(labels), len(ROLES))
        assert len(track.sounds) == len(track.levels_db) == len(track.bars) == len(labels)
        assert ((track.activations > 0) & (track.activations < 1)).all()
        assert np.isfinite(track.sounds).all()


def test_the_same_seed_gives_the_same_maps() -> None:
    one, other = (next(iter(simulated_examples(1, seed=5))) for _ in range(2))
    np.testing.assert_array_equal(one[0].activations, other[0].activations)
    np.testing.assert_array_equal(one[1], other[1])
