from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from storage.vocabulary import ROLES, Reason
from tasks.audio.decoding import AudioError, decode, decode_cut
from tasks.sources.composition_cuts import cuts_of
from tasks.sources.compositions import Composition

RATE = 16_000


@pytest.fixture
def composition(tmp_path: Path) -> Composition:
    """Twenty seconds at 120 BPM: two whole segments of four bars and half of a third."""
    sound = 0.3 * np.random.default_rng(1).standard_normal(20 * RATE)
    soundfile.write(tmp_path / "mix.wav", sound, RATE)
    truth = np.array([[1, 1, -1, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]], np.float32)
    return Composition("piece", tmp_path / "mix.wav", 120.0, truth, "A Piece", "Somebody", "CC-BY-4.0")


def test_only_whole_segments_in_which_something_is_known_to_sound_are_cut(composition: Composition) -> None:
    (cut,) = cuts_of(composition)
    assert (cut.start_s, cut.duration_s, cut.bars) == (0.0, 8.0, 4.0)
    assert (cut.roles, cut.unknown_roles) == (("bass", "percussion"), ("fx",))
    assert (cut.group, cut.licence, cut.author) == ("piece", "CC-BY-4.0", "Somebody")


def test_cuts_of_one_file_are_loops_of_their_own(composition: Composition) -> None:
    everything_on = Composition("piece", composition.audio, 120.0, np.ones((2, len(ROLES)), np.float32))
    first, second = cuts_of(everything_on)
    assert first.loop_id != second.loop_id
    assert first.sha256 == second.sha256
    assert second.start_s == 8.0


@pytest.mark.parametrize("lines", [0, 7])
def test_a_truth_of_another_length_is_malformed_and_says_what_was_expected(
    composition: Composition, lines: int
) -> None:
    wrong = replace(composition, truth=np.ones((lines, len(ROLES)), np.float32))
    with pytest.raises(AudioError, match=rf"has {lines} lines; 20\.0 s at 120 BPM are 2\.5 segments") as caught:
        list(cuts_of(wrong))
    assert caught.value.reason is Reason.MALFORMED


def test_audio_that_cannot_be_used_says_why(composition: Composition) -> None:
    composition.audio.write_bytes(b"RIFF")
    with pytest.raises(AudioError) as caught:
        list(cuts_of(composition))
    assert caught.value.reason is Reason.UNREADABLE


def test_a_cut_holds_the_samples_between_its_ends(composition: Composition) -> None:
    whole = decode(composition.audio, RATE).samples
    np.testing.assert_allclose(decode_cut(composition.audio, RATE, 8.0, 8.0), whole[8 * RATE : 16 * RATE], atol=1e-4)
