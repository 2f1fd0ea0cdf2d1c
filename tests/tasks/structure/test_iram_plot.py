from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from storage.catalogue.label_parts import LabelOutcome, Segment
from storage.vocabulary import Kind, Status
from tasks.audio.decoding import AudioError
from tasks.structure.iram_plot import draw_iram
from tasks.structure.log_spectrogram import log_spectrogram
from tests.support.dummies import LOOPS, TRACKS, labelled, tone

LOOP = replace(labelled("key", "model"), path=str(LOOPS / "loop_tabla.ogg"), duration_s=10.674)
TRACK = replace(
    LOOP,
    path=str(TRACKS / "dirtylove.ogg"),
    kind=Kind.TRACK,
    duration_s=92.2,
    bpm=177.0,
    segments=tuple(
        Segment(n, 4 * n + 1, 4 * n + 4, n * 5.424, (n + 1) * 5.424, (0.1 * (n % 9),) * 6) for n in range(17)
    ),
)
BEATLESS = replace(LOOP, kind=Kind.TRACK, status=Status.NO_TEMPO, bpm=None, first_downbeat_s=None, segments=())


@pytest.mark.parametrize("outcome", [LOOP, TRACK, BEATLESS], ids=["loop", "track", "no tempo"])
def test_a_picture_is_drawn(tmp_path: Path, outcome: LabelOutcome) -> None:
    draw_iram(outcome, tmp_path / "new folder" / "map.png")
    image = matplotlib.image.imread(tmp_path / "new folder" / "map.png")
    assert image.shape[0] > 300
    assert image.shape[1] > 1000
    assert image[..., :3].std() > 0.1


def test_a_file_that_is_gone_leaves_no_picture(tmp_path: Path) -> None:
    with pytest.raises(AudioError):
        draw_iram(replace(LOOP, path=str(tmp_path / "gone.wav")), tmp_path / "map.png")
    assert not list(tmp_path.iterdir())


def test_a_format_that_does_not_exist_leaves_no_picture(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="xyz"):
        draw_iram(LOOP, tmp_path / "map.xyz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("hz", [100.0, 440.0, 3000.0])
def test_a_tone_is_brightest_at_its_own_frequency(hz: float) -> None:
    samples = tone(3.0, hz)
    levels, edges_hz = log_spectrogram([samples], len(samples))
    row = int(np.argmax(levels[:, levels.shape[1] // 2]))
    assert edges_hz[row] * 0.97 < hz < edges_hz[row + 1] * 1.03
    assert levels.max() == 0


@pytest.mark.parametrize("size", [1, 777, 5000, 48_000])
def test_a_spectrogram_is_the_same_whatever_blocks_the_audio_comes_in(size: int) -> None:
    samples = tone(3.0, 440.0) * np.linspace(0, 1, 48_000, dtype=np.float32)
    blocks = (samples[start : start + size] for start in range(0, len(samples), size))
    whole, _ = log_spectrogram([samples], len(samples))
    parts, _ = log_spectrogram(blocks if size > 1 else iter([samples[:1], samples[1:]]), len(samples))
    assert np.array_equal(parts, whole)
