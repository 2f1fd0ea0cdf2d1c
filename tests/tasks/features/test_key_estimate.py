import numpy as np
import pytest

from tasks.audio.decoding import decode
from tasks.features.key_estimate import ChromaCollector, estimate_key, key_of
from tasks.metadata.key_names import TONICS, note_set
from tests.support.dummies import LOOPS, RATE, Signal, noise
from tests.tasks.features.test_chroma import MAJOR_SCALE, MINOR_SCALE, notes, sine


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_of_a_scale_the_notes_are_heard_in_all_twelve_keys(mode: str) -> None:
    scale = MAJOR_SCALE if mode == "major" else MINOR_SCALE
    found = [estimate_key(notes(scale, tonic), RATE) for tonic in range(12)]
    assert [note_set(one.key, one.mode) for one in found if one] == [note_set(tonic, mode) for tonic in TONICS]


@pytest.mark.parametrize(("third", "mode"), [(4, "major"), (3, "minor")])
def test_chords_around_a_tonic_have_its_key_for_sure(third: int, mode: str) -> None:
    chords = [(0, third, 7), (5, 5 + third, 12), (7, 11, 14), (0, third, 7)]
    sound = np.concatenate([sum(sine(62 + step, 2.0) for step in (chord[0] - 24, *chord)) for chord in chords])
    found = estimate_key(np.asarray(sound, np.float32), RATE)
    assert found is not None
    assert (found.key, found.mode) == ("D", mode)
    assert found.confidence >= 0.5


@pytest.mark.parametrize("cents", [-40.0, 25.0, 40.0])
def test_a_file_out_of_tune_has_the_key_it_is_nearest_to(cents: float) -> None:
    found = estimate_key(notes(MINOR_SCALE, 9, cents), RATE)
    assert found is not None
    assert (found.key, found.mode) == ("A", "minor")


def test_silence_has_no_key_and_noise_none_to_rely_on() -> None:
    assert estimate_key(np.zeros(RATE, np.float32), RATE) is None
    found = estimate_key(noise(8.0), RATE)
    assert found is None or found.confidence < 0.5


def test_a_real_drone_has_the_tonic_that_its_name_says() -> None:
    found = estimate_key(decode(LOOPS / "loop_drone_g_97.ogg", RATE).samples, RATE)
    assert found is not None
    assert found.key == "G"


@pytest.mark.parametrize("length", [1000, 4096, RATE, 60 * RATE])
def test_blocks_of_any_length_pass_unchanged_and_give_the_same_key(length: int) -> None:
    samples = np.resize(notes(MAJOR_SCALE, 2), 60 * RATE)
    collector = ChromaCollector(RATE)
    passed = list(collector.collecting(samples[start : start + length] for start in range(0, len(samples), length)))
    np.testing.assert_array_equal(np.concatenate(passed), samples)
    whole = ChromaCollector(RATE)
    assert list(whole.collecting([samples]))
    np.testing.assert_array_equal(collector.chroma(), whole.chroma())
    estimate = key_of(collector.chroma())
    assert estimate is not None
    assert note_set(estimate.key, estimate.mode) == note_set("D", "major")


def test_an_hour_is_never_held_whole() -> None:
    collector, most = ChromaCollector(RATE), 0
    block: Signal = noise(1.0)
    for _ in collector.collecting(block for _ in range(600)):
        most = max(most, sum(len(piece) for piece in collector._passage))
    assert most <= 8 * RATE
