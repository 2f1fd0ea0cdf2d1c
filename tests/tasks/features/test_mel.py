from itertools import pairwise

import librosa
import numpy as np
import pytest

from tasks.audio.decoding import decode
from tasks.features.mel import (
    cut_segments,
    log_compress,
    mel_power,
    mel_powers_of_blocks,
    normalise_level,
    sums_between,
)
from tasks.features.mel_config import MelConfig
from tasks.features.mel_filters import mel_filters
from tests.support.dummies import LOOPS, clicks, noise

CONFIG = MelConfig()
OTHER = MelConfig(sample_rate=22_050, n_fft=2048, hop_length=512, mels=40, fmin=0.0, fmax=11_025.0)
FINE = MelConfig(n_fft=2048, hop_length=512, mels=128)


@pytest.mark.slow  # in a fresh environment librosa first compiles for half a minute
@pytest.mark.parametrize("config", [CONFIG, OTHER])
@pytest.mark.parametrize("name", ["loop_amen_full_140bpm.ogg", "loop_drone_g_97.ogg", "loop_industrial.ogg"])
def test_the_mel_power_of_real_audio_is_librosas(name: str, config: MelConfig) -> None:
    samples = decode(LOOPS / name, config.sample_rate).samples
    expected = librosa.feature.melspectrogram(
        y=samples,
        sr=config.sample_rate,
        n_fft=config.n_fft,
        hop_length=config.hop_length,
        power=2,
        center=True,
        pad_mode="constant",
        norm="slaney",
        n_mels=config.mels,
        fmin=config.fmin,
        fmax=config.fmax,
    ).T
    power = mel_power(samples, config)
    assert power.shape == expected.shape
    np.testing.assert_allclose(power, expected, rtol=1e-4, atol=1e-7 * expected.max())


@pytest.mark.parametrize("config", [CONFIG, OTHER])
def test_the_filter_bank_is_librosas(config: MelConfig) -> None:
    expected = librosa.filters.mel(
        sr=config.sample_rate, n_fft=config.n_fft, n_mels=config.mels, fmin=config.fmin, fmax=config.fmax
    )
    np.testing.assert_allclose(mel_filters(config), expected, rtol=1e-4, atol=1e-9)


def test_a_long_file_has_the_power_of_its_parts() -> None:
    samples = noise(120.0)
    late = mel_power(samples, CONFIG)[6000:6100]
    alone = mel_power(samples[5990 * CONFIG.hop_length : 6110 * CONFIG.hop_length], CONFIG)[10:110]
    np.testing.assert_allclose(late, alone, rtol=1e-4)


@pytest.mark.parametrize("expected", [0, 1_000, 48_000, 1_000_000])
def test_a_sound_in_blocks_has_the_powers_of_the_whole(expected: int) -> None:
    samples, configs = noise(3.0), [CONFIG, FINE]
    cuts = [0, 1, 700, 701, 5_000, 5_000, 30_000, len(samples)]
    blocks = [samples[start:end] for start, end in pairwise(cuts)]
    for power, config in zip(mel_powers_of_blocks(iter(blocks), expected, configs), configs, strict=True):
        np.testing.assert_allclose(power, mel_power(samples, config), rtol=1e-4)


def test_equal_configurations_have_one_digest_and_others_another() -> None:
    assert MelConfig().digest == CONFIG.digest
    assert len({CONFIG.digest, OTHER.digest, MelConfig(fmin=31.0).digest}) == 3
    assert hash(MelConfig()) == hash(CONFIG)


@pytest.mark.parametrize("bpm", [61.3, 97.0, 126.0, 177.0])
@pytest.mark.parametrize("config", [CONFIG, FINE])
def test_cutting_keeps_the_energy_exactly(bpm: float, config: MelConfig) -> None:
    power = mel_power(noise(50.0), config)
    bar_s = 240 / bpm
    segments = cut_segments(power, np.arange(3) * 4 * bar_s, bar_s, config).astype(np.float64)
    step_in_frames = 4 * bar_s * config.frame_rate / config.frames_per_segment
    end = 3 * 4 * bar_s * config.frame_rate + 0.5
    whole = int(end)
    # A frame stands for the hop around its centre, so half of frame 0 lies before the start of the file.
    integral = power[:whole].sum(axis=0) - 0.5 * power[0] + (end - whole) * power[whole]
    np.testing.assert_allclose(segments.sum(axis=(0, 1)) * step_in_frames, integral, rtol=1e-5)


def test_a_frame_counts_on_both_sides_of_an_edge_by_its_share() -> None:
    values = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    edges = np.array([0.0, 0.5, 0.75, 0.75, 2.0, 3.0, 3.0])
    shares = np.array([[0.5, 0, 0], [0.25, 0, 0], [0, 0, 0], [0.25, 1, 0], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_allclose(sums_between(values, edges), shares @ values)


def test_sums_between_edges_are_the_differences_of_a_running_sum() -> None:
    rng = np.random.default_rng(0)
    values = rng.random((500, 3), np.float32)
    edges = np.sort(rng.uniform(0, 500, 900))
    running = np.vstack([np.zeros(3), np.cumsum(values, axis=0, dtype=np.float64)])
    expected = [np.interp(edges, np.arange(501), column) for column in running.T]
    np.testing.assert_allclose(sums_between(values, edges), np.diff(expected).T, atol=1e-6)


def test_a_pattern_gives_nearly_the_same_segment_at_any_tempo() -> None:
    slow, fast = (
        cut_segments(mel_power(clicks(bpm, 16 * 60 / bpm), CONFIG), np.zeros(1), 240 / bpm, CONFIG)[0].sum(axis=1)
        for bpm in (100, 150)
    )
    assert len(slow) == len(fast) == CONFIG.frames_per_segment
    assert np.corrcoef(slow, fast)[0, 1] > 0.9
    for segment in (slow, fast):
        assert set(np.argsort(segment)[-4:] // CONFIG.frames_per_bar) == {0, 1, 2, 3}


def test_what_lies_outside_the_file_is_silence() -> None:
    power = mel_power(noise(4.0), CONFIG)
    before, across, after = cut_segments(power, np.array([-20.0, 2.0, 50.0]), 2.0, CONFIG)
    assert not before.any()
    assert not after.any()
    assert across[: CONFIG.frames_per_bar - 2].all()
    assert not across[CONFIG.frames_per_bar + 2 :].any()


@pytest.mark.parametrize("gain", [1e-3, 0.1, 8.0])
def test_features_do_not_depend_on_gain(gain: float) -> None:
    samples = decode(LOOPS / "loop_tabla.ogg", CONFIG.sample_rate).samples
    plain, scaled = (
        log_compress(normalise_level(mel_power(signal, CONFIG)))
        for signal in (samples, (samples * gain).astype(np.float32))
    )
    np.testing.assert_allclose(plain, scaled, atol=1e-3)


def test_the_loudest_quarter_has_a_mean_power_of_one() -> None:
    totals = np.sort(normalise_level(mel_power(noise(5.0), CONFIG)).sum(axis=1))
    assert totals[-(len(totals) // 4) :].mean() == pytest.approx(1.0, rel=1e-4)


def test_the_logarithm_has_a_floor_and_keeps_the_order() -> None:
    power = np.array([-1e-9, 0.0, 1e-3, 1.0], np.float32)
    compressed = log_compress(power)
    assert np.isfinite(compressed).all()
    assert compressed[0] == compressed[1] < compressed[2] < compressed[3] == pytest.approx(0.0, abs=1e-5)
