"""Real tracks to learn sections from and to be measured on: their maps by the bundled model, and their sections."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.models import StoredModel
from storage.vocabulary import BARS_PER_SEGMENT, ROLES, BpmSource
from tasks.audio.decoding import decode
from tasks.features.mel import log_compress, mel_power, normalise_level
from tasks.features.mel_config import MelConfig
from tasks.networks.inference import LoadedNetwork, load_network, predict_at_two_scales
from tasks.rhythm.grid import Grid, Tempo
from tasks.section_training.truth import labels_of_bars, sections_of_roles, sections_of_words
from tasks.sources.compositions import Composition, read_compositions
from tasks.structure.iram import bar_levels_db
from tasks.structure.section_features import TrackMap
from tasks.structure.segments import bar_numbers, bars_of_phrases, phrase_mels, track_bounds


@dataclass(frozen=True)
class Track:
    """A composition as the program sees it, on its written grid, and the true label of each of its bars."""

    composition: Composition
    map: TrackMap
    labels: NDArray[np.int64]

    @property
    def bar_s(self) -> float:
        """The length of a bar in seconds."""
        return 240.0 / self.composition.bpm

    @property
    def is_generated(self) -> bool:
        """Whether the sections are those of a generated arrangement, by its words, and not by rule."""
        return bool(self.composition.sections)


def read_tracks(corpus: Path, stored: StoredModel, names: Sequence[str]) -> Iterator[Track]:
    """The compositions below `corpus` of these names, decoded and labelled by a model bar by bar."""
    network = load_network(stored.weights, stored.card)
    for composition in read_compositions(corpus):
        if composition.name in names:
            track = _map_of(composition, network, MelConfig(**stored.card.mel), stored.card.thresholds)
            yield Track(composition, track, true_labels(composition, track))


def true_labels(composition: Composition, track: TrackMap) -> NDArray[np.int64]:
    """The label of each bar (bars,) by the words of the arrangement, or else by the rule for roles."""
    if composition.sections:
        return labels_of_bars(sections_of_words(composition.sections), len(track.bars))
    levels = segment_levels_db(track.levels_db)
    count = min(len(levels), len(composition.truth))
    return labels_of_bars(sections_of_roles(composition.truth[:count], levels[:count]), len(track.bars))


def segment_levels_db(levels_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """The level of every four bars, from that of each (bars,)."""
    starts = range(0, len(levels_db), BARS_PER_SEGMENT)
    power = [np.mean(10 ** (levels_db[start : start + BARS_PER_SEGMENT] / 10)) for start in starts]
    return np.asarray(10 * np.log10(power))


def _map_of(
    composition: Composition, network: LoadedNetwork, config: MelConfig, thresholds: dict[str, float]
) -> TrackMap:
    sound = decode(composition.audio, config.sample_rate)
    grid = Grid(Tempo(composition.bpm, BpmSource.MANIFEST, 1.0), 0.0)
    bars = bar_numbers(track_bounds(grid, len(sound.samples) / config.sample_rate))
    power = normalise_level(mel_power(sound.samples, config))
    phrases = log_compress(phrase_mels(power, bars, grid, config))
    _, by_bars = predict_at_two_scales(network, phrases)
    mels = bars_of_phrases(phrases.reshape(-1, config.frames_per_bar, config.mels), bars)
    activations = bars_of_phrases(by_bars.reshape(-1, len(ROLES)), bars)
    return TrackMap(activations, mels.mean(axis=1), bar_levels_db(mels), thresholds, bars)
