from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from storage.vocabulary import ROLES
from tasks.structure.section_features import TrackMap
from tasks.structure.sections import find_sections

THRESHOLDS = dict.fromkeys(ROLES, 0.5)


def song(*parts: tuple[int, str, float], first_bar: int = 1, doubt: float = 0.1, seed: int = 1) -> TrackMap:
    """Parts of a song: how many bars, which roles by their first letters (v, b, p, m, c, f), at what level in dB.

    A role that sounds has an activation of 1 less `doubt`, and adds its own bands to the sound; bars differ a little.
    """
    rng = np.random.default_rng(seed)
    spectra = rng.uniform(0, 1, (len(ROLES), 16)) ** 3
    on, levels = [], []
    for bars, letters, level in parts:
        on += [[role[0] in letters for role in ROLES]] * bars
        levels += [level] * bars
    sounding = np.array(on)
    power = sounding @ spectra * 10 ** (np.array(levels)[:, None] / 10) + 1e-4
    return TrackMap(
        activations=np.clip(np.where(sounding, 1 - doubt, doubt) + rng.normal(0, 0.02, sounding.shape), 0, 1),
        sounds=np.log(power * np.exp(rng.normal(0, 0.05, power.shape))).astype(np.float32),
        levels_db=np.array(levels) + rng.normal(0, 0.3, len(levels)),
        thresholds=THRESHOLDS,
        bars=range(first_bar, first_bar + len(levels)),
    )


def sections_of(*parts: tuple[int, str, float]) -> list[tuple[str, int, int]]:
    return [(one.label.value, one.start_bar, one.end_bar) for one in find_sections(song(*parts))]


CLUB = ((16, "p", -9), (32, "pbmc", 0), (16, "c", -10), (32, "pbmc", 0), (16, "p", -9))


def test_a_dance_track_gets_the_sections_it_was_made_of() -> None:
    assert sections_of(
        *CLUB
    ) == [("intro", 1, 16), ("core", 17, 48), ("break", 49, 64), ("core", 65, 96), ("outro", 97, 112)]  # fmt: skip


def test_a_build_grows_and_leads_to_a_core() -> None:
    growing = [(2, "f", -8), (2, "pf", -6), (2, "pfm", -4), (2, "pfm", -3)]
    found = sections_of((16, "p", -8), (32, "pbmc", 0), (16, "c", -14), *growing, (32, "pbmc", 0), (16, "p", -10))
    assert ("build", 65, 72) in found


def test_a_track_that_is_full_throughout_is_one_core() -> None:
    assert sections_of((64, "pbm", 0)) == [("core", 1, 64)]


def test_a_track_need_not_begin_or_end_quietly() -> None:
    assert sections_of((32, "pbmc", 0), (16, "c", -12), (32, "pbmc", 0)) == [
        ("core", 1, 32),
        ("break", 33, 48),
        ("core", 49, 80),
    ]


def test_borders_fall_where_four_bars_begin_though_one_role_comes_in_a_bar_early() -> None:
    starts = [start for _, start, _ in sections_of((15, "p", -9), (1, "pc", -9), (32, "pbmc", 0), (16, "p", -9))]
    assert starts == [1, 17, 49]


def test_a_border_beside_the_phrase_lines_is_found_where_all_says_so() -> None:
    *_, core, outro = sections_of((18, "p", -12), (32, "pbmcv", 0), (16, "c", -15))
    assert (core, outro) == (("core", 19, 50), ("outro", 51, 66))


def test_a_clear_label_and_a_clear_border_are_surer_than_doubtful_ones() -> None:
    clear = find_sections(song(*CLUB, doubt=0.02))
    vague = find_sections(song(*((bars, letters, level / 6) for bars, letters, level in CLUB), doubt=0.44))
    assert min(one.confidence for one in clear) > 0.75
    assert min(one.border_confidence or 0 for one in clear) > 0.8
    assert min(one.confidence for one in vague) < min(one.confidence for one in clear)
    assert min(one.border_confidence or 0 for one in vague) < min(one.border_confidence or 0 for one in clear)


def test_where_nothing_is_clear_no_section_is_sure() -> None:
    rng = np.random.default_rng(1)
    track = TrackMap(
        activations=rng.random((112, len(ROLES))).astype(np.float32),
        sounds=rng.normal(-8, 2, (112, 128)).astype(np.float32),
        levels_db=rng.uniform(-20, 0, 112),
        thresholds=THRESHOLDS,
        bars=range(1, 113),
    )
    assert np.mean([one.confidence for one in find_sections(track)]) < 0.7


def test_how_loud_a_master_is_changes_nothing() -> None:
    track = song(*CLUB)
    louder = TrackMap(track.activations, track.sounds + 2, track.levels_db + 9, THRESHOLDS, track.bars)
    assert find_sections(louder) == find_sections(track)


def test_a_track_without_bars_has_no_sections() -> None:
    empty = np.zeros((0, len(ROLES)), np.float32)
    assert find_sections(TrackMap(empty, np.zeros((0, 128), np.float32), np.zeros(0), THRESHOLDS, range(0))) == []


@given(st.integers(1, 80), st.integers(0, 1000), st.integers(-5, 1))
def test_sections_cover_every_bar_once(count: int, seed: int, first_bar: int) -> None:
    rng = np.random.default_rng(seed)
    track = TrackMap(
        activations=rng.random((count, len(ROLES))).astype(np.float32),
        sounds=rng.normal(-8, 2, (count, 128)).astype(np.float32),
        levels_db=rng.uniform(-20, 0, count),
        thresholds=THRESHOLDS,
        bars=range(first_bar, first_bar + count),
    )
    sections = find_sections(track)
    covered = [bar for one in sections for bar in range(one.start_bar, one.end_bar + 1)]
    assert covered == list(track.bars)
    assert [one.section for one in sections] == list(range(len(sections)))
    assert all(one.label != other.label for one, other in pairwise(sections))
    assert all(0 <= one.confidence <= 1 and 0 <= (one.border_confidence or 0) <= 1 for one in sections)
