from pathlib import Path

import numpy as np
import pytest
import soundfile

from storage.vocabulary import Reason
from tasks.audio.errors import AudioError
from tasks.browsing.playable import convert_to_flac
from tasks.browsing.spectrogram import draw_spectrogram
from tasks.browsing.waveform import peaks
from tests.support.dummies import RATE, tone, write


def test_more_than_two_channels_become_one(tmp_path: Path) -> None:
    left, right = tone(), np.zeros_like(tone())
    source = write(tmp_path / "quad.wav", np.stack([left, left, right, right], axis=1))
    convert_to_flac(source, tmp_path / "mono.flac")
    samples, rate = soundfile.read(tmp_path / "mono.flac", always_2d=True)
    assert (samples.shape, rate) == ((len(left), 1), RATE)
    assert np.abs(samples[:, 0]).max() > 0.1


def test_what_no_decoder_takes_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF no such thing")
    for make in (convert_to_flac, lambda path, target: draw_spectrogram(path, 1.0, target)):
        with pytest.raises(AudioError) as refused:
            make(tmp_path / "a.wav", tmp_path / "made")
        assert refused.value.reason in {Reason.UNREADABLE, Reason.TRUNCATED}


def test_an_outline_rises_where_the_sound_begins_and_is_silent_behind_its_end(tmp_path: Path) -> None:
    silence = np.zeros(RATE, np.float32)
    path = write(tmp_path / "a.wav", np.concatenate([silence, tone()]))
    outline = peaks(path, 0.5, 2.0, 20)
    assert max(outline[:4]) < 0.05
    assert min(outline[6:14]) == pytest.approx(0.5, abs=0.05)
    assert max(outline[16:]) < 0.05
